use std::sync::Arc;
use std::time::Instant;

use super::super::interpreter::{CATALOG, Outcome, REPEATS};
use super::super::quarantine::QuarantineRecord;
use super::super::sender::SOURCES;
use super::super::{Receipt, Source};
use super::work::Answer;
use super::{Part, Submission, Writer};
use crate::catalog::RepositoryName;
use crate::event::{Event, Timestamp};
use crate::log::{AppendError, Change, Commit, Record, Room, Table};
use crate::metrics::{SourceLabel, TypeLabel};
use crate::protocol::encode_event;
use crate::source::Unreadable;

impl Writer {
    /// Makes one commit of all that waits, and tells each what became of it.
    pub(super) fn write(&mut self, group: Vec<(Submission, Instant, Answer<Receipt>)>) {
        if self.log.room() == Room::None {
            for (_, _, reply) in group {
                let _ = reply.send(Err(AppendError::NoSpace));
            }
            return;
        }
        let mut records = Vec::new();
        let mut receipts = Vec::with_capacity(group.len());
        for (submission, since, reply) in group {
            receipts.push((self.decide(submission, &mut records), since, reply));
        }
        let written = self.commit(records);
        if let Err(error @ AppendError::Failed(_)) = &written {
            self.failed(error);
        }
        for (receipt, since, reply) in receipts {
            self.metrics.commit_seconds.observe(since.elapsed());
            // Who asked may have given up waiting.
            let _ = reply.send(written.clone().map(|()| receipt));
        }
    }

    /// Fills in a repository's listed tags.
    pub(super) fn warm(
        &mut self,
        source: &Source,
        repository: &str,
        tags: Vec<(String, String)>,
    ) -> Result<(), AppendError> {
        let place = RepositoryName { cloud: &source.tenant.cloud, registry: &source.registry, repository };
        self.interpreter.catalog.warm(place, tags, Timestamp::now());
        self.commit(Vec::new())
    }

    /// Notes that a source's registry was listed.
    pub(super) fn note_warmed(&mut self, source: &Source) -> Result<(), AppendError> {
        let value = serde_json::json!({ "warmed_at": Timestamp::now().to_string() }).to_string();
        let change = Change::put(source.settings.name.as_str(), value);
        self.gauge();
        self.commit_with(Vec::new(), vec![(SOURCES, change)])
    }

    /// Writes the records with every change that led to them; all or nothing.
    pub(super) fn commit(&mut self, records: Vec<Arc<Record>>) -> Result<(), AppendError> {
        self.commit_with(records, Vec::new())
    }

    fn commit_with(
        &mut self,
        records: Vec<Arc<Record>>,
        mut changes: Vec<(Table, Change)>,
    ) -> Result<(), AppendError> {
        changes.extend(self.interpreter.catalog.changes().into_iter().map(|change| (CATALOG, change)));
        changes.extend(self.interpreter.repeats.changes().into_iter().map(|change| (REPEATS, change)));
        changes.extend(self.quarantine.changes());
        if records.is_empty() && changes.is_empty() {
            return Ok(());
        }
        let types: Vec<_> = records.iter().map(|r| r.attributes.event_type().as_str()).collect();
        match self.log.append(Commit { records, changes }) {
            Ok(newest) => {
                self.interpreter.catalog.settle();
                self.interpreter.repeats.settle();
                self.quarantine.settle();
                self.metrics.commits.inc();
                self.metrics.newest_offset.set(i64::try_from(newest.offset).unwrap_or(i64::MAX));
                for event_type in types {
                    self.metrics.events.get_or_create(&TypeLabel { event_type }).inc();
                }
                Ok(())
            }
            Err(error) => {
                self.interpreter.catalog.undo();
                self.interpreter.repeats.undo();
                self.quarantine.undo();
                Err(error)
            }
        }
    }

    /// What one request becomes, given all before it.
    fn decide(&mut self, submission: Submission, records: &mut Vec<Arc<Record>>) -> Receipt {
        let Submission { source, told, mut unreadable, body, kept, replays, trace, now } = submission;
        let mut receipt = Receipt::default();
        for Part { index, notification, content } in &told {
            match self.interpreter.take(&source, notification, *content, &trace, now) {
                Outcome::Events(events) => {
                    if events.is_empty() {
                        receipt.ignore("unchanged");
                    } else {
                        receipt.notifications += 1;
                    }
                    receipt.accepted += events.len();
                    receipt.events.extend(self.place(events, now, records));
                }
                Outcome::Repeat => receipt.duplicates += 1,
                Outcome::Conflict => {
                    let label = SourceLabel { source: source.settings.name.clone() };
                    self.metrics.repeat_conflicts.get_or_create(&label).inc();
                    unreadable.push((*index, Unreadable::conflict(&notification.id)));
                }
            }
        }
        receipt.quarantined = unreadable.len();
        match replays {
            Some((id, _)) if unreadable.is_empty() => drop(self.quarantine.remove(id)),
            Some((id, mut record)) => {
                record.set_faults(&unreadable, kept.whole);
                self.quarantine.amend(id, &record);
            }
            None if unreadable.is_empty() => {}
            None => {
                let (name, cloud) = (&source.settings.name, &source.tenant.cloud);
                let record = QuarantineRecord::new(name, cloud, now, &unreadable, kept, body.len());
                self.quarantine.add(&record, &body, now);
                self.trim(now);
            }
        }
        receipt
    }

    /// Gives events their places.
    fn place(&mut self, events: Vec<Event>, now: Timestamp, records: &mut Vec<Arc<Record>>) -> Vec<String> {
        self.accepted_at = self.accepted_at.max(now.as_millisecond());
        let bounds = self.log.bounds();
        let mut ids = Vec::with_capacity(events.len());
        for event in events {
            let position = bounds.at(bounds.newest + 1 + records.len() as u64);
            records.push(Arc::new(Record {
                offset: position.offset,
                accepted_at: self.accepted_at,
                attributes: event.attributes(),
                message: encode_event(&event, position, &self.options.event_type_prefix),
            }));
            ids.push(position.to_string());
        }
        ids
    }
}
