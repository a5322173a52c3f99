//! All readers of a run, on threads or in processes: started, told what to do, and asked in the end what they got.

use std::ops::Range;
use std::sync::Arc;

use crate::broadcast::Broadcast;
use crate::options::Sharing;
use crate::order::{Findings, Order};
use crate::reader::Assignment;
use crate::subscriber::Plan;
use crate::worker::Worker;

/// The workers, and which connections each has.
pub struct Crew {
    workers: Vec<(Range<usize>, Worker)>,
}

impl Crew {
    /// Starts them. `with_answers`: times from answers are taken too, which processes can't.
    ///
    /// # Errors
    ///
    /// If a process can't be started.
    pub fn start(
        all: &Assignment,
        sharing: Sharing,
        broadcast: &Arc<Broadcast>,
        with_answers: bool,
    ) -> anyhow::Result<Self> {
        let connections = all.plan.connections;
        let mut crew = Self { workers: Vec::new() };
        for (worker, range) in ranges(connections, sharing.workers(connections)).enumerate() {
            let plan = Plan { first: range.start, connections: range.len(), ..all.plan.clone() };
            let assignment = Assignment { plan, ..all.clone() };
            let one = if sharing.processes > 0 {
                Worker::in_a_process(&assignment, worker, broadcast)?
            } else {
                Worker::on_a_thread(assignment, worker, broadcast, with_answers)
            };
            crew.workers.push((range, one));
        }
        Ok(crew)
    }

    /// The processes that read.
    pub fn pids(&self) -> Vec<u32> {
        self.workers.iter().filter_map(|(_, worker)| worker.pid).collect()
    }

    /// Tells all of them.
    pub fn order(&mut self, order: Order) {
        for (_, worker) in &mut self.workers {
            worker.order(order);
        }
    }

    /// The first so many connections of all stop.
    pub fn stop(&mut self, count: usize) {
        for (range, worker) in &mut self.workers {
            let own = count.saturating_sub(range.start).min(range.len());
            if own > 0 {
                worker.order(Order::Stop(own));
            }
        }
    }

    /// So many connections, shared out evenly, hang up and come back.
    pub fn send_away(&mut self, count: usize) {
        let all = self.workers.iter().map(|(range, _)| range.len()).sum::<usize>().max(1);
        for (range, worker) in &mut self.workers {
            worker.order(Order::Return((count * range.len()).div_ceil(all)));
        }
    }

    /// That was all; each connection was to get so many events, by its number.
    ///
    /// # Errors
    ///
    /// A worker's.
    pub fn finish(mut self, expected: impl Fn(usize) -> u64) -> anyhow::Result<Findings> {
        for (range, worker) in &mut self.workers {
            worker.order(Order::Finish(range.clone().map(&expected).sum()));
        }
        self.join()
    }

    /// The run is lost; what went wrong at a worker comes back.
    ///
    /// # Errors
    ///
    /// A worker's.
    pub fn give_up(mut self) -> anyhow::Result<Findings> {
        self.order(Order::GiveUp);
        self.join()
    }

    fn join(self) -> anyhow::Result<Findings> {
        // All are waited for, whatever becomes of one.
        let all: Vec<_> = self.workers.into_iter().map(|(_, worker)| worker.join()).collect();
        let mut findings = Findings::default();
        for one in all {
            findings.add(one?);
        }
        Ok(findings)
    }
}

/// `all` things among `many`, as even as it goes.
fn ranges(all: usize, many: usize) -> impl Iterator<Item = Range<usize>> {
    let place = move |index: usize| all * index / many;
    (0..many).map(move |index| place(index)..place(index + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_connection_has_one_worker(all in 0usize..1_000, many in 1usize..20) {
            let ranges: Vec<_> = ranges(all, many).collect();
            prop_assert_eq!(ranges.iter().cloned().flatten().collect::<Vec<_>>(), (0..all).collect::<Vec<_>>());
            let lengths: Vec<_> = ranges.iter().map(Range::len).collect();
            prop_assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1);
        }
    }
}
