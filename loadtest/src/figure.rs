//! Names of what a report tells. What programs look for has an identity beside its label, which is for people.

use serde::{Deserialize, Serialize};

/// What is looked for in reports: by bars, tables and comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Id {
    /// Of all connections or triggers together.
    DeliveriesPerSecond,
    /// For each second of the server's CPU time.
    DeliveriesPerCpuSecond,
    /// Connections opened and subscribed in a second.
    Subscribed,
    /// Cores that this program used.
    ClientCpu,
    /// Until every reader has every event of a storm.
    AllHaveAll,
    /// What the server's memory grew by in a storm.
    StormMemory,
    /// Until the last reader has an event that came alone.
    LastReached,
    /// Events a second with times within the bound.
    MostEvents,
    /// Bytes of a connection that waits.
    ConnectionMemory,
    /// Bytes that a connection keeps after a batch.
    ConnectionGrowth,
    /// What others feel of slow ones: their p99 as a multiple of that without.
    OthersRatio,
    /// Bytes that the kernel keeps for a reader that stopped, the most.
    StoppedReaderMemory,
    /// Of push to socket.
    P99,
    /// Times from the intended send to arrival.
    Arrival,
    /// Times from the end of the window to arrival.
    BeyondWindow,
    /// The server's resident memory over time.
    ServerMemory,
}

impl Id {
    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::DeliveriesPerSecond => "deliveries/s",
            Self::DeliveriesPerCpuSecond => "deliveries/server-CPU-second",
            Self::Subscribed => "subscribed",
            Self::ClientCpu => "client CPU",
            Self::AllHaveAll => "all have all",
            Self::StormMemory => "most memory beyond that before",
            Self::LastReached => "last one reached",
            Self::MostEvents => "most events/s",
            Self::ConnectionMemory | Self::ServerMemory => "server memory",
            Self::ConnectionGrowth => "growth after the batch",
            Self::OthersRatio => "the one of the other",
            Self::StoppedReaderMemory => "kernel memory of a stopped reader, most",
            Self::P99 => "p99",
            Self::Arrival => "intended send to arrival",
            Self::BeyondWindow => "window due to arrival",
        }
    }
}

/// What a number, times or a curve are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// For programs, where any looks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// For people.
    #[serde(rename = "name")]
    pub label: String,
}

impl Name {
    /// The same of one of several phases, which nobody looks for; `None`: there is only one.
    #[must_use]
    pub fn of_phase(self, number: Option<usize>) -> Self {
        let Some(number) = number else { return self };
        format!("{}, phase {}", self.label, number + 1).into()
    }
}

impl From<Id> for Name {
    fn from(id: Id) -> Self {
        Self { id: Some(id), label: id.label().to_owned() }
    }
}

impl<T: Into<String>> From<T> for Name {
    fn from(label: T) -> Self {
        Self { id: None, label: label.into() }
    }
}
