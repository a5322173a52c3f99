//! Routes, and the map from outcomes to status and body. A handler is one call into the modules above.
//!
//! A file bears the name of its route: `v1/triggers/log.rs` answers `/v1/triggers/{name}/log`. What a handler is
//! given, `extract` takes out of the request in the order of the handler's arguments: who asks, what the URL asks
//! for, the body. Whatever is refused is an `ApiError`, the one error that is a response.
//!
//! Starts one task per TCP connection, for as many as `doors` lets in, which ends with it, or soon after the server is told to stop.

mod api;
mod app;
mod attachment;
mod base_path;
mod client_stream;
mod compression;
mod cors;
mod dashboard;
mod doors;
#[cfg(feature = "echo")]
mod echo;
mod error;
mod event_source;
mod extract;
mod farewell;
mod forwarded;
mod gate;
mod health;
mod hold;
mod http2;
mod introduction;
mod memory;
mod metrics;
mod metrics_listener;
mod routes;
mod server;
mod stream;
mod v1;
mod websocket;

pub(crate) use app::{App, HttpLimits, Node};
pub(crate) use base_path::BasePath;
pub(crate) use doors::{DoorLimits, Doors};
pub(crate) use forwarded::{TrustedProxies, TrustedProxy};
pub(crate) use gate::{HostName, Origin, Sites};
pub(crate) use metrics_listener::serve_metrics;
pub(crate) use server::{Stage, serve};
