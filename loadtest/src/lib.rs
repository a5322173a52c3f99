//! The shared parts of the load harness. It speaks the gateway's protocol from outside and knows nothing of its insides.
//!
//! - [`options`]: what every workload takes; [`address`]: where to, and from which addresses
//! - [`sample`]: an event as a gateway writes it; [`peer`]: servers that are none, and who publishes to them
//! - [`notification`]: bodies in the registry's form; [`pace`]: when each is due
//! - [`publisher`]: posts them over keep-alive [`http`] and hands each answer to the workload
//! - [`subscriber`]: many WebSocket connections on one thread, through [`dialect`], [`handshake`] and [`frame`]
//! - [`message`]: the few fields of an event that a check needs, found without parsing; [`recent`]: found once for all
//! - [`kind`], [`simulator`], [`schedule`], [`form`], [`mirror`]: what a kind of registry does and tells, its life, the order of its posts,
//!   their form, and a reader that applies events
//! - [`verify`]: nothing lost, doubled or reordered; [`due`]: what of an event's time is the window
//! - [`broadcast`], [`tagging`], [`reader`], [`run`]: one publisher, many readers; [`selecting`]: readers with filters of
//!   their own; [`replay`]: one reader of the past
//! - [`targets`]: endpoints that triggers call; [`ask`]: one request to the gateway's own routes
//! - [`crew`], [`child`], [`order`]: readers on threads or in processes, and what is said between them
//! - [`server`]: gateways and bare senders of our own; [`versus`]: the same run on both
//! - [`outcome`], [`latency`], [`cpu`], [`memory`], [`sockets`], [`sampler`], [`progress`]: what is told about a run
//! - [`search`]: the most that is still good enough; [`bar`]: whether it is enough; [`runner`]: this program run by itself
//! - [`report`], [`page`], [`plot`], [`compare`]: how it is told

pub mod address;
pub mod ask;
pub mod bar;
pub mod broadcast;
pub mod child;
pub mod clock;
pub mod compare;
pub mod cpu;
pub mod crew;
pub mod dialect;
pub mod due;
pub mod event_id;
pub mod form;
pub mod frame;
pub mod handshake;
pub mod http;
pub mod kind;
pub mod latency;
pub mod memory;
pub mod message;
pub mod mirror;
pub mod notification;
pub mod options;
pub mod order;
pub mod outcome;
pub mod pace;
pub mod page;
pub mod peer;
pub mod plot;
pub mod progress;
pub mod publisher;
pub mod reader;
pub mod recent;
pub mod replay;
pub mod report;
pub mod run;
pub mod runner;
pub mod sample;
pub mod sampler;
pub mod schedule;
pub mod search;
pub mod selecting;
pub mod server;
pub mod simulator;
pub mod sockets;
pub mod subscriber;
pub mod tagging;
pub mod targets;
pub mod timer;
pub mod verify;
pub mod versus;
