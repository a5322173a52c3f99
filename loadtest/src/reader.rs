//! The readers of broadcast workloads: what arrived, in which order and how late, for many connections on one thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use serde::{Deserialize, Serialize};

use crate::broadcast::Broadcast;
use crate::clock::{self, SECOND};
use crate::due::Window;
use crate::event_id::EventId;
use crate::message::{Mark, Notice};
use crate::order::{Findings, Order, Share, Times};
use crate::recent::Recent;
use crate::subscriber::{self, Plan, Sink};
use crate::verify::Tally;

/// When nothing has come for so long, no more will.
const SILENCE: u64 = 5 * SECOND;
/// How long to listen for what should not come, once everything has.
const LINGER: u64 = SECOND / 5;
/// What does not let the publisher go on is told so often.
const TELL: u64 = SECOND / 200;

/// Whom a worker tells how far it is.
pub type Tell = Box<dyn FnMut(&Share) + Send>;

/// The connections of one worker, and what is made of what they hear.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Assignment {
    /// The connections.
    pub plan: Plan,
    /// The window that they asked for.
    pub window: Window,
    /// Whether all get the same events.
    pub alike: bool,
}

impl Assignment {
    /// Reads until it is told that all is over. `answers`: where answers are told, if times from them are taken.
    ///
    /// # Errors
    ///
    /// If connections can't be opened or are refused.
    pub fn read(
        &self,
        orders: Receiver<Order>,
        tell: Tell,
        answers: Option<Arc<Broadcast>>,
    ) -> anyhow::Result<Findings> {
        let mut readers = Readers::new(self.plan.connections, self.window, self.alike, orders, tell);
        readers.answers = answers;
        let work = subscriber::run(&self.plan, &mut readers)?;
        Ok(Findings { work, ..readers.findings })
    }
}

/// What the connections of one worker got.
struct Readers {
    recent: Recent,
    orders: Receiver<Order>,
    tell: Tell,
    share: Share,
    told: Share,
    told_at: u64,
    /// By connection: from where it goes on when it has no event yet.
    positions: Vec<EventId>,
    /// Whether all connections get the same events.
    alike: bool,
    /// How many connections have each event that not all have.
    reaching: VecDeque<usize>,
    /// So many connections, the first ones, are not timed.
    apart: usize,
    /// Deliveries after which all is there.
    expected: Option<u64>,
    gave_up: bool,
    /// Where answers are told, if times from them are taken.
    answers: Option<Arc<Broadcast>>,
    findings: Findings,
}

impl Readers {
    /// For so many connections, all `alike` in what they get or not.
    fn new(connections: usize, window: Window, alike: bool, orders: Receiver<Order>, tell: Tell) -> Self {
        let now = clock::now();
        Self {
            recent: Recent::new(window),
            orders,
            tell,
            share: Share { last: now, ..Share::default() },
            told: Share::default(),
            told_at: 0,
            positions: vec![EventId::default(); connections],
            alike,
            reaching: VecDeque::new(),
            apart: 0,
            expected: None,
            gave_up: false,
            answers: None,
            findings: Findings { tallies: vec![Tally::default(); connections], ..Findings::default() },
        }
    }

    fn fault(&mut self, text: String) {
        // A thousand connections that end alike are told by a few.
        if self.findings.faults.len() < 10 {
            self.findings.faults.push(text);
        }
    }
}

/// Counts a connection that has event `number`; whether that makes it the last one to get it.
fn reach(reaching: &mut VecDeque<usize>, completed: u64, number: u64, connections: usize) -> bool {
    // Behind what all have: it came twice, which the check tells.
    let Some(place) = number.checked_sub(completed) else { return false };
    let place = usize::try_from(place).unwrap_or(0);
    if reaching.len() <= place {
        reaching.resize(place + 1, 0);
    }
    reaching[place] += 1;
    place == 0 && reaching[0] == connections && reaching.pop_front().is_some()
}

impl Sink for Readers {
    fn batch(&mut self, connection: usize, envelope: &[u8], now: u64) {
        let Self { recent, findings, share, reaching, answers, .. } = self;
        let connections = findings.tallies.len();
        let tally = &mut findings.tallies[connection];
        let before = *tally;
        let batch = recent.see(before, envelope);
        *tally = batch.after;
        findings.batches += 1;
        share.delivered += tally.count - before.count;
        share.last = now;
        let is_timed = connection >= self.apart;
        for (&Mark { number: notification, sent }, number) in batch.marks.iter().zip(before.count..) {
            if self.alike && reach(reaching, share.completed, number, connections) {
                share.completed += 1;
                findings.reached.push((sent, now));
            }
            let phase = Times::of(&mut findings.phases, sent).filter(|_| is_timed);
            let Some(phase) = phase else { continue };
            phase.arrival.record(now.saturating_sub(sent));
            if let Some(due) = batch.due {
                phase.beyond.record(now.saturating_sub(due));
            }
            if let Some(answers) = answers {
                match answers.answer(notification) {
                    Some(answer) => findings.from_answer.record(now.saturating_sub(answer)),
                    None => findings.before_answer += 1,
                }
            }
        }
    }

    fn notice(&mut self, connection: usize, notice: Notice) {
        self.share.last = clock::now();
        match notice {
            Notice::Subscribed(position) => {
                self.share.subscribed += 1;
                self.positions[connection] = position.unwrap_or_default();
            }
            Notice::Position(position) => self.positions[connection] = position.unwrap_or_default(),
            Notice::Gap(text) | Notice::Error(text) => self.fault(format!("connection {connection}: {text}")),
        }
    }

    fn closed(&mut self, connection: usize, why: String) {
        self.fault(format!("connection {connection}: {why}"));
    }

    fn away(&mut self, _: usize, subscribed: bool, cut_off: bool) {
        self.share.subscribed -= u64::from(subscribed);
        self.findings.returned += u64::from(cut_off);
    }

    fn after(&self, connection: usize) -> Option<EventId> {
        Some(self.findings.tallies[connection].last.max(self.positions[connection])).filter(|id| id.0 > 0)
    }

    fn order(&mut self) -> Option<Order> {
        match self.orders.try_recv() {
            Ok(Order::Phase(from)) => self.findings.phases.push(Times::since(from)),
            Ok(Order::Finish(expected)) => {
                self.expected = Some(expected);
                // Time to take what comes begins now.
                self.share.last = clock::now();
            }
            Ok(Order::GiveUp) | Err(TryRecvError::Disconnected) => self.gave_up = true,
            Err(TryRecvError::Empty) => {}
            Ok(order) => {
                if let Order::Stop(connections) = order {
                    self.apart = connections;
                }
                return Some(order);
            }
        }
        None
    }

    fn turn(&mut self, now: u64) -> bool {
        let completed = self.share.completed != self.told.completed;
        if self.share != self.told && (completed || now.saturating_sub(self.told_at) > TELL) {
            (self.told, self.told_at) = (self.share, now);
            (self.tell)(&self.share);
        }
        if self.gave_up {
            return true;
        }
        let Some(expected) = self.expected else { return false };
        let wait = if self.share.delivered >= expected { LINGER } else { SILENCE };
        now.saturating_sub(self.share.last) > wait
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn envelope(number: u64) -> String {
        let (id, tag) = (EventId(u128::from(number) + 1), Mark { number, sent: number * 100 }.tag());
        format!("{{\"messages\":[{{\"event_id\":\"{id}\",\"tag\":\"{tag}\"}}]}}")
    }

    #[test]
    fn an_event_is_complete_with_its_last_reader_and_timed_by_its_phase() {
        let (order, orders) = mpsc::channel();
        let window = Window { size: 1, cutoff: 0 };
        let mut readers = Readers::new(2, window, true, orders, Box::new(|_| ()));
        order.send(Order::Phase(100)).unwrap();
        assert_eq!(readers.order(), None);
        for (connection, number, now) in [(0, 0, 10), (0, 1, 150), (1, 0, 160), (1, 1, 170)] {
            readers.batch(connection, envelope(number).as_bytes(), now);
        }
        assert_eq!(readers.share.completed, 2);
        assert_eq!(readers.findings.reached, [(0, 160), (100, 170)]);
        assert_eq!(readers.findings.phases[0].arrival.count(), 2);
        assert_eq!(readers.findings.tallies[0], readers.findings.tallies[1]);
        assert_eq!(readers.after(0), Some(EventId(2)));
    }

    #[test]
    fn it_ends_when_all_is_there_or_nothing_comes() {
        let (order, orders) = mpsc::channel();
        let mut readers = Readers::new(1, Window { size: 1, cutoff: 0 }, true, orders, Box::new(|_| ()));
        let now = clock::now();
        assert!(!readers.turn(now + SILENCE * 2));
        order.send(Order::Finish(1)).unwrap();
        readers.order();
        let now = clock::now();
        assert!(!readers.turn(now + LINGER * 2) && readers.turn(now + SILENCE * 2));
        readers.batch(0, envelope(0).as_bytes(), now);
        assert!(readers.turn(now + LINGER * 2));
        drop(order);
        readers.order();
        assert!(readers.turn(now));
    }
}
