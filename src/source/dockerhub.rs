//! Docker Hub: one request for each pushed tag, without type, id or digest.
//!
//! Published in docker/docs `content/manuals/docker-hub/repos/manage/webhooks.md`.

use serde::Deserialize;

use super::fields::{Facts, Verb, repeat};
use super::json::{self, Place};
use super::text::{Scalar, Text, Time, nullable};
use super::{Item, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    #[serde(deserialize_with = "nullable")]
    push_data: Push<'a>,
    #[serde(deserialize_with = "nullable")]
    repository: Repository<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Push<'a> {
    pushed_at: Scalar<'a>,
    pusher: Text<'a>,
    tag: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Repository<'a> {
    repo_name: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let bodies = json::list::<Body<'_>>(request.body, Place::Bare, &settings.limits)?;
    Ok(bodies
        .into_iter()
        .map(|body| body.map_or_else(Item::Unreadable, |body| item(&body, settings)))
        .collect())
}

fn item(body: &Body<'_>, settings: &Settings) -> Item {
    let (push, repository) = (&body.push_data, &*body.repository.repo_name);
    let facts = Facts {
        // Without a time, two pushes of a tag look alike.
        repeat: repeat([&push.pushed_at.to_string(), repository, &push.tag, &push.pusher]),
        at: Time::from(&push.pushed_at).0,
        actor: &push.pusher,
        registry: "docker.io",
        repository,
        tag: &push.tag,
        ..Facts::default()
    };
    facts.item(Verb::Push, &settings.limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Dockerhub);
    }

    #[test]
    fn a_repeat_is_known_by_its_time() {
        let told = Sample::load("dockerhub/push").told(Kind::Dockerhub);
        assert_eq!(told.repeat.as_deref(), Some("1417566161\nsvendowideit/testhook\nlatest\ntrustedbuilder"));
        let body =
            |at: &str| format!(r#"{{"push_data":{{"tag":"t"{at}}},"repository":{{"repo_name":"a/b"}}}}"#);
        assert_eq!(Sample::json(body("")).told(Kind::Dockerhub).repeat, None);
        let told = Sample::json(body(r#","pushed_at":1417566161.5"#)).told(Kind::Dockerhub);
        assert_eq!(told.at.unwrap().to_string(), "2014-12-03T00:22:41.5Z");
    }

    #[test]
    fn nothing_pushed_is_unreadable() {
        assert!(matches!(Sample::json("{}").item(Kind::Dockerhub), Item::Unreadable(_)));
    }
}
