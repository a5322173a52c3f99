//! Tagcast: registry notifications in, one live, filtered, batched, loss-free feed out.
//!
//! The modules stand in the order in which an event travels:
//!
//! `source → ingest → catalog → log → bus (filter → window) → delivery`
//!
//! - [`event`]: what travels
//! - [`source`]: each registry's notifications, verified and read
//! - [`ingest`]: the one door in; owns the writer
//! - [`catalog`]: which tag shows which image, and what a notification changed
//! - [`log`]: the durable, ordered record
//! - [`bus`]: the one door out, through [`filter`]s and [`window`]s
//! - [`trigger`]: what calls out, and what an answer means
//! - [`delivery`]: batches to connections and to targets
//! - [`protocol`]: all JSON that a client sees
//! - [`http`]: routes; [`auth`], [`limits`], [`metrics`]: what they lean on
//! - [`outgoing`]: the one HTTP client; [`registry`]: a registry's own API, for what its notifications leave out
//! - [`config`], [`cli`], [`shutdown`]: the assembly
//!
//! `source`, `catalog`, `filter`, `window`, `protocol`, `trigger` and `event` are pure: no clock, no sockets, no randomness.

pub mod event;

pub mod source;

pub mod ingest;

pub mod catalog;

pub mod log;

pub mod bus;

pub mod filter;

pub mod window;

pub mod trigger;

pub mod delivery;

pub mod protocol;

pub mod http;

pub mod auth;

pub mod limits;

pub mod outgoing;

pub mod registry;

pub mod metrics;

pub mod config;

pub mod shutdown;

pub mod cli;

mod gateway;

pub use gateway::{Gateway, StartError};

/// The program's own, so that tests can count what is held.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
