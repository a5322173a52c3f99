//! Routes, and the map from outcomes to status and body. A handler is one call into the modules above.
//!
//! Starts one task per TCP connection, which ends with it, or soon after the server is told to stop.

mod about;
mod answer;
mod api;
mod backup;
mod connections;
mod cors;
mod event_page;
mod event_stream;
mod events;
mod feeds;
mod filters;
mod health;
mod listener;
mod operator;
mod page;
mod quarantine;
mod query;
mod reader;
mod reading;
mod registries;
mod server;
mod sources;
mod trigger_letters;
mod trigger_log;
mod triggers;
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use axum::{Router, middleware};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::auth::Tokens;
use crate::bus::Bus;
use crate::delivery::connection::Connections;
use crate::delivery::trigger::Triggers;
use crate::filter;
use crate::ingest::Ingest;
use crate::metrics::Metrics;
use crate::protocol::Code;

pub(crate) use about::About;
pub(crate) use feeds::renew_feeds;
pub(crate) use listener::bind;
pub(crate) use server::serve;

/// Bounds of requests.
#[derive(Clone, Debug)]
pub(crate) struct HttpLimits {
    /// Bytes of a notification's body.
    pub body: usize,
    /// Time for a whole body.
    pub body_time: Duration,
    /// Time for a request's head, from accept.
    pub header_time: Duration,
    /// Bytes of a request's head.
    pub header_bytes: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body: 2 << 20,
            body_time: Duration::from_secs(10),
            header_time: Duration::from_secs(5),
            header_bytes: 16 << 10,
        }
    }
}

/// What the handlers work with.
pub(crate) struct App {
    /// The door in.
    pub ingest: Ingest,
    /// The door out.
    pub bus: Bus,
    /// What calls out.
    pub triggers: Arc<Triggers>,
    /// Open connections.
    pub connections: Arc<Connections>,
    /// Who may read.
    pub tokens: Tokens,
    /// How filters are read.
    pub filters: Arc<filter::Options>,
    /// Those that were just read.
    pub recent_filters: Arc<Mutex<filter::Recent>>,
    /// Origins, beside the server's own, whose pages may connect.
    pub allowed_origins: Vec<String>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Bounds of requests.
    pub limits: HttpLimits,
    /// What this gateway is.
    pub about: About,
    /// Set while the gateway takes requests.
    pub ready: AtomicBool,
}

impl App {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

/// The TCP connection that a request came on.
#[derive(Clone, Debug)]
struct Peer {
    /// The caller's address.
    address: SocketAddr,
    /// Ends the connection at once.
    cut: Arc<Notify>,
}

/// Every route.
pub(crate) fn router(app: Arc<App>) -> Router {
    let router = Router::new();
    #[cfg(feature = "echo")]
    let router = router.route("/echo", any(websocket::echo));
    let mut router = router
        .route("/", get(page::index))
        .route("/assets/{*name}", get(page::asset))
        .route("/v1/ws", get(websocket::connect))
        .route("/v1/filters/check", post(filters::check))
        .route("/v1/sources", get(sources::list))
        .route("/v1/quarantine", get(quarantine::list).delete(quarantine::discard_all))
        .route("/v1/quarantine/{id}", get(quarantine::body).delete(quarantine::discard))
        .route("/v1/quarantine/{id}/replay", post(quarantine::replay))
        .route("/v1/backup", get(backup::copy))
        .route("/v1/server/acknowledge", post(health::acknowledge))
        .route("/v1/events", get(reading::read))
        .route("/v1/registries", get(registries::list))
        .route("/v1/registries/{registry}/repositories", get(registries::repositories))
        .route("/v1/registries/{registry}/repositories/{*repository}", get(registries::repository))
        .route("/v1/connections", get(connections::list))
        .route("/v1/connections/{id}", get(connections::one).delete(connections::close))
        .route("/v1/connections/{id}/send", post(connections::send))
        .route("/v1/feeds", get(feeds::list))
        .route("/v1/feeds/{name}/ws", get(feeds::connect))
        .route("/v1/feeds/{name}/events", get(feeds::events))
        .route("/v1/feeds/{name}/broadcast", post(feeds::broadcast))
        .route("/v1/triggers", get(triggers::list))
        .route("/v1/triggers/{name}", get(triggers::one).put(triggers::put).delete(triggers::remove))
        .route("/v1/triggers/{name}/pause", post(triggers::pause))
        .route("/v1/triggers/{name}/resume", post(triggers::resume))
        .route("/v1/triggers/{name}/log", get(trigger_log::page))
        .route(
            "/v1/triggers/{name}/dead-letters",
            get(trigger_letters::list).delete(trigger_letters::purge_all),
        )
        .route(
            "/v1/triggers/{name}/dead-letters/{id}",
            get(trigger_letters::body).delete(trigger_letters::purge),
        )
        .route("/v1/triggers/{name}/dead-letters/{id}/send", post(trigger_letters::send))
        .route("/v1/server", get(about::server))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(api::openapi))
        .route("/asyncapi.json", get(api::asyncapi))
        .fallback(|| async { answer::error(Code::NotFound, "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            answer::error(Code::MethodNotAllowed, "not with this method; `Allow` lists those that are")
        });
    if let Some(cors) = cors::layer(&app.allowed_origins) {
        router = router.layer(cors);
    }
    router
        // Senders are no pages, and some have an OPTIONS of their own.
        .route("/v1/sources/{source}/events", any(events::accept))
        .layer(middleware::from_fn(answer::readable))
        .layer(DefaultBodyLimit::disable())
        .with_state(app)
}
