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
use crate::metrics::Metrics;
use crate::trigger::{FailureCode, Payload, Verdict, masked};

/// A batch that was given up, all but its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeadLetter {
    /// The batch's, by which it is sent again.
    pub(crate) id: BatchId,
    /// Whose it is.
    pub(crate) trigger: String,
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
type LetterKey = (String, String);

/// Which dead letters there are, each with its trigger. A letter weighs what its body does.
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
        trigger: &str,
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
            trigger: trigger.to_owned(),
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

    /// As it may be shown: a former version kept more of the URL.
    fn shown(self) -> Self {
        Self { url: masked(&self.url), ..self }
    }

    /// Puts it among the others.
    fn enter(&self, index: &mut Index) {
        let key = (self.trigger.clone(), self.id.to_string());
        let entry = Aging {
            at_ms: self.at.as_millisecond(),
            bytes: self.size as u64,
            owner: self.trigger.as_str().into(),
        };
        index.set(key, Some(entry));
    }

    /// As it is stored.
    fn row(&self) -> (Table, Change) {
        let value = serde_json::to_vec(self).unwrap_or_default();
        keys::letter(&self.trigger, self.id.as_str()).put(value)
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
        let mut index = Index::new(limits);
        keys::each_row(&log, keys::DEAD_LETTERS, b"", |_, value| {
            if let Ok(letter) = serde_json::from_slice::<DeadLetter>(&value) {
                letter.enter(&mut index);
            }
            Ok::<_, ReadError>(())
        })
        .await?;
        let letters = Self { index: Mutex::new(index), log, rows, metrics };
        letters.count();
        Ok(letters)
    }

    fn count(&self) {
        let total = i64::try_from(self.index.lock().entries().len()).unwrap_or(i64::MAX);
        self.metrics.dead_letters.set(total);
    }

    /// How many there are of one trigger.
    pub(super) fn count_of(&self, trigger: &str) -> usize {
        ids(&self.index.lock(), trigger, "").count()
    }

    /// Keeps one more; what is too old or too much goes.
    pub(super) fn add(&self, letter: &DeadLetter, body: &[u8]) -> Changes {
        let gone = {
            let mut index = self.index.lock();
            letter.enter(&mut index);
            index.expire(letter.at.as_millisecond())
        };
        self.count();
        let body = keys::letter_body(&letter.trigger, letter.id.as_str()).put(body);
        [letter.row(), body].into_iter().chain(gone.iter().flat_map(removal)).collect()
    }

    /// Lets go of what is too old.
    pub(super) async fn expire(&self, now: Timestamp) {
        let gone = self.index.lock().expire(now.as_millisecond());
        if !gone.is_empty() {
            self.count();
            let _ = self.rows.note(gone.iter().flat_map(removal).collect()).await;
        }
    }

    /// A page of one trigger's, oldest first, behind the id `after`; and whether there are more.
    pub(super) async fn page(
        &self,
        trigger: &str,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, bool), StorageError> {
        let mut ids: Vec<_> =
            ids(&self.index.lock(), trigger, after).take(limit + 1).map(str::to_owned).collect();
        let more = ids.len() > limit;
        ids.truncate(limit);
        let mut letters = Vec::with_capacity(ids.len());
        for id in ids {
            letters.extend(self.letter(trigger, &id).await?.map(DeadLetter::shown));
        }
        Ok((letters, more))
    }

    async fn letter(&self, trigger: &str, id: &str) -> Result<Option<DeadLetter>, ReadError> {
        let RowKey { table, key } = keys::letter(trigger, id);
        let row = self.log.row(table, key).await?;
        Ok(row.and_then(|row| serde_json::from_slice(&row).ok()))
    }

    /// One and its body, if there is such a one.
    pub(super) async fn find(
        &self,
        trigger: &str,
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
            return self.purge(&letter.trigger, Some(letter.id.as_str())).await.map(drop);
        }
        letter.attempts += 1;
        (letter.status, letter.failure) = (attempt.status, attempt.failure);
        letter.answer.clone_from(&attempt.answer);
        letter.tried_again = Some(now);
        Ok(self.rows.save(vec![letter.row()]).await?)
    }

    /// Lets go of one, or of all of one trigger, and tells how many there were.
    pub(super) async fn purge(&self, trigger: &str, id: Option<&str>) -> Result<usize, StorageError> {
        let gone: Vec<LetterKey> = {
            let mut index = self.index.lock();
            let ids = match id {
                Some(id) => vec![id.to_owned()],
                None => ids(&index, trigger, "").map(str::to_owned).collect(),
            };
            let keys = ids.into_iter().map(|id| (trigger.to_owned(), id));
            keys.filter(|key| index.set(key.clone(), None).is_some()).collect()
        };
        self.count();
        self.rows.save(gone.iter().flat_map(removal).collect()).await?;
        Ok(gone.len())
    }
}

/// The ids of one trigger's behind `after`, oldest first.
fn ids<'a>(index: &'a Index, trigger: &'a str, after: &str) -> impl Iterator<Item = &'a str> {
    let from = Excluded((trigger.to_owned(), after.to_owned()));
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
        DeadLetter::new(trigger, "http://example.com/", &batch, &parcel(id), &attempt, now)
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
        let key = |trigger: &str, id: &str| (trigger.to_owned(), id.to_owned());
        let mut index = Index::new(AgeLimits { bytes: 7, age: Duration::from_mins(1) });
        letter("t", "1", 1_000).enter(&mut index);
        letter("u", "0", 1_001).enter(&mut index);
        assert!(index.expire(1_001).is_empty());
        letter("t", "2", 1_002).enter(&mut index);
        assert_eq!(index.expire(1_002), [key("t", "1")], "there are too many bytes");
        letter("t", "2", 1_002).enter(&mut index);
        assert!(index.expire(1_002).is_empty(), "one that comes twice counts once");
        letter("t", "3", 1_003).enter(&mut index);
        assert_eq!(ids(&index, "t", "").collect::<Vec<_>>(), ["2", "3"]);
        assert_eq!(ids(&index, "t", "2").collect::<Vec<_>>(), ["3"]);
        assert_eq!((ids(&index, "s", "").count(), ids(&index, "u", "").count()), (0, 1));
        assert_eq!(index.expire(1_003), [key("u", "0")], "whosever it is");
        assert!(index.expire(61_002).is_empty());
        assert_eq!(index.expire(61_003), [key("t", "2")], "it is too old");
        assert_eq!((index.entries().len(), index.bytes()), (1, 3));
    }
}
