//! Quay.io and Red Hat Quay: the notification of a repository's push.
//!
//! Published in Red Hat Quay's documentation, *Repository notifications*.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fields::{Facts, Verb};
use super::json::{self, Place};
use super::reference::Reference;
use super::text::Text;
use super::{Item, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    repository: Text<'a>,
    docker_url: Text<'a>,
    updated_tags: Tags<'a>,
}

/// A list of tags; in the form of 2013 an object that has them as names.
#[derive(Default)]
struct Tags<'a>(Vec<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Tags<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyTags;
        impl<'de> Visitor<'de> for AnyTags {
            type Value = Tags<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tags")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Tags::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut tags = Vec::new();
                while let Some(tag) = seq.next_element()? {
                    tags.push(tag);
                }
                Ok(Tags(tags))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut tags = Vec::new();
                while let Some((tag, IgnoredAny)) = map.next_entry()? {
                    tags.push(tag);
                }
                Ok(Tags(tags))
            }
        }
        deserializer.deserialize_any(AnyTags)
    }
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let mut items = Vec::new();
    for body in json::list::<Body<'_>>(request.body, Place::Bare, &settings.limits)? {
        match body {
            // The other kinds of notification differ in nothing that is published but this.
            Ok(body) if body.updated_tags.0.is_empty() => items.push(Item::Ignored("no_tags")),
            Ok(body) => items.extend(body.updated_tags.0.iter().map(|tag| item(&body, tag, settings))),
            Err(unreadable) => items.push(Item::Unreadable(unreadable)),
        }
    }
    Ok(items)
}

/// No time and no id: equal bodies are two pushes, so nothing is ever known as a repeat.
fn item(body: &Body<'_>, tag: &str, settings: &Settings) -> Item {
    let reference = Reference::parse(&body.docker_url);
    let repository = if body.repository.is_empty() { reference.repository } else { &body.repository };
    let facts = Facts { registry: reference.registry, repository, tag, ..Facts::default() };
    facts.item(Verb::Push, &settings.limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Quay);
    }

    #[test]
    fn each_tag_is_a_notification_and_no_repeat() {
        let body = r#"{"repository":"a/b","docker_url":"quay.io/a/b","updated_tags":["1","2","x\ty"]}"#;
        let items = Sample::json(body).items(&Settings::new(Kind::Quay, "q"));
        let [Item::Told(one), Item::Told(two), Item::Unreadable(three)] = &items[..] else {
            panic!("{items:?}")
        };
        assert_eq!(one.action, Action::PutTag { tag: "1".into() });
        assert_eq!((&*two.registry, &*two.repository, &two.repeat), ("quay.io", "a/b", &None));
        assert_eq!(three.code, "field_invalid");
    }

    #[test]
    fn other_kinds_have_no_tags() {
        for body in [r#"{"repository":"a/b"}"#, r#"{"updated_tags":[]}"#, r#"{"updated_tags":null}"#] {
            assert_eq!(Sample::json(body).item(Kind::Quay), Item::Ignored("no_tags"), "{body}");
        }
        assert!(matches!(Sample::json(r#"{"updated_tags":7}"#).item(Kind::Quay), Item::Unreadable(_)));
    }
}
