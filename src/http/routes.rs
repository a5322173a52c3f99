use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::routing::{any, get, post};
use axum::{Extension, Router, middleware};

use super::error::ApiError;
use super::{App, api, cors, dashboard, health, metrics, v1};
use super::{gate, hold};
use crate::protocol::Code;

/// Every route; a path that has none, or not with this method, is an error like any other.
pub(super) fn router(app: Arc<App>) -> Router {
    let hold = middleware::from_fn_with_state(Arc::clone(&app), hold::layer);
    let mut router = routes()
        .merge(counted().route_layer(hold.clone()))
        .fallback(|| async { ApiError::new(Code::NotFound, "there is nothing here") })
        .method_not_allowed_fallback(wrong_method);
    // What is read by POST.
    let mut check = Router::new()
        .route("/v1/filters/check", post(v1::filters::check))
        .route_layer(hold)
        .method_not_allowed_fallback(wrong_method);
    let origins = &app.sites.origins;
    if !origins.is_empty() {
        router = router.layer(cors::layer(origins, [Method::GET, Method::HEAD]));
        check = check.layer(cors::layer(origins, [Method::POST]));
    }
    router
        .merge(check)
        // Senders are no pages, and some have an OPTIONS of their own.
        .route("/v1/sources/{source}/events", any(v1::sources::events::accept))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), gate::gate))
        .layer(DefaultBodyLimit::disable())
        .with_state(app)
}

async fn wrong_method() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "not with this method; `Allow` lists those that are")
}

/// What has no answer of its own, an answer that is counted in its own way, or none that holds memory.
fn routes() -> Router<Arc<App>> {
    let router = Router::new();
    #[cfg(feature = "echo")]
    let router = router.route("/echo", any(super::echo::connect));
    router
        .route("/", get(dashboard::index))
        .route("/assets/{*name}", get(dashboard::asset))
        .route("/v1/ws", get(v1::ws::connect))
        .route("/v1/events", get(v1::events::read))
        .route("/v1/feeds/{name}/ws", get(v1::feeds::connect))
        .route("/v1/feeds/{name}/events", get(v1::feeds::events))
        .route("/metrics", get(metrics::read))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
}

/// The others, of which each answer counts while it is made and sent.
fn counted() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/sources", get(v1::sources::list))
        .route("/v1/quarantine", get(v1::quarantine::list).delete(v1::quarantine::discard_all))
        .route("/v1/quarantine/{id}", get(v1::quarantine::body).delete(v1::quarantine::discard))
        .route("/v1/quarantine/{id}/replay", post(v1::quarantine::replay))
        .route("/v1/backup", get(v1::backup::copy))
        .route("/v1/registries", get(v1::registries::list))
        .route("/v1/registries/{registry}/repositories", get(v1::registries::repositories))
        .route("/v1/registries/{registry}/repositories/{*repository}", get(v1::registries::repository))
        .route("/v1/connections", get(v1::connections::list))
        .route("/v1/connections/{id}", get(v1::connections::one).delete(v1::connections::close))
        .route("/v1/connections/{id}/send", post(v1::connections::send))
        .route("/v1/feeds", get(v1::feeds::list))
        .route("/v1/feeds/{name}/broadcast", post(v1::feeds::broadcast))
        .merge(triggers())
        .route("/v1/server", get(v1::server::read))
        .route("/v1/server/acknowledge", post(v1::server::acknowledge))
        .merge(descriptions())
}

fn descriptions() -> Router<Arc<App>> {
    Router::new()
        .route("/openapi.json", get(api::openapi))
        .route("/asyncapi.json", get(api::asyncapi))
        .layer(Extension(Arc::<api::Descriptions>::default()))
}

fn triggers() -> Router<Arc<App>> {
    use v1::triggers::{self, dead_letters, log};
    Router::new()
        .route("/v1/triggers", get(triggers::list))
        .route("/v1/triggers/{name}", get(triggers::one).put(triggers::put).delete(triggers::remove))
        .route("/v1/triggers/{name}/pause", post(triggers::pause))
        .route("/v1/triggers/{name}/resume", post(triggers::resume))
        .route("/v1/triggers/{name}/log", get(log::page))
        .route("/v1/triggers/{name}/dead-letters", get(dead_letters::list).delete(dead_letters::purge_all))
        .route("/v1/triggers/{name}/dead-letters/{id}", get(dead_letters::body).delete(dead_letters::purge))
        .route("/v1/triggers/{name}/dead-letters/{id}/send", post(dead_letters::send))
}
