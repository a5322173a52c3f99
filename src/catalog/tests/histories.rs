//! Random histories of a small registry, told in its kind's way, and a reader of the events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::support::{digest, notification, time};
use crate::catalog::{Fact, Rules};
use crate::event::{Action, EventType, Notification};

/// How a registry tells what is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every change is told, with a time.
    Everything,
    /// In order; deletes of images with deletes of their tags, deletes of blobs that look the same.
    Distribution,
    /// An image goes with its last tag, and that is not told.
    LastTag,
}

impl Kind {
    pub(super) fn rules(self) -> Rules {
        let plain = Rules::default();
        match self {
            Self::Everything => plain,
            Self::Distribution => Rules { keeps_order: true, blobs_look_like_images: true, ..plain },
            Self::LastTag => Rules { last_tag_takes_image: true, ..plain },
        }
    }
}

/// Something done to the registry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Push(u8, u8),
    PushUntagged(u8),
    Untag(u8, bool),
    Delete(u8, bool),
    DeleteBlob(u8),
    DeleteAll,
}

pub(super) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (image, tag) = (0..5_u8, 0..4_u8);
    let act = prop_oneof![
        8 => (image.clone(), tag.clone()).prop_map(|(image, tag)| Act::Push(image, tag)),
        2 => image.clone().prop_map(Act::PushUntagged),
        3 => (tag, any::<bool>()).prop_map(|(tag, told)| Act::Untag(tag, told)),
        3 => (image.clone(), any::<bool>()).prop_map(|(image, told)| Act::Delete(image, told)),
        1 => image.prop_map(Act::DeleteBlob),
        1 => Just(Act::DeleteAll),
    ];
    vec(act, 1..50)
}

/// The registry itself: what is in it, and the notifications it has sent.
#[derive(Debug)]
pub(super) struct Registry {
    kind: Kind,
    pub(super) tags: BTreeMap<String, String>,
    /// Its images, and whether each has ever had a tag.
    images: BTreeMap<String, bool>,
    pub(super) sent: Vec<Notification>,
    requests: u32,
}

impl Registry {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, tags: BTreeMap::new(), images: BTreeMap::new(), sent: Vec::new(), requests: 0 }
    }

    /// Does something, and says how many notifications it made.
    pub(super) fn act(&mut self, act: Act) -> usize {
        let before = self.sent.len();
        self.requests += 1;
        match act {
            Act::Push(image, tag) => {
                let (image, tag) = (image_digest(image), format!("t{tag}"));
                self.images.insert(image.clone(), true);
                self.tags.insert(tag.clone(), image.clone());
                self.send(Action::Put { digest: image, tag: Some(tag) });
            }
            Act::PushUntagged(image) => {
                let image = image_digest(image);
                self.images.entry(image.clone()).or_default();
                self.send(Action::Put { digest: image, tag: None });
            }
            Act::Untag(tag, told) => self.untag(format!("t{tag}"), told),
            Act::Delete(image, told) => self.delete(&image_digest(image), told),
            Act::DeleteBlob(blob) if self.kind == Kind::Distribution => {
                self.send(Action::Delete { digest: digest(&format!("{}", blob + 1)), tag: None });
            }
            Act::DeleteBlob(_) => {}
            Act::DeleteAll => {
                self.images.clear();
                self.tags.clear();
                self.send(Action::DeleteRepository);
            }
        }
        self.sent.len() - before
    }

    /// The images that clients are to know.
    pub(super) fn announced(&self) -> BTreeSet<String> {
        let tagged = self.images.iter().filter(|(_, tagged)| **tagged);
        tagged.map(|(image, _)| image.clone()).collect()
    }

    pub(super) fn holds(&self, image: &str) -> bool {
        self.images.contains_key(image)
    }

    fn untag(&mut self, tag: String, told: bool) {
        let Some(image) = self.tags.remove(&tag) else { return };
        if self.kind == Kind::LastTag && !self.tags.values().any(|other| *other == image) {
            self.images.remove(&image);
        }
        let told = told && self.kind != Kind::Distribution;
        self.send(Action::DeleteTag { tag, digest: told.then_some(image) });
    }

    fn delete(&mut self, image: &str, told: bool) {
        if self.images.remove(image).is_none() {
            return;
        }
        let had: Vec<String> =
            self.tags.iter().filter(|(_, shown)| *shown == image).map(|(tag, _)| tag.clone()).collect();
        self.tags.retain(|_, shown| shown != image);
        let distribution = self.kind == Kind::Distribution;
        let tag = had.first().filter(|_| told && !distribution).cloned();
        self.send(Action::Delete { digest: image.to_owned(), tag });
        if distribution {
            for tag in had {
                self.send(Action::DeleteTag { tag, digest: None });
            }
        }
    }

    fn send(&mut self, action: Action) {
        let number = self.sent.len();
        self.sent.push(Notification {
            id: number.to_string(),
            emitter: "one".into(),
            request: self.requests.to_string(),
            at: Some(time(i64::try_from(number).unwrap() + 1)),
            ..notification(action)
        });
    }
}

fn image_digest(image: u8) -> String {
    digest(&char::from(b'a' + image).to_string())
}

/// A client that believes every event.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) images: BTreeSet<String>,
    /// What was told came in the order in which it happened, and from the beginning.
    pub(super) in_order: bool,
}

impl Reader {
    /// Takes the events of one notification, and checks what holds always of them.
    pub(super) fn read(&mut self, facts: &[Fact]) -> Result<(), TestCaseError> {
        for (index, fact) in facts.iter().enumerate() {
            let (digest, tag) = (&fact.digest, &fact.tag);
            match fact.event_type {
                // 3: once between two ends
                EventType::CreateImage => prop_assert!(self.images.insert(digest.clone()), "{facts:?}"),
                EventType::DeleteImage => {
                    let known = self.images.remove(digest);
                    prop_assert!(known || !self.in_order, "{facts:?}");
                    // 4: the ends of its tags, before anything else
                    let had = self.tags.iter().filter(|(_, shown)| *shown == digest).map(|(tag, _)| tag);
                    for (tag, next) in had.zip(facts[index + 1..].iter().map(Some).chain([None])) {
                        prop_assert!(
                            next.is_some_and(|next| next.event_type == EventType::DeleteImageTag
                                && next.digest == *digest
                                && next.tag == *tag),
                            "{facts:?}"
                        );
                    }
                }
                // 2: announced, and the tag is free
                EventType::CreateImageTag => {
                    prop_assert!(self.images.contains(digest), "{facts:?}");
                    prop_assert!(self.tags.insert(tag.clone(), digest.clone()).is_none(), "{facts:?}");
                }
                // 2: the tag shows it. Out of order it may be free, but never show another.
                EventType::DeleteImageTag => match self.tags.remove(tag) {
                    Some(shown) => prop_assert_eq!(&shown, digest),
                    None => prop_assert!(!self.in_order, "{facts:?}"),
                },
                other => prop_assert!(false, "{other}"),
            }
        }
        Ok(())
    }
}
