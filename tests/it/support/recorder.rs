//! Stands outside the gateway, notes every answer and every delivery, and compares them with the log that is
//! left: what was promised, held against what happened.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Message, connect};

use super::PATIENCE;
use super::client::id;
use super::gateway::Gateway;
use super::http::try_request;
use super::notification::{body, push};

/// What happened, as those outside saw it.
#[derive(Default)]
pub(crate) struct Recorder {
    address: String,
    /// Nothing more is sent.
    sent_all: AtomicBool,
    stop: AtomicBool,
    /// Where everyone has everything, once nothing more is sent.
    end: OnceLock<End>,
    /// What has a 200: the sender and its number, in the order of the answers.
    acknowledged: Mutex<Vec<(usize, usize)>>,
    /// What was sent, answered or not, by the registry's id.
    sent: Mutex<HashMap<String, (usize, usize)>>,
    /// Event id → its whole text, over all readers.
    contents: Mutex<HashMap<String, String>>,
    /// What was seen that must not be.
    wrong: Mutex<Vec<String>>,
    /// When something was last acknowledged.
    last_answer: Mutex<Option<Instant>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of the log: the last event of each sender's repository, and of all under `None`.
struct End {
    since: Instant,
    last: HashMap<Option<usize>, String>,
}

/// Whose events a reader wants, where it began, and what it got, over all its connections.
pub(crate) struct Read {
    sender: Option<usize>,
    ids: Vec<String>,
}

impl Recorder {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        Self { address: gateway.address.clone(), ..Self::default() }
    }

    /// Ends senders and readers where they are.
    pub(crate) fn stop(&self) {
        self.stop_sending();
        self.stop.store(true, Ordering::Release);
    }

    /// Ends the senders; readers go on.
    pub(crate) fn stop_sending(&self) {
        self.sent_all.store(true, Ordering::Release);
    }

    /// Lets readers read up to the end of this log, in which nothing comes any more, and then end. Who does not get
    /// so far in time has lost something, as the verdict will say.
    pub(crate) fn finish(&self, log: &[Value]) {
        let mut last = HashMap::new();
        for event in log {
            let repository = event["details"]["repository_name"].as_str().unwrap_or_default();
            let sender = repository.strip_prefix("team/").and_then(|number| number.parse().ok());
            last.insert(sender, id(event));
            last.insert(None, id(event));
        }
        let _ = self.end.set(End { since: Instant::now(), last });
    }

    fn is_done(&self, read: &Read) -> bool {
        let at_end =
            |end: &End| end.last.get(&read.sender) == read.ids.last() || end.since.elapsed() > PATIENCE;
        self.stop.load(Ordering::Acquire) || self.end.get().is_some_and(at_end)
    }

    pub(crate) fn acknowledged(&self) -> usize {
        locked(&self.acknowledged).len()
    }

    fn complain(&self, what: String) {
        locked(&self.wrong).push(what);
    }

    /// A registry: sends one notification after another, each until it has a 200, as registries do.
    pub(crate) fn send(&self, sender: usize) {
        let repository = format!("team/{sender}");
        for n in 0.. {
            let id = format!("{sender}.{n}");
            locked(&self.sent).insert(id.clone(), (sender, n));
            let body = body(&[push(&id, &repository, &format!("v{n}"), &format!("image {id}"))]);
            let path = "/v1/sources/distribution/events";
            loop {
                if self.sent_all.load(Ordering::Acquire) {
                    return;
                }
                match try_request(&self.address, "POST", path, &[], body.as_bytes()) {
                    Ok(answer) if answer.status == 200 => {
                        locked(&self.acknowledged).push((sender, n));
                        *locked(&self.last_answer) = Some(Instant::now());
                        break;
                    }
                    Ok(answer) if !matches!(answer.status, 0 | 503) => {
                        self.complain(format!("{id}: {} {}", answer.status, answer.body));
                    }
                    _ => {}
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// A reader of one sender's events, or of all: connects, reads for a while, and resumes where it was.
    pub(crate) fn read(&self, sender: Option<usize>, stay: Duration) -> Read {
        let mut read = Read { sender, ids: Vec::new() };
        let filter = sender.map_or("true".into(), |n| format!("repository%20%3D%3D%20'team/{n}'"));
        while !self.is_done(&read) {
            let after = read.ids.last().map_or("earliest", String::as_str);
            let url = format!(
                "ws://{}/v1/ws?filter={filter}&batch_cutoff=20ms&batch_size=50&after={after}",
                self.address
            );
            if let Ok((mut socket, _)) = connect(&url) {
                if let MaybeTlsStream::Plain(tcp) = socket.get_ref() {
                    let _ = tcp.set_read_timeout(Some(stay));
                }
                let until = Instant::now() + stay;
                while Instant::now() < until && !self.is_done(&read) {
                    let Ok(Message::Text(text)) = socket.read() else { break };
                    self.take(&mut read, &serde_json::from_str(&text).unwrap_or_default());
                }
            } else {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        read
    }

    fn take(&self, read: &mut Read, message: &Value) {
        if message.get("gap").is_some() || message.get("error").is_some() {
            self.complain(format!("a reader was told {message}"));
        }
        for event in message["messages"].as_array().into_iter().flatten() {
            let (id, text) = (id(event), event.to_string());
            if read.ids.last().is_some_and(|last| *last >= id) {
                self.complain(format!("{id} behind {:?}", read.ids.last()));
            }
            let before = locked(&self.contents).insert(id.clone(), text.clone());
            if before.is_some_and(|before| before != text) {
                self.complain(format!("{id} has two contents"));
            }
            read.ids.push(id);
        }
    }

    /// Everything that is wrong, given the log that is left.
    pub(crate) fn verdict(&self, log: &[Value], readers: &[Read]) -> Vec<String> {
        let mut wrong = std::mem::take(&mut *locked(&self.wrong));
        let mut places: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (place, event) in log.iter().enumerate() {
            let told = event["details"]["source_event_id"].as_str().unwrap_or_default();
            match locked(&self.sent).get(told) {
                None => wrong.push(format!("an event from nowhere: {event}")),
                Some(key) => places.entry(*key).or_default().push(place),
            }
            let seen = locked(&self.contents).get(&id(event)).cloned();
            let text = event.to_string();
            if seen.is_some_and(|seen| seen != text) {
                wrong.push(format!("{} is not what readers saw", id(event)));
            }
        }
        let mut last = HashMap::new();
        for (sender, n) in locked(&self.acknowledged).iter() {
            match places.get(&(*sender, *n)).map(Vec::as_slice) {
                Some([one, other]) if *other == one + 1 => {
                    if last.insert(*sender, *one).is_some_and(|before| before > *one) {
                        wrong.push(format!("{sender}.{n} stands before what was answered before it"));
                    }
                }
                found => wrong.push(format!("{sender}.{n} is acknowledged and stands at {found:?}")),
            }
        }
        wrong.extend(
            places.iter().filter(|(_, at)| at.len() != 2).map(|(key, at)| format!("{key:?} at {at:?}")),
        );
        for read in readers {
            wrong.extend(self.compare(read, log));
        }
        wrong
    }

    /// A reader has exactly the log's matching events, from the oldest to the last, or to where it was stopped.
    fn compare(&self, read: &Read, log: &[Value]) -> Option<String> {
        let repository = read.sender.map(|n| format!("team/{n}"));
        let wanted = log.iter().filter(|event| {
            repository.as_deref().is_none_or(|name| event["details"]["repository_name"] == name)
        });
        let wanted: Vec<String> = wanted.map(id).collect();
        let got = &read.ids;
        let right = if self.end.get().is_some() { wanted == *got } else { wanted.starts_with(got) };
        (!right).then(|| {
            let at = wanted.iter().zip(got).take_while(|(one, other)| one == other).count();
            format!("a reader of {repository:?} has {:?} at {at}, the log {:?}", got.get(at), wanted.get(at))
        })
    }
}

/// The whole log, oldest first.
pub(crate) fn whole_log(gateway: &Gateway) -> Vec<Value> {
    let server = gateway.get("/v1/server").json();
    let offset = |name: &str| server["log"][name].as_u64().expect("an offset");
    let count = usize::try_from(offset("newest") + 1 - offset("oldest")).expect("few");
    let mut client = gateway.connect("?filter=true&after=earliest&batch_size=5000");
    client.subscribed();
    let mut log: Vec<Value> = Vec::new();
    while log.len() < count {
        log.extend(client.batch());
    }
    log
}
