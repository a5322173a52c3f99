use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::events::read_within;
use super::query::bad;
use super::reader::authenticate;
use super::reading::live;
use super::{App, Peer, answer, event_stream, operator, websocket};
use crate::delivery::connection::Reader;
use crate::protocol::{Code, Framing};
use crate::trigger::Feed;

/// Asks who listens to a feed that has changed to come back, until the gateway ends.
pub(crate) async fn renew_feeds(app: Weak<App>) {
    let Some(mut changes) = app.upgrade().map(|app| app.triggers.changes()) else { return };
    while changes.changed().await.is_ok() {
        let Some(app) = app.upgrade() else { return };
        app.connections.renew_feeds(&app.triggers.feeds());
    }
}

/// The reader of a feed, if there is such a feed for it.
#[expect(clippy::result_large_err, reason = "an answer is made at once, and rarely")]
fn listener(app: &App, headers: &HeaderMap, name: &str) -> Result<Reader, Response> {
    if !app.is_ready() {
        let five = Duration::from_secs(5);
        return Err(answer::retry(Code::ShuttingDown, "the gateway is stopping", five));
    }
    let reader = authenticate(app, headers).map_err(|(code, message)| answer::error(code, message))?;
    let cloud = reader.principal.as_ref().and_then(|principal| principal.cloud.clone());
    match find(app, name, cloud.as_deref()) {
        Some(feed) => Ok(Reader { feed: Some(Arc::new(feed)), ..reader }),
        None => Err(answer::error(Code::NotFound, "there is no such feed")),
    }
}

fn find(app: &App, name: &str, cloud: Option<&str>) -> Option<Feed> {
    let feed = app.triggers.feeds().remove(name)?;
    cloud.is_none_or(|cloud| cloud == feed.cloud).then_some(feed)
}

/// `GET /v1/feeds/{name}/ws`: the feed's batches; who listens sends nothing but control frames.
pub(super) async fn connect(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    match listener(&app, request.headers(), &name) {
        Ok(reader) => websocket::open(&app, reader, peer, request).await,
        Err(refused) => refused,
    }
}

/// `GET /v1/feeds/{name}/events`: the same as server-sent events, or as lines where `Accept` says so.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    match listener(&app, request.headers(), &name) {
        Ok(reader) => {
            let framing = live(request.headers()).unwrap_or(Framing::Sse);
            event_stream::open(&app, reader, peer, framing, request.uri().query(), request.headers()).await
        }
        Err(refused) => refused,
    }
}

/// `GET /v1/feeds`
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let reader = match operator::reader(&app, &headers) {
        Ok(reader) => reader,
        Err(refused) => return refused,
    };
    let cloud = reader.and_then(|principal| principal.cloud.as_deref());
    let feeds = app.triggers.feeds();
    let mine = feeds.values().filter(|feed| cloud.is_none_or(|cloud| cloud == feed.cloud));
    let shown = mine.map(|feed| {
        let listening = app.connections.listening(&feed.name);
        json!({
            "name": feed.name, "cloud_id": feed.cloud, "filter": feed.filter.canonical(), "batch": feed.batching,
            "connections": listening,
        })
    });
    Json(json!({ "feeds": shown.collect::<Vec<_>>() })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broadcast {
    data: Value,
}

/// `POST /v1/feeds/{name}/broadcast`: a notice to all who listen.
pub(super) async fn broadcast(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let principal = match operator::operator(&app, &head.headers) {
        Ok(principal) => principal,
        Err(refused) => return refused,
    };
    if find(&app, &name, principal.and_then(|principal| principal.cloud.as_deref())).is_none() {
        return answer::error(Code::NotFound, "there is no such feed");
    }
    let body = match read_within(&app, body, app.connections.limits().message).await {
        Ok(body) => body,
        Err(code) => return answer::error(code, "the body is too large, or too slow"),
    };
    match serde_json::from_slice::<Broadcast>(&body) {
        Ok(broadcast) => {
            let sent = app.connections.broadcast(&name, &broadcast.data);
            (StatusCode::OK, Json(json!({ "sent": sent }))).into_response()
        }
        Err(error) => answer::bad_request(bad(format!("not {{\"data\":…}}: {error}"))),
    }
}
