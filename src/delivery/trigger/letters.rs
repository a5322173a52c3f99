//! Dead letters: batches given up and kept, to be looked at, sent again or purged.

mod index;

use std::sync::Arc;
use std::time::Duration;

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
use crate::event::{Position, Timestamp};
use crate::log::{Change, GapReason, LogHandle, ReadError, Table};
use crate::metrics::Metrics;
use crate::trigger::{FailureCode, Payload, Verdict};

use index::{Index, LetterKey};

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
    /// Where it should have gone, without the query.
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

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadLetterLimits {
    /// Bytes of all bodies.
    pub(crate) bytes: u64,
    /// Time.
    pub(crate) age: Duration,
}

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
    ) -> Self {
        let header = |(name, value): &(HeaderName, HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            id: batch.id.clone(),
            trigger: trigger.to_owned(),
            at: Timestamp::now(),
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

    fn key(&self) -> LetterKey {
        (self.trigger.clone(), self.id.to_string())
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
        limits: DeadLetterLimits,
        log: LogHandle,
        rows: RowWriter,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ReadError> {
        let mut index = Index::new(limits);
        keys::each_row(&log, keys::DEAD_LETTERS, b"", |_, value| {
            if let Ok(letter) = serde_json::from_slice::<DeadLetter>(&value) {
                index.insert(letter.key(), letter.at.as_millisecond(), letter.size as u64);
            }
            Ok::<_, ReadError>(())
        })
        .await?;
        let letters = Self { index: Mutex::new(index), log, rows, metrics };
        letters.count();
        Ok(letters)
    }

    fn count(&self) {
        let total = i64::try_from(self.index.lock().len()).unwrap_or(i64::MAX);
        self.metrics.dead_letters.set(total);
    }

    /// How many there are of one trigger.
    pub(super) fn count_of(&self, trigger: &str) -> usize {
        self.index.lock().ids(trigger, "").count()
    }

    /// Keeps one more; what is too old or too much goes.
    pub(super) fn add(&self, letter: &DeadLetter, body: &[u8]) -> Changes {
        let at = letter.at.as_millisecond();
        let gone = {
            let mut index = self.index.lock();
            index.insert(letter.key(), at, letter.size as u64);
            index.expire(at)
        };
        self.count();
        let body = keys::letter_body(&letter.trigger, letter.id.as_str()).put(body);
        [letter.row(), body].into_iter().chain(gone.iter().flat_map(removal)).collect()
    }

    /// Lets go of what is too old.
    pub(super) async fn expire(&self) {
        let gone = self.index.lock().expire(Timestamp::now().as_millisecond());
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
            self.index.lock().ids(trigger, after).take(limit + 1).map(str::to_owned).collect();
        let more = ids.len() > limit;
        ids.truncate(limit);
        let mut letters = Vec::with_capacity(ids.len());
        for id in ids {
            letters.extend(self.letter(trigger, &id).await?);
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
    pub(super) async fn sent(&self, mut letter: DeadLetter, attempt: &Attempt) -> Result<(), StorageError> {
        if attempt.verdict == Verdict::Delivered {
            return self.purge(&letter.trigger, Some(letter.id.as_str())).await.map(drop);
        }
        letter.attempts += 1;
        (letter.status, letter.failure) = (attempt.status, attempt.failure);
        letter.answer.clone_from(&attempt.answer);
        letter.tried_again = Some(Timestamp::now());
        Ok(self.rows.save(vec![letter.row()]).await?)
    }

    /// Lets go of one, or of all of one trigger, and tells how many there were.
    pub(super) async fn purge(&self, trigger: &str, id: Option<&str>) -> Result<usize, StorageError> {
        let gone: Vec<LetterKey> = {
            let mut index = self.index.lock();
            let ids = match id {
                Some(id) => vec![id.to_owned()],
                None => index.ids(trigger, "").map(str::to_owned).collect(),
            };
            let keys = ids.into_iter().map(|id| (trigger.to_owned(), id));
            keys.filter(|key| index.remove(key)).collect()
        };
        self.count();
        self.rows.save(gone.iter().flat_map(removal).collect()).await?;
        Ok(gone.len())
    }
}

fn removal((trigger, id): &LetterKey) -> [(Table, Change); 2] {
    [keys::letter(trigger, id).remove(), keys::letter_body(trigger, id).remove()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again_is_what_was_sent() {
        let at = Position { epoch: 1, offset: 2 };
        let batch = PendingBatch {
            id: "1".into(),
            first: at,
            last: at,
            count: 1,
            revision: 0,
            attempts: 2,
            oldest: 0,
            split: false,
            gap: None,
        };
        let payload = Payload {
            headers: vec![(HeaderName::from_static("content-type"), HeaderValue::from_static("text/x"))],
            body: vec![0; 3].into(),
        };
        let parcel = Parcel { id: "1".into(), last: at, gap: None, payload };
        let attempt = Attempt {
            verdict: Verdict::Refused,
            status: Some(400),
            failure: None,
            took: Duration::ZERO,
            answer: "no".into(),
        };
        let letter = DeadLetter::new("t", "http://example.com/", &batch, &parcel, &attempt);
        let json = serde_json::to_string(&letter).unwrap();
        let back: DeadLetter = serde_json::from_str(&json).unwrap();
        let again = back.parcel(Bytes::from_static(b"abc"));
        assert_eq!((again.id.as_str(), again.payload.headers), ("1", parcel.payload.headers));
        assert_eq!((back.attempts, back.status, back.size), (3, Some(400), 3));
    }
}
