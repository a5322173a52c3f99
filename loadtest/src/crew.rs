//! All readers of a run, on threads or in processes: started, told what to do, and asked in the end what they got.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use anyhow::bail;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::broadcast::Broadcast;
use crate::child::Reading;
use crate::due::Window;
use crate::order::{Got, Order, Times};
use crate::reader::{Readers, Tell};
use crate::subscriber::{self, Plan};

/// How readers are shared out.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Sharing {
    /// Threads that read.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Processes that read, each on one thread, instead: one process has only so many descriptors.
    #[arg(long, default_value_t = 0)]
    pub processes: usize,
    /// Microseconds between two looks at the sockets. 0: sleep until something comes, which costs the server on the
    /// same machine a wake-up with each write.
    #[arg(long, default_value_t = 200)]
    pub nap: u64,
}

impl Sharing {
    /// How many workers these are.
    pub fn workers(self, connections: usize) -> usize {
        self.threads.max(self.processes).clamp(1, connections.max(1))
    }
}

/// The readers of one worker: which connections, and what is made of what they hear.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Readings {
    /// The connections.
    pub plan: Plan,
    /// Events in a batch at most.
    pub size: usize,
    /// Nanoseconds since a batch's first event.
    pub cutoff: u64,
    /// Whether all connections get the same events.
    pub alike: bool,
}

impl Readings {
    /// Reads until it is told that all is over.
    ///
    /// # Errors
    ///
    /// If connections can't be opened or are refused.
    pub fn read(
        &self,
        orders: Receiver<Order>,
        tell: Tell,
        answers: Option<Arc<Broadcast>>,
    ) -> anyhow::Result<Got> {
        let window = Window { size: self.size, cutoff: self.cutoff };
        let readers = Readers::new(self.plan.connections, window, self.alike, orders, tell);
        let mut readers = readers.answers(answers);
        let work = subscriber::run(&self.plan, &mut readers)?;
        Ok(Got { work, ..readers.got })
    }
}

enum Worker {
    Thread(Sender<Order>, JoinHandle<anyhow::Result<Got>>),
    Process(Reading),
}

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
        all: &Readings,
        sharing: Sharing,
        broadcast: &Arc<Broadcast>,
        with_answers: bool,
    ) -> anyhow::Result<Self> {
        let connections = all.plan.connections;
        let mut crew = Self { workers: Vec::new() };
        for (worker, range) in ranges(connections, sharing.workers(connections)).enumerate() {
            let plan = Plan { first: range.start, connections: range.len(), ..all.plan.clone() };
            let readings = Readings { plan, ..all.clone() };
            let one = if sharing.processes > 0 {
                Worker::Process(Reading::start(&readings, worker, broadcast)?)
            } else {
                on_a_thread(readings, worker, broadcast, with_answers)
            };
            crew.workers.push((range, one));
        }
        Ok(crew)
    }

    /// The processes that read.
    pub fn pids(&self) -> Vec<u32> {
        let pid = |worker: &Worker| match worker {
            Worker::Thread(..) => None,
            Worker::Process(reading) => Some(reading.pid()),
        };
        self.workers.iter().filter_map(|(_, worker)| pid(worker)).collect()
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
    pub fn finish(mut self, expected: impl Fn(usize) -> u64) -> anyhow::Result<Gathered> {
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
    pub fn give_up(mut self) -> anyhow::Result<Gathered> {
        self.order(Order::GiveUp);
        self.join()
    }

    fn join(self) -> anyhow::Result<Gathered> {
        let workers = self.workers.into_iter().map(|(_, worker)| worker.join());
        // All are waited for, whatever becomes of one.
        let all: Vec<_> = workers.collect();
        let mut gathered = Gathered::default();
        for got in all {
            gathered.add(got?);
        }
        Ok(gathered)
    }
}

impl Worker {
    fn order(&mut self, order: Order) {
        match self {
            // One that is gone tells why when it is joined.
            Self::Thread(orders, _) => _ = orders.send(order),
            Self::Process(reading) => reading.order(order),
        }
    }

    fn join(self) -> anyhow::Result<Got> {
        match self {
            Self::Thread(orders, thread) => {
                let got = thread.join().unwrap_or_else(|_| bail!("a reader's thread panicked"));
                drop(orders);
                got
            }
            Self::Process(reading) => reading.join(),
        }
    }
}

fn on_a_thread(readings: Readings, worker: usize, broadcast: &Arc<Broadcast>, with_answers: bool) -> Worker {
    let (order, orders) = mpsc::channel();
    let broadcast = Arc::clone(broadcast);
    let thread = thread::spawn(move || {
        let shares = Arc::clone(&broadcast);
        let answers = with_answers.then(|| Arc::clone(&broadcast));
        let tell = Box::new(move |share: &_| shares.share(worker, share));
        let got = readings.read(orders, tell, answers);
        if got.is_err() {
            broadcast.fail();
        }
        got
    });
    Worker::Thread(order, thread)
}

/// `all` things among `many`, as even as it goes.
fn ranges(all: usize, many: usize) -> impl Iterator<Item = Range<usize>> {
    let place = move |index: usize| all * index / many;
    (0..many).map(move |index| place(index)..place(index + 1))
}

/// What all readers got.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Everything, as if one worker had read it; `seen` is by the number of the connection.
    pub got: Got,
    /// Batches, events and times are of so many workers.
    workers: usize,
}

impl Gathered {
    /// The next worker's part.
    fn add(&mut self, got: Got) {
        let all = &mut self.got;
        all.seen.extend(got.seen);
        for (index, times) in got.phases.into_iter().enumerate() {
            match all.phases.get_mut(index) {
                Some(sum) => {
                    sum.arrival.add(&times.arrival);
                    sum.beyond.add(&times.beyond);
                }
                None => all.phases.push(Times { ..times }),
            }
        }
        if self.workers == 0 {
            all.reached = got.reached;
        } else {
            // An event is there when it is there everywhere.
            all.reached.truncate(got.reached.len());
            let both = all.reached.iter_mut().zip(got.reached);
            both.for_each(|(all, one)| all.1 = all.1.max(one.1));
        }
        all.from_answer.add(&got.from_answer);
        all.before_answer += got.before_answer;
        all.batches += got.batches;
        all.work += got.work;
        all.returned += got.returned;
        all.faults.extend(got.faults);
        all.cpu += got.cpu;
        self.workers += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_is_there_when_it_is_there_everywhere() {
        let got = |reached: &[(u64, u64)]| Got { reached: reached.to_vec(), ..Got::default() };
        let mut all = Gathered::default();
        all.add(got(&[(1, 5), (2, 6), (3, 7)]));
        all.add(got(&[(1, 9), (2, 3)]));
        assert_eq!(all.got.reached, [(1, 9), (2, 6)]);
    }

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
