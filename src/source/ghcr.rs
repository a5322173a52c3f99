//! GitHub Packages' container registry: the webhook events `package` and `registry_package`.
//!
//! Published in GitHub's documentation, *Webhook events and payloads*, and octokit/webhooks `payload-examples/`.

use serde::Deserialize;

use super::fields::{Facts, Verb, repeat};
use super::json;
use super::reference::Reference;
use super::text::{Size, Text, Time, nullable};
use super::{Handshake, Item, Reading, Request, Settings, Unreadable};
use crate::event::is_digest;

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    action: Text<'a>,
    package: Option<Package<'a>>,
    registry_package: Option<Package<'a>>,
    #[serde(deserialize_with = "nullable")]
    sender: Sender<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Sender<'a> {
    login: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Package<'a> {
    name: Text<'a>,
    namespace: Text<'a>,
    package_type: Text<'a>,
    #[serde(deserialize_with = "nullable")]
    package_version: Release<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Release<'a> {
    version: Text<'a>,
    package_url: Text<'a>,
    updated_at: Time,
    #[serde(deserialize_with = "nullable")]
    container_metadata: Container<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Container<'a> {
    #[serde(deserialize_with = "nullable")]
    tag: Tag<'a>,
    #[serde(deserialize_with = "nullable")]
    manifest: Manifest<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Tag<'a> {
    name: Text<'a>,
    digest: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Manifest<'a> {
    digest: Text<'a>,
    media_type: Text<'a>,
    size: Size,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Reading, Unreadable> {
    let ignored = |why| Ok(Reading::Items(vec![Item::Ignored(why)]));
    match request.header("x-github-event") {
        Some("ping") => return Ok(Reading::Answer(Handshake::ok())),
        None | Some("package" | "registry_package") => {}
        Some(_) => return ignored("unknown_type"),
    }
    let json = request.json();
    let body: Body<'_> = json::parse(&json, &settings.limits)?;
    let Some(package) = body.registry_package.as_ref().or(body.package.as_ref()) else {
        return ignored("unknown_type");
    };
    if !matches!(&*body.action, "published" | "updated") {
        return ignored("unknown_type");
    }
    if !is_container(package) {
        return ignored("other_package_type");
    }
    let delivery = request.header("x-github-delivery").unwrap_or_default();
    Ok(Reading::Items(vec![item(delivery, &body.sender.login, package, settings)]))
}

fn is_container(package: &Package<'_>) -> bool {
    // Published samples call a container `npm`: a URL on the container registry outweighs the type.
    let kind = &package.package_type;
    kind.eq_ignore_ascii_case("container")
        || kind.eq_ignore_ascii_case("docker")
        || package.package_version.package_url.starts_with("ghcr.io/")
}

fn item(delivery: &str, actor: &str, package: &Package<'_>, settings: &Settings) -> Item {
    let version = &package.package_version;
    let Container { tag, manifest } = &version.container_metadata;
    let digests = [&version.version, &manifest.digest, &tag.digest];
    let reference = Reference::parse(&version.package_url);
    // Payloads keep the owner's case, the registry serves lower case.
    let repository = if reference.repository.is_empty() && !package.name.is_empty() {
        format!("{}/{}", &*package.namespace, &*package.name).to_lowercase()
    } else {
        reference.repository.to_lowercase()
    };
    let facts = Facts {
        id: delivery,
        repeat: repeat([delivery]),
        at: version.updated_at.0,
        actor,
        registry: if reference.registry.is_empty() { "ghcr.io" } else { reference.registry },
        repository: &repository,
        tag: &tag.name,
        digest: digests.into_iter().find(|digest| is_digest(digest)).map_or("", |digest| &**digest),
        media_type: &manifest.media_type,
        size: manifest.size.0,
        ..Facts::default()
    };
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
        sample::check_all(Kind::Ghcr);
    }

    fn load(case: &str) -> Sample {
        Sample::load(&format!("ghcr/{case}"))
    }

    #[test]
    fn samples_of_both_events() {
        let told = load("registry-package-published-tagged").told(Kind::Ghcr);
        assert_eq!((told.registry.as_str(), told.repository.as_str()), ("ghcr.io", "codertocat/hello-world"));
        assert_eq!((told.actor.as_str(), told.size), ("github-actions[bot]", 1782));
        assert_eq!(told.id, "72d3162e-cc78-11e3-81ab-4c9367dc0960");
        assert!(matches!(told.action, Action::Put { tag: Some(tag), .. } if tag == "v1.2.3"));
        for case in ["package-published", "registry-package-published"] {
            let told = load(case).told(Kind::Ghcr);
            assert_eq!((told.at, told.repository.as_str()), (None, "codertocat/hello-world"), "{case}");
            assert!(matches!(told.action, Action::Put { tag: None, .. }), "{case}");
        }
    }

    #[test]
    fn a_form_says_the_same() {
        let json = load("registry-package-published-tagged");
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", std::str::from_utf8(&json.body).unwrap())
            .finish();
        let form = Sample { body: form.into(), ..json.clone() };
        let form = form.with("content-type", "application/x-www-form-urlencoded");
        assert_eq!(form.told(Kind::Ghcr), json.told(Kind::Ghcr));
    }

    #[test]
    fn what_is_no_event() {
        let item =
            |event: &str, body: &str| Sample::json(body).with("x-github-event", event).item(Kind::Ghcr);
        assert_eq!(item("push", "{}"), Item::Ignored("unknown_type"));
        assert_eq!(item("package", "{}"), Item::Ignored("unknown_type"));
        assert_eq!(item("package", r#"{"action":"deleted","package":{}}"#), Item::Ignored("unknown_type"));
        let npm = r#"{"action":"published","package":{"package_type":"npm","package_version":{"container_metadata":null}}}"#;
        assert_eq!(item("package", npm), Item::Ignored("other_package_type"));
    }
}
