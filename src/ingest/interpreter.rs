//! What notifications become, given all before them. It knows neither clock nor storage, so that the writer,
//! `tagcast source test` and the tests of expectations all come to the same events.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::Source;
use crate::catalog::{Catalog, Fact, RepeatKey, Repeats, RepositoryName, Sighting};
use crate::event::{Action, Artifact, Event, Notification, Timestamp, TraceContext};
use crate::log::Table;

/// Which tag shows which image.
pub(crate) const CATALOG: Table = Table::named("catalog");
/// By what a repeated notification is known.
pub(crate) const REPEATS: Table = Table::named("repeats");

/// The catalog, and the keys by which repeats are known: what one notification leaves for the next.
#[derive(Debug, Default)]
pub(crate) struct Interpreter {
    /// What is known of registries.
    pub catalog: Catalog,
    /// What was told already.
    pub repeats: Repeats,
}

/// What a notification became.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Events, in their order; none if nothing changed.
    Events(Vec<Event>),
    /// It was told before.
    Repeat,
    /// Its id was used before, for something else.
    Conflict,
}

impl Interpreter {
    /// Takes in a notification of `source`. `content` is [`content`] of it as it was told.
    pub(crate) fn take(
        &mut self,
        source: &Source,
        told: &Notification,
        content: u64,
        trace: &TraceContext,
        now: Timestamp,
    ) -> Outcome {
        match self.see(source, told, content, now) {
            Sighting::New => {}
            Sighting::Repeat => return Outcome::Repeat,
            Sighting::Conflict => return Outcome::Conflict,
        }
        let registry = source.registry(told);
        let place = RepositoryName { cloud: &source.tenant.cloud, registry, repository: &told.repository };
        let facts = self.catalog.apply(place, source.rules, told, now).into_iter();
        Outcome::Events(facts.map(|fact| event(source, registry, told, fact, trace, now)).collect())
    }

    fn see(&mut self, source: &Source, told: &Notification, content: u64, now: Timestamp) -> Sighting {
        let Some(repeat) = &told.repeat else { return Sighting::New };
        let window = Duration::from_secs(source.settings.kind.repeat_window_seconds());
        let name = &source.settings.name;
        self.repeats.see(owner(name), RepeatKey::new(name, repeat), content, window, now)
    }
}

/// Whose a key is; two of one number share a share.
fn owner(source: &str) -> u32 {
    let [a, b, c, d, ..] = xxh3_64(source.as_bytes()).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// What was done, and where: a repeat may be worded differently, but must mean the same.
///
/// It is kept on disk, so the words below must stay as they are.
pub(crate) fn content(told: &Notification) -> u64 {
    let (done, digest, tag) = match &told.action {
        Action::Put { digest, tag } => ("put", Some(digest), tag.as_ref()),
        Action::PutTag { tag } => ("put tag", None, Some(tag)),
        Action::DeleteTag { tag, digest } => ("delete tag", digest.as_ref(), Some(tag)),
        Action::Delete { digest, tag } => ("delete", Some(digest), tag.as_ref()),
        Action::DeleteRepository => ("delete repository", None, None),
        Action::PutChart { version, digest } => ("put chart", Some(digest), Some(version)),
        Action::DeleteChart { version, digest } => ("delete chart", Some(digest), Some(version)),
        Action::Pull { digest, tag } => ("pull", Some(digest), tag.as_ref()),
        Action::Scan { digest, tag } => ("scan", Some(digest), tag.as_ref()),
        Action::Told { event_type, digest, tag } => (event_type.as_str(), Some(digest), Some(tag)),
    };
    let (digest, tag) = (digest.map_or("", String::as_str), tag.map_or("", String::as_str));
    // No part has a NUL, so no two notifications make the same bytes.
    xxh3_64(&[told.repository.as_bytes(), done.as_bytes(), digest.as_bytes(), tag.as_bytes()].join(&0))
}

/// A fact of the catalog, with what else its notification tells.
fn event(
    source: &Source,
    registry: &str,
    told: &Notification,
    fact: Fact,
    trace: &TraceContext,
    now: Timestamp,
) -> Event {
    let (media_type, size) = if fact.own { (told.media_type.clone(), told.size) } else { (String::new(), 0) };
    Event {
        event_type: fact.event_type,
        artifact: Artifact {
            registry: registry.to_owned(),
            repository: told.repository.clone(),
            tag: fact.tag,
            digest: fact.digest,
            media_type,
            size,
        },
        created_at: told.at.unwrap_or(now),
        tenant: source.tenant.clone(),
        trace: told.trace.as_ref().unwrap_or(trace).clone(),
        actor: told.actor.clone(),
        source: source.settings.name.clone(),
        source_event_id: told.id.clone(),
        cut: told.cut.clone(),
        via: told.via.clone(),
    }
}
