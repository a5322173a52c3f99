use std::sync::Arc;
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64;

use super::super::quarantine::QuarantineRecord;
use super::super::{Receipt, Source};
use super::{Reply, Scribe, Submission};
use crate::catalog::{Fact, Place, RepeatKey, Seen};
use crate::event::{Artifact, Event, Notification, Timestamp, TraceContext};
use crate::log::{AppendError, Change, Commit, Record, Table};
use crate::metrics::{SourceLabel, TypeLabel};
use crate::protocol::encode_event;
use crate::source::Unreadable;

impl Scribe {
    /// Makes one commit of all that waits, and tells each what became of it.
    pub(super) fn write(&mut self, group: Vec<(Submission, Instant, Reply)>) {
        let mut records = Vec::new();
        let mut receipts = Vec::with_capacity(group.len());
        for (submission, since, reply) in group {
            receipts.push((self.decide(submission, &mut records), since, reply));
        }
        let written = self.commit(records);
        if let Err(error) = &written {
            self.failed(error);
        }
        for (receipt, since, reply) in receipts {
            self.metrics.commit_seconds.observe(since.elapsed().as_secs_f64());
            // Who asked may have given up waiting.
            let _ = reply.send(match &written {
                Ok(()) => Ok(receipt),
                Err(AppendError::NoSpace) => Err(AppendError::NoSpace),
                Err(AppendError::Failed(why)) => Err(AppendError::Failed(why.clone())),
            });
        }
    }

    /// Writes the records with every change that led to them; all or nothing.
    pub(super) fn commit(&mut self, records: Vec<Arc<Record>>) -> Result<(), AppendError> {
        let mut changes = Vec::new();
        let catalog = self.catalog.changes().into_iter().map(|c| Change { key: c.key, value: c.value });
        changes.extend(catalog.map(|change| (Table::Catalog, change)));
        let repeats = self.repeats.changes().into_iter().map(|c| Change { key: c.key, value: c.value });
        changes.extend(repeats.map(|change| (Table::Repeats, change)));
        changes.extend(self.quarantine.changes().into_iter().map(|change| (Table::Quarantine, change)));
        if records.is_empty() && changes.is_empty() {
            return Ok(());
        }
        let types: Vec<_> = records.iter().map(|r| r.attributes.event_type().as_str()).collect();
        match self.log.append(Commit { records, changes }) {
            Ok(newest) => {
                self.catalog.settle();
                self.repeats.settle();
                self.quarantine.settle();
                self.metrics.commits.inc();
                self.metrics.newest_offset.set(i64::try_from(newest.offset).unwrap_or(i64::MAX));
                for event_type in types {
                    self.metrics.events.get_or_create(&TypeLabel { event_type }).inc();
                }
                Ok(())
            }
            Err(error) => {
                self.catalog.undo();
                self.repeats.undo();
                self.quarantine.undo();
                Err(error)
            }
        }
    }

    /// What one request becomes, given all before it.
    fn decide(&mut self, submission: Submission, records: &mut Vec<Arc<Record>>) -> Receipt {
        let Submission { source, told, mut unreadable, body, trace, now } = submission;
        let mut receipt = Receipt::default();
        for (index, told) in told.iter().enumerate() {
            match self.seen(&source, told, now) {
                Seen::New => {
                    let made = self.apply(&source, told, &trace, now, records, &mut receipt.events);
                    receipt.accepted += made;
                    receipt.told += usize::from(made > 0);
                    receipt.unchanged += usize::from(made == 0);
                }
                Seen::Repeat => receipt.duplicates += 1,
                Seen::Conflict => {
                    let label = SourceLabel { source: source.settings.name.clone() };
                    self.metrics.repeat_conflicts.get_or_create(&label).inc();
                    let message = format!("id {} was used for something else before", told.id);
                    unreadable.push((index, Unreadable { code: "dedupe_conflict", message }));
                }
            }
        }
        receipt.ignored = receipt.unchanged;
        receipt.quarantined = unreadable.len();
        if !unreadable.is_empty() {
            let record = QuarantineRecord::new(&source.settings.name, now, &unreadable, &body);
            self.quarantine.add(&record, now);
            self.metrics.quarantine_dropped.inc_by(self.quarantine.trim(now));
        }
        receipt
    }

    fn seen(&mut self, source: &Source, told: &Notification, now: Timestamp) -> Seen {
        let Some(repeat) = &told.repeat else { return Seen::New };
        // What was done, and where: a repeat may be worded differently, but must mean the same.
        let content = xxh3_64(format!("{}\0{:?}", told.repository, told.action).as_bytes());
        let window = Duration::from_secs(source.settings.kind.repeat_window_seconds());
        self.repeats.see(RepeatKey::new(&source.settings.name, repeat), content, window, now)
    }

    /// Asks the catalog what a notification changed, and gives the events of that their places.
    fn apply(
        &mut self,
        source: &Source,
        told: &Notification,
        trace: &TraceContext,
        now: Timestamp,
        records: &mut Vec<Arc<Record>>,
        ids: &mut Vec<String>,
    ) -> usize {
        let registry = source.registry(told);
        let place = Place { cloud: &source.tenant.cloud, registry, repository: &told.repository };
        let facts = self.catalog.apply(place, source.rules, told, now);
        self.accepted_at = self.accepted_at.max(now.as_millisecond());
        let bounds = self.log.bounds();
        let made = facts.len();
        for fact in facts {
            let position = bounds.at(bounds.newest + 1 + records.len() as u64);
            let event = event(source, registry, told, fact, trace, now);
            records.push(Arc::new(Record {
                offset: position.offset,
                accepted_at: self.accepted_at,
                attributes: event.attributes(),
                message: encode_event(&event, position, &self.options.event_type_prefix),
            }));
            ids.push(position.to_string());
        }
        made
    }
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
    }
}
