//! Keys that sources sign with, fetched when a check asks for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use parking_lot::{Mutex, MutexGuard};

use crate::limits::seldom;
use crate::outgoing::{Ask, Outgoing, is_loopback};
use crate::source::Keys;

/// What is fetched is used for so long without asking again.
const FRESH: Duration = Duration::from_mins(10);
/// And, where asking again fails, for so long.
const KEPT: Duration = Duration::from_hours(24);
/// One URL is asked no oftener: whoever sends unknown keys can't make us ask for each.
const PAUSE: Duration = Duration::from_secs(30);
/// Well below the shortest time that such a sender waits.
const PATIENCE: Duration = Duration::from_secs(3);
/// What takes longer goes on, and serves whoever sends next: a silent name server alone takes five seconds.
const DEADLINE: Duration = Duration::from_secs(20);
/// Google's set has about 4 KiB.
const MAX_BYTES: usize = 256 << 10;
/// URLs kept; a source names one, and SNS one a region.
const MAX_URLS: usize = 64;

/// See the module.
pub(super) struct KeyCache {
    outgoing: Arc<Outgoing>,
    known: Arc<Mutex<KeyTable>>,
}

#[derive(Default)]
struct KeyTable {
    /// All that is in use, ready for a check.
    keys: Arc<Keys>,
    urls: HashMap<String, Entry>,
}

#[derive(Clone, Default)]
struct Entry {
    fetched: Option<(Instant, Bytes)>,
    tried: Option<Instant>,
    /// Held while fetching, so that one fetch serves all who wait.
    gate: Arc<tokio::sync::Mutex<()>>,
}

impl KeyCache {
    pub(super) fn new(outgoing: Arc<Outgoing>) -> Self {
        Self { outgoing, known: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, KeyTable> {
        // Never across a fetch.
        self.known.lock()
    }

    /// The keys at hand. What is no longer fresh is not among them, so that the check asks for it.
    pub(super) fn at_hand(&self) -> Arc<Keys> {
        let mut known = self.lock();
        let KeyTable { keys, urls } = &mut *known;
        for (url, entry) in urls {
            let is_stale = entry.fetched.as_ref().is_some_and(|(at, _)| at.elapsed() > FRESH);
            if is_stale && entry.tried.is_none_or(|tried| tried.elapsed() > PAUSE) {
                Arc::make_mut(keys).remove(url);
            }
        }
        Arc::clone(keys)
    }

    /// The keys with those of `url`, fetched unless it was asked a moment ago; `None` where it has none to give.
    pub(super) async fn with(&self, url: &str) -> Option<Arc<Keys>> {
        let gate = self.lock().entry(url).gate.clone();
        let _one_at_a_time = gate.lock().await;
        let is_due = {
            let mut known = self.lock();
            let entry = known.entry(url);
            let is_due = entry.tried.is_none_or(|tried| tried.elapsed() > PAUSE);
            if is_due {
                entry.tried = Some(Instant::now());
            }
            is_due
        };
        if is_due {
            let (outgoing, known, url) =
                (Arc::clone(&self.outgoing), Arc::clone(&self.known), url.to_owned());
            let fetched = tokio::spawn(async move {
                if let Some(body) = fetch(&outgoing, &url).await {
                    known.lock().entry(&url).fetched = Some((Instant::now(), body));
                }
            });
            let _ = tokio::time::timeout(PATIENCE, fetched).await;
        }
        let mut known = self.lock();
        let fetched = known.entry(url).fetched.clone();
        let (_, body) = fetched.filter(|(at, _)| at.elapsed() <= KEPT)?;
        Arc::make_mut(&mut known.keys).add(url, &body).ok()?;
        Some(Arc::clone(&known.keys))
    }
}

async fn fetch(outgoing: &Outgoing, url: &str) -> Option<Bytes> {
    let ask = Ask {
        method: Method::GET,
        url: url.to_owned(),
        headers: HeaderMap::new(),
        plain: is_loopback(url),
        max: MAX_BYTES,
        deadline: DEADLINE,
    };
    let why = match outgoing.ask(ask).await {
        Ok(answer) if answer.status == StatusCode::OK => match Keys::default().add(url, &answer.body) {
            Ok(()) => return Some(answer.body),
            Err(error) => error.to_string(),
        },
        Ok(answer) => format!("status {}", answer.status),
        Err(error) => error.to_string(),
    };
    seldom!(warn, url, why, "a source's keys can't be fetched");
    None
}

impl KeyTable {
    /// The URL's entry; another's goes where there are too many: one that gave nothing, else the oldest.
    fn entry(&mut self, url: &str) -> &mut Entry {
        if !self.urls.contains_key(url) && self.urls.len() >= MAX_URLS {
            let oldest = self.urls.iter().min_by_key(|(_, e)| (e.fetched.is_some(), e.tried));
            if let Some(oldest) = oldest.map(|(url, _)| url.clone()) {
                self.urls.remove(&oldest);
                Arc::make_mut(&mut self.keys).remove(&oldest);
            }
        }
        self.urls.entry(url.to_owned()).or_default()
    }
}
