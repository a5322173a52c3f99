//! Dead letters: batches given up and kept, to be looked at, sent again or purged.

use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::error::StorageError;
use super::keys::{self, RowKey};
use super::progress::{BatchId, PendingBatch};
use super::row_writer::{Changes, RowWriter};
use super::task::{Attempt, Parcel};
use super::text;
use crate::collections::{AgeLimits, AgeTable, Aging};
use crate::event::{Position, Timestamp};
use crate::log::{Change, GapReason, LogHandle, ReadError, Table};
use crate::metrics::{CloudLabel, Gauge, Metrics};
use crate::trigger::{FailureCode, Payload, QualifiedName, Verdict, masked};

/// A batch that was given up, all but its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeadLetter {
    /// The batch's, by which it is sent again.
    pub(crate) id: BatchId,
    /// Whose it is.
    pub(crate) trigger: String,
    /// Whose that is; empty where a former version did not keep it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) cloud_id: String,
    /// When it was given up.
    #[serde(with = "text")]
    pub(crate) at: Timestamp,
    /// Its first event, or the first one missing.
    #[serde(with = "text")]
    pub(crate) first: Position,
    /// Its last event, or the last one missing.
    #[serde(with = "text")]
    pub(crate) last: Position,
    /// Events.
    pub(crate) count: usize,
    /// Where it should have gone, without what is secret of it.
    pub(crate) url: String,
    pub(crate) attempts: u32,
    /// The last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Why there was none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::optional")]
    pub(crate) failure: Option<FailureCode>,
    /// The beginning of the last answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) answer: String,
    /// Why events are missing, if it is a record of that.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::optional")]
    pub(crate) gap: Option<GapReason>,
    /// When it was last sent again, in vain.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::optional")]
    pub(crate) tried_again: Option<Timestamp>,
    /// Bytes of the body.
    pub(crate) size: usize,
    /// Headers of the form.
    headers: Vec<(String, String)>,
}

/// Trigger and id of a dead letter.
type LetterKey = (QualifiedName, String);

/// Which dead letters there are, each with its cloud. A letter weighs what its body does.
type Index = AgeTable<LetterKey, Arc<str>>;

/// All dead letters: an index in memory, the rest on disk.
pub(super) struct DeadLetters {
    index: Mutex<Index>,
    log: LogHandle,
    rows: RowWriter,
    metrics: Arc<Metrics>,
}

impl DeadLetter {
    pub(super) fn new(
        trigger: &QualifiedName,
        url: &str,
        batch: &PendingBatch,
        parcel: &Parcel,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Self {
        let header = |(name, value): &(HeaderName, HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            id: batch.id.clone(),
            trigger: trigger.name.clone(),
            cloud_id: trigger.cloud.clone(),
            at: now,
            first: batch.first,
            last: batch.last,
            count: batch.count,
            url: url.to_owned(),
            attempts: batch.attempts + 1,
            status: attempt.status,
            failure: attempt.failure,
            answer: attempt.answer.clone(),
            gap: batch.gap,
            tried_again: None,
            size: parcel.payload.body.len(),
            headers: parcel.payload.headers.iter().map(header).collect(),
        }
    }

    /// The batch again, as it was.
    pub(super) fn parcel(&self, body: Bytes) -> Parcel {
        let header = |(name, value): &(String, String)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
        };
        Parcel {
            id: self.id.clone(),
            last: self.last,
            gap: self.gap.map(|reason| reason.to_string()),
            payload: Payload { headers: self.headers.iter().filter_map(header).collect(), body },
        }
    }

    /// One of a former version, which kept more of the URL and not the cloud.
    pub(super) fn taken_over(self, cloud: String) -> Self {
        Self { url: masked(&self.url), cloud_id: cloud, ..self }
    }

    /// The trigger's.
    pub(super) fn of(&self) -> QualifiedName {
        QualifiedName::new(&self.cloud_id, &self.trigger)
    }

    /// Puts it among the others; whether it is new there.
    fn enter(&self, index: &mut Index) -> bool {
        let entry = Aging {
            at_ms: self.at.as_millisecond(),
            bytes: self.size as u64,
            owner: self.cloud_id.as_str().into(),
        };
        index.set((self.of(), self.id.to_string()), Some(entry)).is_none()
    }

    /// As it is stored.
    fn row(&self) -> (Table, Change) {
        let value = serde_json::to_vec(self).unwrap_or_default();
        keys::letter(&self.of(), self.id.as_str()).put(value)
    }

    /// As it is stored with its body.
    pub(super) fn rows(&self, body: &[u8]) -> [(Table, Change); 2] {
        [self.row(), keys::letter_body(&self.of(), self.id.as_str()).put(body)]
    }
}

impl DeadLetters {
    /// Reads what there is.
    pub(super) async fn load(
        limits: AgeLimits,
        log: LogHandle,
        rows: RowWriter,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ReadError> {
        let letters = Self { index: Mutex::new(Index::new(limits)), log, rows, metrics };
        keys::each_row(&letters.log, keys::DEAD_LETTERS, &[keys::ALONE], |_, value| {
            if let Ok(letter) = serde_json::from_slice::<DeadLetter>(&value) {
                letters.enter(&letter);
            }
            Ok::<_, ReadError>(())
        })
        .await?;
        Ok(letters)
    }

    fn count(&self, cloud: &str) -> Gauge {
        self.metrics.dead_letters.get_or_create(&CloudLabel { cloud: cloud.to_owned() }).clone()
    }

    fn enter(&self, letter: &DeadLetter) {
        if letter.enter(&mut self.index.lock()) {
            self.count(&letter.cloud_id).inc();
        }
    }

    /// What went is counted no more, and removed.
    fn removals(&self, gone: &[LetterKey]) -> Changes {
        for (trigger, _) in gone {
            self.count(&trigger.cloud).dec();
        }
        gone.iter().flat_map(removal).collect()
    }

    /// How many there are of one trigger.
    pub(super) fn count_of(&self, trigger: &QualifiedName) -> usize {
        ids(&self.index.lock(), trigger, "").count()
    }

    /// The triggers of that name that have some, whether they are there still or not.
    pub(super) fn triggers_called(&self, name: &str) -> Vec<QualifiedName> {
        let index = self.index.lock();
        let from = (QualifiedName::new("", name), String::new());
        let behind = index.entries().range(from..).map(|((trigger, _), _)| trigger);
        let mut called: Vec<_> = behind.take_while(|trigger| trigger.name == name).cloned().collect();
        called.dedup();
        called
    }

    /// Keeps one more; what is too old or too much goes, of the cloud that has most.
    pub(super) fn add(&self, letter: &DeadLetter, body: &[u8]) -> Changes {
        self.enter(letter);
        let gone = self.index.lock().expire(letter.at.as_millisecond());
        letter.rows(body).into_iter().chain(self.removals(&gone)).collect()
    }

    /// Lets go of what is too old.
    pub(super) async fn expire(&self, now: Timestamp) {
        let gone = self.index.lock().expire(now.as_millisecond());
        if !gone.is_empty() {
            let _ = self.rows.note(self.removals(&gone)).await;
        }
    }

    /// A page of one trigger's, oldest first, behind the id `after`; and whether there are more.
    pub(super) async fn page(
        &self,
        trigger: &QualifiedName,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, bool), StorageError> {
        let mut ids: Vec<_> =
            ids(&self.index.lock(), trigger, after).take(limit + 1).map(str::to_owned).collect();
        let more = ids.len() > limit;
        ids.truncate(limit);
        let mut letters = Vec::with_capacity(ids.len());
        for id in ids {
            letters.extend(self.letter(trigger, &id).await?);
        }
        Ok((letters, more))
    }

    async fn letter(&self, trigger: &QualifiedName, id: &str) -> Result<Option<DeadLetter>, ReadError> {
        let RowKey { table, key } = keys::letter(trigger, id);
        let row = self.log.row(table, key).await?;
        Ok(row.and_then(|row| serde_json::from_slice(&row).ok()))
    }

    /// One and its body, if there is such a one.
    pub(super) async fn find(
        &self,
        trigger: &QualifiedName,
        id: &str,
    ) -> Result<Option<(DeadLetter, Bytes)>, StorageError> {
        let Some(letter) = self.letter(trigger, id).await? else { return Ok(None) };
        let RowKey { table, key } = keys::letter_body(trigger, id);
        let body = self.log.row(table, key).await?;
        Ok(body.map(|body| (letter, body.into())))
    }

    /// Notes that one was sent again: it is gone, or that was in vain.
    pub(super) async fn sent(
        &self,
        mut letter: DeadLetter,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        if attempt.verdict == Verdict::Delivered {
            return self.purge(&letter.of(), Some(letter.id.as_str())).await.map(drop);
        }
        letter.attempts += 1;
        (letter.status, letter.failure) = (attempt.status, attempt.failure);
        letter.answer.clone_from(&attempt.answer);
        letter.tried_again = Some(now);
        Ok(self.rows.save(vec![letter.row()]).await?)
    }

    /// Lets go of one, or of all of one trigger, and tells how many there were.
    pub(super) async fn purge(
        &self,
        trigger: &QualifiedName,
        id: Option<&str>,
    ) -> Result<usize, StorageError> {
        let gone: Vec<LetterKey> = {
            let mut index = self.index.lock();
            let ids = match id {
                Some(id) => vec![id.to_owned()],
                None => ids(&index, trigger, "").map(str::to_owned).collect(),
            };
            let keys = ids.into_iter().map(|id| (trigger.clone(), id));
            keys.filter(|key| index.set(key.clone(), None).is_some()).collect()
        };
        self.rows.save(self.removals(&gone)).await?;
        Ok(gone.len())
    }
}

/// The ids of one trigger's behind `after`, oldest first.
fn ids<'a>(index: &'a Index, trigger: &'a QualifiedName, after: &str) -> impl Iterator<Item = &'a str> {
    let from = Excluded((trigger.clone(), after.to_owned()));
    let behind = index.entries().range((from, Unbounded)).map(|(key, _)| key);
    behind.take_while(move |(of, _)| of == trigger).map(|(_, id)| id.as_str())
}

fn removal((trigger, id): &LetterKey) -> [(Table, Change); 2] {
    [keys::letter(trigger, id).remove(), keys::letter_body(trigger, id).remove()]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn letter(trigger: &str, id: &str, at_ms: i64) -> DeadLetter {
        let at = Position { epoch: 1, offset: 2 };
        let batch = PendingBatch {
            id: id.into(),
            first: at,
            last: at,
            count: 1,
            revision: 0,
            attempts: 2,
            oldest: 0,
            split: false,
            gap: None,
        };
        let attempt = Attempt {
            verdict: Verdict::Refused,
            status: Some(400),
            failure: None,
            took: Duration::ZERO,
            answer: "no".into(),
        };
        let now = Timestamp::from_millisecond(at_ms).unwrap();
        let trigger = QualifiedName::new("c", trigger);
        DeadLetter::new(&trigger, "http://example.com/", &batch, &parcel(id), &attempt, now)
    }

    fn parcel(id: &str) -> Parcel {
        let headers = vec![(HeaderName::from_static("content-type"), HeaderValue::from_static("text/x"))];
        let payload = Payload { headers, body: vec![0; 3].into() };
        Parcel { id: id.into(), last: Position { epoch: 1, offset: 2 }, gap: None, payload }
    }

    #[test]
    fn what_is_sent_again_is_what_was_sent() {
        let json = serde_json::to_string(&letter("t", "1", 1_000)).unwrap();
        let back: DeadLetter = serde_json::from_str(&json).unwrap();
        let again = back.parcel(Bytes::from_static(b"abc"));
        assert_eq!((again.id.as_str(), again.payload.headers), ("1", parcel("1").payload.headers));
        assert_eq!((back.attempts, back.status, back.size), (3, Some(400), 3));
        assert_eq!(back.at.as_millisecond(), 1_000);
    }

    /// Room for two bodies of three bytes, for a minute.
    #[test]
    fn the_oldest_goes_first_and_pages_are_of_one_trigger() {
        let named = |name: &str| QualifiedName::new("c", name);
        let key = |trigger: &str, id: &str| (named(trigger), id.to_owned());
        let mut index = Index::new(AgeLimits { bytes: 7, age: Duration::from_mins(1) });
        letter("t", "1", 1_000).enter(&mut index);
        letter("u", "0", 1_001).enter(&mut index);
        assert!(index.expire(1_001).is_empty());
        letter("t", "2", 1_002).enter(&mut index);
        assert_eq!(index.expire(1_002), [key("t", "1")], "there are too many bytes");
        assert!(!letter("t", "2", 1_002).enter(&mut index), "one that comes twice counts once");
        assert!(index.expire(1_002).is_empty());
        letter("t", "3", 1_003).enter(&mut index);
        let ids_of =
            |name: &str, after| -> Vec<_> { ids(&index, &named(name), after).map(str::to_owned).collect() };
        assert_eq!((ids_of("t", ""), ids_of("t", "2")), (vec!["2".into(), "3".into()], vec!["3".into()]));
        assert_eq!((ids_of("s", "").len(), ids_of("u", "").len()), (0, 1));
        assert_eq!(ids(&index, &QualifiedName::new("d", "t"), "").count(), 0, "another cloud has none");
        assert_eq!(index.expire(1_003), [key("u", "0")], "whichever trigger's it is");
        assert!(index.expire(61_002).is_empty());
        assert_eq!(index.expire(61_003), [key("t", "2")], "it is too old");
        assert_eq!((index.entries().len(), index.bytes()), (1, 3));
    }

    #[test]
    fn the_cloud_that_has_most_makes_room() {
        let mut index = Index::new(AgeLimits { bytes: 9, age: Duration::from_mins(1) });
        let of = |cloud: &str, id: &str, at_ms| letter("t", id, at_ms).taken_over(cloud.to_owned());
        of("small", "1", 1_000).enter(&mut index);
        for (id, at_ms) in [("2", 1_001), ("3", 1_002), ("4", 1_003)] {
            of("large", id, at_ms).enter(&mut index);
        }
        assert_eq!(index.expire(1_003), [(QualifiedName::new("large", "t"), "2".to_owned())]);
    }
}
