use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use super::attempt::{Parcel, Tried};
use super::keys;
use super::state::Pending;
use super::store::{Changes, put, remove};
use crate::event::Timestamp;
use crate::log::LogHandle;
use crate::trigger::Encoded;

/// Rows read at once.
const PAGE: usize = 500;

/// A batch that was given up, all but its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeadLetter {
    /// The batch's id, by which it is sent again.
    pub id: String,
    /// Whose it is.
    pub trigger: String,
    /// When it was given up.
    pub at: String,
    /// Its first event, or the first one missing.
    pub first: String,
    /// Its last event, or the last one missing.
    pub last: String,
    /// How many events it has.
    pub count: usize,
    /// Where it should have gone.
    pub url: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The last status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
    /// The beginning of the last answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// Why events are missing, if it is a record of that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub gap: String,
    /// When it was last sent again, in vain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tried_again: String,
    /// Bytes of the body.
    pub size: usize,
    /// Headers of the form.
    headers: Vec<(String, String)>,
}

impl DeadLetter {
    pub(super) fn new(trigger: &str, url: &str, pending: &Pending, parcel: &Parcel, tried: &Tried) -> Self {
        let header = |(name, value): &(HeaderName, HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            id: pending.id.clone(),
            trigger: trigger.to_owned(),
            at: Timestamp::now().to_string(),
            first: pending.first.clone(),
            last: pending.last.clone(),
            count: pending.count,
            url: url.to_owned(),
            attempts: pending.attempts + 1,
            status: tried.status,
            failure: tried.failure.as_ref().map(|(code, _)| (*code).to_owned()).unwrap_or_default(),
            answer: tried.answer.clone(),
            gap: pending.gap.clone(),
            tried_again: String::new(),
            size: parcel.encoded.body.len(),
            headers: parcel.encoded.headers.iter().map(header).collect(),
        }
    }

    /// The batch again, as it was.
    pub(super) fn parcel(&self, body: Bytes) -> Parcel {
        let header = |(name, value): &(String, String)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
        };
        let headers = self.headers.iter().filter_map(header).collect();
        Parcel {
            id: self.id.clone(),
            last: self.last.clone(),
            gap: self.gap.clone(),
            encoded: Encoded { headers, body },
        }
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadLetterLimits {
    /// Bytes of all bodies.
    pub bytes: u64,
    /// Time.
    pub age: Duration,
}

/// What is kept: time and size of each, by key. The rest is on disk.
pub(super) struct DeadLetters {
    limits: DeadLetterLimits,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Trigger and id → when, in Unix milliseconds, and bytes.
    by_key: BTreeMap<Vec<u8>, (i64, u64)>,
    by_age: BTreeMap<(i64, Vec<u8>), u64>,
    bytes: u64,
}

impl DeadLetters {
    /// Reads what there is.
    pub(super) async fn load(limits: DeadLetterLimits, log: &LogHandle) -> Result<Self, String> {
        let letters = Self { limits, known: Mutex::default() };
        let mut after = Vec::new();
        loop {
            let rows =
                log.rows(keys::DEAD_LETTERS, after.clone(), PAGE).await.map_err(|error| error.to_string())?;
            let Some((last, _)) = rows.last() else { return Ok(letters) };
            after.clone_from(last);
            for (key, value) in rows {
                if let Ok(letter) = serde_json::from_slice::<DeadLetter>(&value) {
                    let at = letter.at.parse().map_or(0, |at: Timestamp| at.as_millisecond());
                    letters.known().add(key, at, letter.size as u64);
                }
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }

    /// How many there are of one trigger.
    pub(super) fn count(&self, name: &str) -> usize {
        let (from, to) = (keys::of(name), [name.as_bytes(), b"\x01"].concat());
        self.known().by_key.range(from..to).count()
    }

    /// How many there are.
    pub(super) fn total(&self) -> usize {
        self.known().by_key.len()
    }

    /// Keeps one more; what is too old or too much goes.
    pub(super) fn add(&self, letter: &DeadLetter, body: &[u8]) -> Changes {
        let key = keys::batch(&letter.trigger, &letter.id);
        let now = Timestamp::now().as_millisecond();
        let mut changes = vec![
            put(keys::DEAD_LETTERS, key.clone(), serde_json::to_vec(letter).unwrap_or_default()),
            put(keys::DELIVERIES, keys::body(&letter.trigger, &letter.id), body),
        ];
        self.known().add(key, now, letter.size as u64);
        changes.extend(self.expire(now));
        changes
    }

    /// What is too old or too much.
    pub(super) fn expire(&self, now: i64) -> Changes {
        let oldest = now - i64::try_from(self.limits.age.as_millis()).unwrap_or(i64::MAX);
        let (mut changes, mut known) = (Vec::new(), self.known());
        while let Some(((at, key), _)) = known.by_age.first_key_value() {
            if *at >= oldest && known.bytes <= self.limits.bytes {
                break;
            }
            let key = key.clone();
            known.remove(&key);
            changes.extend(removal(&key));
        }
        changes
    }

    /// Lets go of one; nothing where there is none.
    pub(super) fn remove(&self, name: &str, id: &str) -> Changes {
        let key = keys::batch(name, id);
        if self.known().remove(&key) { removal(&key) } else { Vec::new() }
    }

    /// The ids of one trigger's, oldest first, behind `after`.
    pub(super) fn ids(&self, name: &str, after: &str, limit: usize) -> Vec<String> {
        use std::ops::Bound::Excluded;
        let (from, to) = (keys::batch(name, after), [name.as_bytes(), b"\x01"].concat());
        let known = self.known();
        let keys = known.by_key.range((Excluded(from), Excluded(to))).take(limit);
        keys.filter_map(|(key, _)| Some(String::from_utf8_lossy(keys::split(key)?.1).into_owned())).collect()
    }
}

fn removal(key: &[u8]) -> Changes {
    let body = keys::split(key).map(|(name, id)| keys::body(name, &String::from_utf8_lossy(id)));
    let mut changes = vec![remove(keys::DEAD_LETTERS, key)];
    changes.extend(body.map(|key| remove(keys::DELIVERIES, key)));
    changes
}

impl Known {
    fn add(&mut self, key: Vec<u8>, at: i64, bytes: u64) {
        self.remove(&key);
        self.by_age.insert((at, key.clone()), bytes);
        self.by_key.insert(key, (at, bytes));
        self.bytes += bytes;
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let Some((at, bytes)) = self.by_key.remove(key) else { return false };
        self.by_age.remove(&(at, key.to_vec()));
        self.bytes -= bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(id: &str, size: usize) -> DeadLetter {
        let pending = Pending {
            id: id.into(),
            first: "a".into(),
            last: "b".into(),
            count: 1,
            revision: 0,
            attempts: 2,
            oldest: 0,
            split: false,
            gap: String::new(),
        };
        let encoded = Encoded {
            headers: vec![(HeaderName::from_static("content-type"), HeaderValue::from_static("text/x"))],
            body: vec![0; size].into(),
        };
        let parcel = Parcel { id: id.into(), last: "b".into(), gap: String::new(), encoded };
        let tried = Tried {
            verdict: crate::trigger::Verdict::Refused,
            status: Some(400),
            failure: None,
            took: Duration::ZERO,
            answer: "no".into(),
        };
        DeadLetter::new("t", "http://example.com/", &pending, &parcel, &tried)
    }

    #[test]
    fn the_oldest_goes_first() {
        let limits = DeadLetterLimits { bytes: 250, age: Duration::from_hours(1) };
        let letters = DeadLetters { limits, known: Mutex::default() };
        assert_eq!(letters.add(&letter("1", 100), b"").len(), 2);
        std::thread::sleep(Duration::from_millis(2));
        letters.add(&letter("2", 100), b"");
        std::thread::sleep(Duration::from_millis(2));
        let changes = letters.add(&letter("3", 100), b"");
        assert_eq!(changes[2], remove(keys::DEAD_LETTERS, keys::batch("t", "1")));
        assert_eq!(letters.ids("t", "", 10), ["2", "3"]);
        assert_eq!(letters.ids("t", "2", 10), ["3"]);
        assert_eq!((letters.count("t"), letters.count("u"), letters.total()), (2, 0, 2));
        assert_eq!(letters.remove("t", "2").len(), 2);
        assert!(letters.remove("t", "2").is_empty());
        let tomorrow = Timestamp::now().as_millisecond() + 86_400_000;
        assert_eq!(letters.expire(tomorrow).len(), 2);
        assert_eq!(letters.total(), 0);
    }

    #[test]
    fn what_is_sent_again_is_what_was_sent() {
        let json = serde_json::to_string(&letter("1", 3)).unwrap();
        let back: DeadLetter = serde_json::from_str(&json).unwrap();
        let parcel = back.parcel(Bytes::from_static(b"abc"));
        assert_eq!((parcel.id.as_str(), parcel.encoded.headers.len()), ("1", 1));
        assert_eq!((back.attempts, back.status, back.size), (3, Some(400), 3));
    }
}
