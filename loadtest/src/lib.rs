//! The shared parts of the load harness. It speaks the gateway's protocol from outside and knows nothing of its insides.
//!
//! - [`options`]: what every workload takes; [`address`]: where to, and from which addresses
//! - [`notification`]: bodies in the registry's form; [`pace`]: when each is due
//! - [`publisher`]: posts them over keep-alive [`http`] and hands each answer to the workload
//! - [`subscriber`]: many WebSocket connections on one thread, through [`handshake`] and [`frame`]
//! - [`message`]: the few fields of an event that a check needs, found without parsing
//! - [`kind`], [`simulator`], [`schedule`], [`form`], [`mirror`]: what a kind of registry does and tells, its life, the order of its posts,
//!   their form, and a reader that applies events
//! - [`verify`]: nothing lost, doubled or reordered
//! - [`broadcast`], [`tagging`], [`reader`], [`run`]: one publisher, many readers; [`replay`]: one reader of the past
//! - [`outcome`], [`latency`], [`cpu`], [`report`], [`progress`]: what is told about a run

pub mod address;
pub mod broadcast;
pub mod clock;
pub mod cpu;
pub mod event_id;
pub mod form;
pub mod frame;
pub mod handshake;
pub mod http;
pub mod kind;
pub mod latency;
pub mod message;
pub mod mirror;
pub mod notification;
pub mod options;
pub mod outcome;
pub mod pace;
pub mod progress;
pub mod publisher;
pub mod reader;
pub mod replay;
pub mod report;
pub mod run;
pub mod schedule;
pub mod selecting;
pub mod simulator;
pub mod subscriber;
pub mod tagging;
pub mod timer;
pub mod verify;
