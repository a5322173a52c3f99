//! Tagcast: registry notifications in, one live, filtered, batched, loss-free feed out.
//!
//! The modules stand in the order in which an event travels:
//!
//! `source → ingest → catalog → log → bus (filter → window) → delivery`

pub mod event;

pub mod window;

pub mod protocol;

pub mod log;
