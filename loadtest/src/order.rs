//! What readers are told while they read, and what they tell: the same between threads and between processes.

use serde::{Deserialize, Serialize};

use crate::latency::Latency;
use crate::subscriber::Work;
use crate::verify::Seen;

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

/// What the readers of one worker got.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Got {
    /// By connection.
    pub seen: Vec<Seen>,
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
