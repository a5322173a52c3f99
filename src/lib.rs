//! Tagcast: registry notifications in, one live, filtered, batched, loss-free feed out.
//!
//! The modules stand in the order in which an event travels:
//!
//! `source → ingest → catalog → log → bus (filter → window) → delivery`
//!
//! - [`event`]: what travels; [`message`]: the JSON in which it does; [`header`]: how HTTP writes lists and parameters
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
//! - [`transport`]: the sockets that clients come by
//! - [`vital`]: what the process lives for
//! - [`config`], [`cli`], [`shutdown`]: the assembly
//!
//! `source`, `catalog`, `filter`, `window`, `protocol`, `trigger`, `message`,
//! `header` and `event` are pure: no clock, no sockets, no randomness.

mod event;

mod message;

mod header;

mod collections;

mod source;

mod ingest;

mod catalog;

mod log;

mod bus;

mod filter;

mod window;

mod trigger;

mod delivery;

mod protocol;

mod http;

mod auth;

mod limits;

mod vital;

mod transport;

mod outgoing;

mod registry;

mod metrics;

mod config;

mod shutdown;

mod cli;

mod gateway;
use gateway::{Gateway, StartError};

pub mod parts;

pub use cli::main;

/// The program's own, so that tests can count what is held.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
