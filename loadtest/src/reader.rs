//! The readers of broadcast workloads: what arrived, in which order and how late, for many connections on one thread.

use std::sync::Arc;

use crate::broadcast::Broadcast;
use crate::clock::{self, SECOND};
use crate::latency::Latency;
use crate::message::{Events, Told};
use crate::subscriber::Sink;
use crate::verify::Seen;

/// When nothing has come for so long, no more will.
const SILENCE: u64 = 5 * SECOND;
/// How long to listen for what should not come, once everything has.
const LINGER: u64 = SECOND / 5;

/// What the connections of one thread got.
#[derive(Debug)]
pub struct Readers {
    events: Events,
    broadcast: Arc<Broadcast>,
    /// By connection.
    pub seen: Vec<Seen>,
    /// From the intended send time.
    pub latency: Latency,
    /// From the publisher's answer, where it came first.
    pub from_answer: Latency,
    /// Deliveries that came before the publisher's answer.
    pub before_answer: u64,
    /// Batches.
    pub batches: u64,
    /// When the last event came.
    pub last: u64,
    /// What went wrong: gaps, errors and closed connections; of each sort the first few.
    pub faults: Vec<String>,
    with_answers: bool,
    delivered: u64,
    /// How many of the connections every event is for.
    per_event: u64,
}

impl Readers {
    /// For so many connections. `with_answers`: times from the answer are taken too.
    pub fn new(broadcast: Arc<Broadcast>, connections: usize, with_answers: bool) -> Self {
        Self {
            events: Events::default(),
            broadcast,
            seen: vec![Seen::default(); connections],
            latency: Latency::default(),
            from_answer: Latency::default(),
            before_answer: 0,
            batches: 0,
            last: clock::now(),
            faults: Vec::new(),
            with_answers,
            delivered: 0,
            per_event: connections as u64,
        }
    }

    /// For connections that select: each event is for so many of them.
    #[must_use]
    pub fn selecting(self, per_event: u64) -> Self {
        Self { per_event, ..self }
    }

    fn fault(&mut self, text: String) {
        // A thousand connections that end alike are told by a few.
        if self.faults.len() < 10 {
            self.faults.push(text);
        }
    }
}

impl Sink for Readers {
    fn batch(&mut self, connection: usize, envelope: &[u8], now: u64) {
        let Self { events, broadcast, seen, latency, from_answer, before_answer, .. } = self;
        let seen = &mut seen[connection];
        let before = seen.count;
        let timed_from = broadcast.timed_from();
        events.each(envelope, |id, mark| {
            seen.see(id);
            let Some(mark) = mark else { return };
            broadcast.reached(mark.number);
            if mark.sent < timed_from {
                return;
            }
            latency.record(now.saturating_sub(mark.sent));
            if self.with_answers {
                match broadcast.answer(mark.number) {
                    Some(answer) => from_answer.record(now.saturating_sub(answer)),
                    None => *before_answer += 1,
                }
            }
        });
        let count = seen.count - before;
        self.batches += 1;
        self.delivered += count;
        self.last = now;
        self.broadcast.deliver(count);
    }

    fn told(&mut self, connection: usize, told: Told) {
        match told {
            Told::Subscribed(_) => self.broadcast.subscribe(),
            Told::Position => {}
            Told::Gap(text) | Told::Error(text) => self.fault(format!("connection {connection}: {text}")),
        }
    }

    fn closed(&mut self, connection: usize, why: String) {
        self.fault(format!("connection {connection}: {why}"));
    }

    fn enough(&mut self, now: u64) -> bool {
        if self.broadcast.has_failed() {
            return true;
        }
        let Some(expected) = self.broadcast.expected() else { return false };
        let all = self.delivered >= expected * self.per_event;
        now.saturating_sub(self.last) > if all { LINGER } else { SILENCE }
    }
}
