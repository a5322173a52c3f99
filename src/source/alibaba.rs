//! Alibaba Cloud ACR: triggers of Personal and Enterprise Edition.
//!
//! Published in Alibaba Cloud's documentation, *Manage triggers*.

use serde::Deserialize;

use super::fields::{Facts, Verb, repeat};
use super::json::{self, Part, Place};
use super::text::{Text, Time};
use super::{Item, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    /// Of EventBridge, whose events tell no digest.
    specversion: Text<'a>,
    #[serde(borrow)]
    push_data: Part<'a>,
    #[serde(borrow)]
    repository: Part<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Push<'a> {
    digest: Text<'a>,
    pushed_at: Text<'a>,
    tag: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Repository<'a> {
    region: Text<'a>,
    repo_full_name: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let bodies = json::list::<Body<'_>>(request.body, Place::Bare, &settings.limits)?.into_iter();
    let items = bodies.map(|body| body.and_then(|body| item(&body, settings)));
    Ok(items.map(|item| item.unwrap_or_else(Item::Unreadable)).collect())
}

fn item(body: &Body<'_>, settings: &Settings) -> Result<Item, Unreadable> {
    if !body.specversion.is_empty() {
        return Ok(Item::Ignored("unknown_type"));
    }
    let push: Push<'_> = json::part(body.push_data)?;
    let repository: Repository<'_> = json::part(body.repository)?;
    let region = &*repository.region;
    let registry = if region.is_empty() { String::new() } else { format!("registry.{region}.aliyuncs.com") };
    let facts = Facts {
        repeat: repeat([&push.pushed_at, &repository.repo_full_name, &push.tag, &push.digest]),
        at: Time::parse_local(&push.pushed_at, settings.time_zone).0,
        registry: &registry,
        repository: &repository.repo_full_name,
        tag: &push.tag,
        digest: &push.digest,
        ..Facts::default()
    };
    Ok(facts.item(Verb::Push, &settings.limits))
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Alibaba);
    }

    #[test]
    fn the_zone_is_a_setting() {
        let utc = Settings { time_zone: Offset::UTC, ..Settings::new(Kind::Alibaba, "a") };
        let Item::Told(told) = Sample::load("alibaba/trigger-push").items(&utc).remove(0) else { panic!() };
        assert_eq!(told.at.unwrap().to_string(), "2016-11-29T12:25:46Z");
        assert!(told.repeat.unwrap().starts_with("2016-11-29 12:25:46\nnamespace/repoTest\nlatest\nsha256:"));
    }

    #[test]
    fn what_is_no_push() {
        let sample = Sample::load("alibaba/ee-eventbridge-build-completed");
        assert_eq!(sample.item(Kind::Alibaba), Item::Ignored("unknown_type"));
        assert!(matches!(Sample::json("{}").item(Kind::Alibaba), Item::Unreadable(_)));
    }
}
