//! Gitea and Forgejo: the webhook event `package`.
//!
//! Published in go-gitea/gitea `modules/structs/hook.go`, `modules/structs/package.go` and
//! `services/webhook/deliver.go`.

use serde::Deserialize;

use super::fields::{Facts, Verb, repeat};
use super::reference::host;
use super::text::{Text, Time, nullable};
use super::{Item, Request, Settings, Unreadable, json};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    action: Text<'a>,
    package: Option<Package<'a>>,
    #[serde(deserialize_with = "nullable")]
    sender: User<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Package<'a> {
    #[serde(rename = "type")]
    kind: Text<'a>,
    #[serde(deserialize_with = "nullable")]
    owner: User<'a>,
    name: Text<'a>,
    /// A tag, or the digest.
    version: Text<'a>,
    html_url: Text<'a>,
    created_at: Time,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct User<'a> {
    login: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    if request.header("x-gitea-event").is_some_and(|event| event != "package") {
        return Ok(vec![Item::Ignored("unknown_type")]);
    }
    let json = request.json();
    let body: Body<'_> = json::parse(&json, &settings.limits)?;
    let delivery = request.header("x-gitea-delivery").unwrap_or_default();
    Ok(vec![item(delivery, &body, settings)])
}

fn item(delivery: &str, body: &Body<'_>, settings: &Settings) -> Item {
    let Some(package) = &body.package else { return Item::Ignored("unknown_type") };
    if &*package.kind != "container" {
        return Item::Ignored("other_package_type");
    }
    // A deleted package shows when it was created, and no other time.
    let (verb, at) = match &*body.action {
        "created" => (Verb::Push, package.created_at.0),
        "deleted" => (Verb::Delete, None),
        _ => return Item::Ignored("unknown_type"),
    };
    // Payloads keep the case, the registry serves lower case.
    let repository = format!("{}/{}", &*package.owner.login, &*package.name).to_lowercase();
    let is_named = !package.owner.login.is_empty() && !package.name.is_empty();
    let facts = Facts {
        id: delivery,
        repeat: repeat([delivery]),
        at,
        actor: &body.sender.login,
        registry: host(&package.html_url),
        repository: if is_named { &repository } else { "" },
        tag: &package.version,
        digest: if package.version.starts_with("sha256:") { &package.version } else { "" },
        ..Facts::default()
    };
    facts.item(verb, &settings.limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Gitea);
    }

    fn load(case: &str) -> Sample {
        Sample::load(&format!("gitea/{case}"))
    }

    #[test]
    fn a_version_is_a_tag_or_a_digest() {
        let tag = load("package-created-tag").told(Kind::Gitea);
        assert_eq!(
            (tag.registry.as_str(), tag.repository.as_str()),
            ("localhost:3000", "user1/giteacontainer")
        );
        assert_eq!(tag.action, Action::PutTag { tag: "latest".into() });
        assert!(matches!(
            load("package-created-digest").told(Kind::Gitea).action,
            Action::Put { tag: None, .. }
        ));
        let deleted = load("package-deleted-tag").told(Kind::Gitea);
        assert_eq!(deleted.action, Action::DeleteTag { tag: "latest".into(), digest: None });
        assert_eq!(deleted.at, None);
    }

    #[test]
    fn what_is_no_event() {
        let item =
            |event: &str, body: &str| Sample::json(body).with("x-gitea-event", event).item(Kind::Gitea);
        assert_eq!(item("push", "{"), Item::Ignored("unknown_type"));
        assert_eq!(item("package", r#"{"package":null}"#), Item::Ignored("unknown_type"));
        assert_eq!(item("package", r#"{"package":{"type":"npm"}}"#), Item::Ignored("other_package_type"));
        let renamed = r#"{"action":"renamed","package":{"type":"container"}}"#;
        assert_eq!(item("package", renamed), Item::Ignored("unknown_type"));
    }
}
