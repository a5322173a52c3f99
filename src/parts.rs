//! The parts that benches, fuzz targets and tests of a single part reach. No promise: it changes with the parts, and
//! users have the program alone.

pub mod bus {
    //! From the log to subscribers.
    pub use crate::bus::{Bus, Content, Delivery, Form, Forms, Offer, Spec, Subscriber, Subscription, Wire};
}

pub mod config {
    //! Settings.
    pub use crate::config::{Config, SourceConfig};
}

pub mod event {
    //! What travels.
    pub use crate::event::{
        Attributes, AttributesBuilder, Event, EventType, Field, Offset, Position, Timestamp,
    };
}

pub mod filter {
    //! Which events a subscription wants.
    pub use crate::filter::{Account, Code, Filter, FilterCache, FilterId, Index, Options, SearchBudget};
}

pub mod ingest {
    //! The one door in.
    pub use crate::ingest::{Ingest, Refusal, SourceAnswer, TABLES, Trial, TrialReport, WriterOptions};
}

pub mod limits {
    //! What one principal may command.
    pub use crate::limits::{Allowance, Allowances, Customer, WorkLimits};
}

pub mod log {
    //! The durable record, and its homes.
    pub use crate::log::{
        AppendError, Bounds, Change, Commit, DiskLog, DiskOptions, EventLog, Gap, GapReason, Home, LogHandle,
        Max, MemoryLog, OnDamage, OpenError, Read, Record, Room, SpaceLimits, Table, Tables, Upkeep,
        offset_before,
    };
}

pub mod metrics {
    //! What is counted.
    pub use crate::metrics::Metrics;
}

pub mod outgoing {
    //! The HTTP client.
    pub use crate::outgoing::Outgoing;
}

pub mod protocol {
    //! What clients see.
    pub use crate::protocol::{Close, Code, Inflater, OnGap, Request, ServerMessage, Start};
}

pub mod source {
    //! Registries' notifications.
    pub use crate::source::{Kind, Request};
}

pub mod transport {
    //! How clients come in.
    pub use crate::transport::ProxyHeader;
}

pub mod window {
    //! What gathers events into batches.
    pub use crate::window::Bounds;
}

pub mod trigger {
    //! What calls out.
    pub use crate::trigger::{
        Definition, Policy, Ports, QualifiedName, Rules, Target, TargetUrl, TriggerSpec, blocked_network,
    };
}
