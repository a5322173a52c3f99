//! What readers are told while they read, and what they tell: the same between threads and between processes.

use serde::{Deserialize, Serialize};

use crate::latency::Latency;
use crate::report::Report;
use crate::verify::Tally;

/// To readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Events that were to be sent from this time on are timed together. Before the first phase none is.
    Phase(u64),
    /// That was all: so many deliveries are for this worker's connections.
    Finish(u64),
    /// The run is lost.
    GiveUp,
    /// The first so many connections read no more.
    Stop(usize),
    /// They read again.
    Resume,
    /// So many connections hang up, the next ones in turn, and come back to where they were.
    Return(usize),
}

/// How far the readers of one worker are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Connections that are subscribed.
    pub subscribed: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Events that every connection has.
    pub completed: u64,
    /// When anything came last.
    pub last: u64,
}

/// Times of events that were to be sent in one phase.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Times {
    /// When the phase began.
    pub from: u64,
    /// From the intended send to arrival.
    pub arrival: Latency,
    /// From when the batch was due to arrival, where there is a window.
    pub beyond: Latency,
}

impl Times {
    /// A phase that begins then.
    pub fn since(from: u64) -> Self {
        Self { from, ..Self::default() }
    }

    /// Those of the phase of an event that was to be sent then, if it is in one.
    pub fn of(phases: &mut [Self], sent: u64) -> Option<&mut Self> {
        phases.iter_mut().rev().find(|phase| phase.from <= sent)
    }
}

/// What reading took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Work {
    /// Calls of `read` that brought something.
    pub reads: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What readers got: those of one worker, or all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Findings {
    /// By connection.
    pub tallies: Vec<Tally>,
    /// By phase.
    pub phases: Vec<Times>,
    /// When each event was to be sent, and when the last connection had it; where all get the same, in their order.
    pub reached: Vec<(u64, u64)>,
    /// From the publisher's answer, where it came first.
    pub from_answer: Latency,
    /// Deliveries that came before the publisher's answer.
    pub before_answer: u64,
    /// Batches.
    pub batches: u64,
    /// What reading took.
    pub work: Work,
    /// Connections that came back after they were cut off, not told to.
    pub returned: u64,
    /// What went wrong: gaps, errors and closed connections; of each sort the first few.
    pub faults: Vec<String>,
    /// Seconds of CPU time of a process of its own.
    pub cpu: f64,
}

impl Findings {
    /// The timed ones of `reached`: those of the first phase and later ones.
    pub fn timed(&self) -> impl Iterator<Item = (u64, u64)> {
        let from = self.phases.first().map_or(u64::MAX, |times| times.from);
        self.reached.iter().copied().filter(move |&(sent, _)| sent >= from)
    }

    /// Tells what went wrong.
    pub fn tell_faults(&self, report: &mut Report) {
        for fault in &self.faults {
            report.check("told by the server", fault, false);
        }
    }

    /// The part of the next worker, whose connections follow.
    pub fn add(&mut self, next: Self) {
        if self.tallies.is_empty() {
            *self = next;
            return;
        }
        self.tallies.extend(next.tallies);
        for (index, times) in next.phases.into_iter().enumerate() {
            match self.phases.get_mut(index) {
                Some(sum) => {
                    sum.arrival.add(&times.arrival);
                    sum.beyond.add(&times.beyond);
                }
                None => self.phases.push(times),
            }
        }
        // An event is there when it is there everywhere.
        self.reached.truncate(next.reached.len());
        let both = self.reached.iter_mut().zip(next.reached);
        both.for_each(|(all, one)| all.1 = all.1.max(one.1));
        self.from_answer.add(&next.from_answer);
        self.before_answer += next.before_answer;
        self.batches += next.batches;
        self.work.reads += next.work.reads;
        self.work.bytes += next.work.bytes;
        self.returned += next.returned;
        self.faults.extend(next.faults);
        self.cpu += next.cpu;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_there_when_it_is_there_everywhere() {
        let findings = |reached: &[(u64, u64)]| Findings {
            tallies: vec![Tally::default()],
            reached: reached.to_vec(),
            ..Findings::default()
        };
        let mut all = Findings::default();
        all.add(findings(&[(1, 5), (2, 6), (3, 7)]));
        all.add(findings(&[(1, 9), (2, 3)]));
        assert_eq!((all.reached, all.tallies.len()), (vec![(1, 9), (2, 6)], 2));
    }
}
