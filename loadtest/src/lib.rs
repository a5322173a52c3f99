//! The shared parts of the load harness. It speaks the gateway's protocol from outside and knows nothing of its insides.
//!
//! Groups stand in layers: a module uses only modules of the groups above its own (`tests/layers.rs` checks it).
//!
//! - [`clock`], [`event_id`], [`notification`]: time, ids, and bodies in the registry's form; [`http`], [`frame`], [`sample`]: bytes on
//!   the wire; [`figure`], [`page`], [`bar`], [`search`]: what is told, and whether it is enough
//! - [`address`], [`process`], [`latency`], [`pace`], [`timer`], [`message`], [`verify`]: where to, what is used, how late, when due,
//!   what a message says, and that nothing is lost, doubled or reordered
//! - [`simulator`], [`kind`], [`schedule`], [`form`], [`mirror`]: a registry's life, what a kind of it tells, the order of its posts, their
//!   form, and a reader that applies events
//! - [`report`]: how a run is told; [`outcome`], [`order`], [`meter`]: what became of posts, what readers are told and got, what was used
//! - [`inbound`], [`targets`]: connections of a server, and endpoints that triggers call; [`ask`]: the gateway's own routes
//! - [`publisher`] posts what a job gives it; [`subscriber`] reads many WebSocket connections on one thread, through [`handshake`] and
//!   [`dialect`]; [`tagger`] is the job of broadcasts, [`reader`] what is made of batches
//! - [`options`]: what workloads take; [`crew`], [`worker`]: readers on threads or in processes
//! - [`server`]: gateways and bare senders of our own; [`stage`]: a broadcast from beginning to end
//! - [`workload`]: what a workload is, and how one is run; [`runner`], [`compare`]: this program run by itself, and two reports

pub mod bar;
pub mod clock;
pub mod event_id;
pub mod figure;
pub mod http;
pub mod notification;
pub mod page;
pub mod sample;
pub mod search;
pub mod sockets;
pub mod ticker;

pub mod address;
pub mod frame;
pub mod latency;
pub mod message;
pub mod pace;
pub mod process;
pub mod simulator;
pub mod timer;
pub mod verify;

pub mod ask;
pub mod handshake;
pub mod inbound;
pub mod kind;
pub mod mirror;
pub mod publisher;
pub mod report;
pub mod schedule;

pub mod dialect;
pub mod due;
pub mod form;
pub mod meter;
pub mod options;
pub mod order;
pub mod outcome;

pub mod broadcast;
pub mod recent;
pub mod server;
pub mod subscriber;
pub mod targets;

pub mod peer;
pub mod reader;
pub mod replay;
pub mod sampler;
pub mod tagger;

pub mod compare;
pub mod runner;
pub mod worker;
pub mod workload;

pub mod crew;

pub mod stage;
