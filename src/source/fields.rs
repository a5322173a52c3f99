//! What every kind's reader fills in, and the rules that hold for all of them: empty is absent, a digest is whole
//! or not told, nothing is longer than its limit.

use jiff::Timestamp;

use super::{Item, Limits, Unreadable};
use crate::event::{Action, EventType, Notification, TraceContext, Via, is_digest};

/// One notification as the payload has it. Empty is not told.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) id: &'a str,
    pub(super) repeat: Option<String>,
    pub(super) emitter: &'a str,
    pub(super) request: &'a str,
    pub(super) at: Option<Timestamp>,
    pub(super) actor: &'a str,
    pub(super) registry: &'a str,
    pub(super) repository: &'a str,
    /// Or a chart's version.
    pub(super) tag: &'a str,
    pub(super) digest: &'a str,
    pub(super) media_type: &'a str,
    pub(super) size: u64,
    pub(super) trace: Option<TraceContext>,
    /// Whether another gateway says that the actor is not as it was told.
    pub(super) is_actor_cut: bool,
    pub(super) via: Via,
}

/// What the source says was done; with the digest and tag that are told it makes an [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Push,
    /// Of a tag where one is told, else of a manifest.
    Delete,
    /// The same, and where neither is told of the whole repository.
    DeleteOrRepository,
    /// Of a manifest; a tag that is told is one of those it had.
    DeleteManifest,
    PutChart,
    DeleteChart,
    Pull,
    Scan,
    /// Another gateway's event.
    Told(EventType),
}

impl Facts<'_> {
    /// The notification, or what is wrong with it.
    pub(super) fn item(self, verb: Verb, limits: &Limits) -> Item {
        match self.notification(verb, limits) {
            Ok(notification) => Item::Told(notification),
            Err(unreadable) => Item::Unreadable(unreadable),
        }
    }

    fn notification(self, verb: Verb, limits: &Limits) -> Result<Notification, Unreadable> {
        self.check(limits)?;
        if self.repository.is_empty() {
            return Err(Unreadable::malformed("no repository is named"));
        }
        let action = self.action(verb).map_err(Unreadable::malformed)?;
        let (actor, is_actor_cut) = printed(self.actor, limits.actor);
        let (id, is_id_cut) = printed(self.id, limits.other);
        let cut = [("actor", is_actor_cut || self.is_actor_cut), ("source_event_id", is_id_cut)];
        Ok(Notification {
            id,
            repeat: self.repeat,
            emitter: self.emitter.to_owned(),
            request: self.request.to_owned(),
            at: self.at,
            actor,
            registry: self.registry.to_owned(),
            repository: self.repository.to_owned(),
            media_type: self.media_type.to_owned(),
            size: self.size,
            trace: self.trace,
            cut: cut.into_iter().filter(|(_, is_cut)| *is_cut).map(|(name, _)| name).collect(),
            via: self.via,
            action,
        })
    }

    fn check(&self, limits: &Limits) -> Result<(), Unreadable> {
        let bounds = [
            ("repository", self.repository, limits.repository),
            ("tag", self.tag, limits.tag),
            ("digest", self.digest, limits.digest),
            ("actor", self.actor, limits.actor),
            ("id", self.id, limits.other),
            ("registry", self.registry, limits.other),
            ("media type", self.media_type, limits.other),
            ("request", self.request, limits.other),
            ("emitter", self.emitter, limits.other),
        ];
        if let Some((name, text, limit)) = bounds.into_iter().find(|(_, text, limit)| text.len() > *limit) {
            let message = format!("{name} has {} bytes, at most {limit} are taken", text.len());
            return Err(Unreadable { code: "field_too_long", message });
        }
        let printed = [
            ("registry", self.registry),
            ("repository", self.repository),
            ("tag", self.tag),
            ("digest", self.digest),
            ("media type", self.media_type),
        ];
        match printed.into_iter().find(|(_, text)| text.chars().any(char::is_control)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(Unreadable { code: "field_invalid", message: format!("{name} has a control character") })
            }
        }
    }

    fn action(&self, verb: Verb) -> Result<Action, &'static str> {
        let digest = is_digest(self.digest).then(|| self.digest.to_owned());
        let tag = self.tag().map(str::to_owned);
        let image = |digest: Option<String>| digest.ok_or("no whole digest is told");
        let version = |tag: Option<String>| tag.ok_or("no version is told");
        Ok(match (verb, digest, tag) {
            (Verb::Push, Some(digest), tag) => Action::Put { digest, tag },
            (Verb::Push, None, Some(tag)) => Action::PutTag { tag },
            (Verb::Delete | Verb::DeleteOrRepository, digest, Some(tag)) => Action::DeleteTag { tag, digest },
            (Verb::Delete | Verb::DeleteOrRepository, Some(digest), None) => {
                Action::Delete { digest, tag: None }
            }
            // A digest or tag that can't be read must not take the whole repository.
            (Verb::DeleteOrRepository, None, None) if self.digest.is_empty() && self.tag.is_empty() => {
                Action::DeleteRepository
            }
            (Verb::Push | Verb::Delete | Verb::DeleteOrRepository, None, None) => {
                return Err("neither tag nor whole digest is told");
            }
            (Verb::DeleteManifest, digest, tag) => Action::Delete { digest: image(digest)?, tag },
            (Verb::PutChart, digest, tag) => {
                Action::PutChart { version: version(tag)?, digest: digest.unwrap_or_default() }
            }
            (Verb::DeleteChart, digest, tag) => {
                Action::DeleteChart { version: version(tag)?, digest: digest.unwrap_or_default() }
            }
            (Verb::Pull, digest, tag) => Action::Pull { digest: image(digest)?, tag },
            (Verb::Scan, digest, tag) => Action::Scan { digest: image(digest)?, tag },
            (Verb::Told(event_type), digest, tag) => {
                Action::Told { event_type, digest: digest.unwrap_or_default(), tag: tag.unwrap_or_default() }
            }
        })
    }

    /// The tag, unless it is none: some write the digest where there is no tag.
    fn tag(&self) -> Option<&str> {
        let is_digest =
            self.tag == self.digest || self.tag.starts_with("sha256:") || self.tag.starts_with("sha512:");
        (!self.tag.is_empty() && !is_digest).then_some(self.tag)
    }
}

/// A text that identifies nothing, as it may be shown: control characters are replaced, and what is over the limit then is
/// left out. And whether any were.
fn printed(text: &str, limit: usize) -> (String, bool) {
    if !text.contains(char::is_control) {
        return (text.to_owned(), false);
    }
    let mut printed = String::with_capacity(text.len());
    for c in text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }) {
        if printed.len() + c.len_utf8() > limit {
            break;
        }
        printed.push(c);
    }
    (printed, true)
}

/// The text by which a repeat is known; `None` where the first part, the one that identifies, is not told.
pub(super) fn repeat<const N: usize>(parts: [&str; N]) -> Option<String> {
    parts.first().is_some_and(|first| !first.is_empty()).then(|| parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:29031a2ee24071c6c4f6254033d2cc6f86cdfb037b32ad3c8c3f0bb3e14ab29a";

    fn facts<'a>(tag: &'a str, digest: &'a str) -> Facts<'a> {
        Facts { repository: "app", tag, digest, ..Facts::default() }
    }

    fn action(tag: &str, digest: &str, verb: Verb) -> Option<Action> {
        match facts(tag, digest).item(verb, &Limits::default()) {
            Item::Told(notification) => Some(notification.action),
            _ => None,
        }
    }

    fn code(facts: Facts<'_>) -> &'static str {
        match facts.item(Verb::Push, &Limits::default()) {
            Item::Unreadable(unreadable) => unreadable.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pushes() {
        let (digest, tag) = (DIGEST.to_owned(), Some("v1".to_owned()));
        assert_eq!(action("v1", DIGEST, Verb::Push), Some(Action::Put { digest: digest.clone(), tag }));
        assert_eq!(action("v1", "", Verb::Push), Some(Action::PutTag { tag: "v1".into() }));
        for no_tag in ["", DIGEST, "sha256:0"] {
            let put = Action::Put { digest: digest.clone(), tag: None };
            assert_eq!(action(no_tag, DIGEST, Verb::Push), Some(put), "{no_tag}");
        }
        assert_eq!(action("", "", Verb::Push), None);
        assert_eq!(action("", "sha256:29031a2e", Verb::Push), None);
    }

    #[test]
    fn only_silence_takes_a_repository() {
        let verb = Verb::DeleteOrRepository;
        assert_eq!(action("", "", verb), Some(Action::DeleteRepository));
        assert_eq!(action("", "sha256:29031a2e", verb), None);
        assert_eq!(action("sha256:29031a2e", "", verb), None);
        assert_eq!(action("", "", Verb::Delete), None);
        assert_eq!(action("v1", "", Verb::DeleteManifest), None);
    }

    #[test]
    fn limits() {
        let long = "a".repeat(1_000);
        assert_eq!(code(Facts { repository: &long[..256], ..facts("v1", "") }), "field_too_long");
        assert_eq!(code(facts(&long[..129], "")), "field_too_long");
        assert_eq!(code(facts("v1", &long[..257])), "field_too_long");
        assert_eq!(code(Facts { actor: &long[..257], ..facts("v1", "") }), "field_too_long");
        assert_eq!(code(Facts { id: &long, ..facts("v1", "") }), "field_too_long");
        assert_eq!(code(facts("v\u{7f}1", "")), "field_invalid");
        assert_eq!(code(Facts { registry: "a\nb", ..facts("v1", "") }), "field_invalid");
        assert_eq!(code(Facts { repository: "", ..facts("v1", "") }), "malformed_event");
        let longest = Facts { repository: &long[..255], actor: &long[..256], ..facts(&long[..128], "") };
        assert!(matches!(longest.item(Verb::Push, &Limits::default()), Item::Told(_)));
    }

    #[test]
    fn what_identifies_nothing_is_replaced_and_named() {
        let told = |actor: &str, id: &str| match (Facts { id, actor, ..facts("v1", "") })
            .item(Verb::Push, &Limits::default())
        {
            Item::Told(told) => (told.actor, told.id, told.cut),
            other => panic!("{other:?}"),
        };
        let (actor, id, cut) = told("ci\u{1b}[31m\u{7f}\u{85}\r\n", "a\0b");
        assert_eq!(
            (actor.as_str(), id.as_str()),
            ("ci\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}", "a\u{fffd}b")
        );
        assert_eq!(cut, ["actor", "source_event_id"]);
        // Those that can't be seen or turn the direction are the page's to mark.
        let seen = "jane\u{202e}\u{200b}\u{2066}é";
        assert_eq!(told(seen, "1"), (seen.to_owned(), "1".to_owned(), vec![]));
        let long = "\u{1}".repeat(256);
        assert_eq!(told(&long, "1").0.len(), 255, "within the limit, though a replacement is longer");
    }

    #[test]
    fn repeats_need_what_identifies_them() {
        assert_eq!(repeat(["id", "source"]).as_deref(), Some("id\nsource"));
        assert_eq!(repeat(["", "source"]), None);
    }
}
