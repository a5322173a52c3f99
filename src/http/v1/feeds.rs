use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::Uri;
use axum::http::request::Parts;
use serde_json::{Value, json};

use super::notice::Notice;
use crate::auth::Reach;
use crate::delivery::connection::Reader;
use crate::delivery::trigger::TriggerError;
use crate::http::error::{Answer, ApiError};
use crate::http::extract::{
    Admin, Body, Caller, CloudChoice, EventReader, FEED_PARAMETERS, FromQuery as _, Handshake, Parameters,
    Peer, Query, Ready,
};
use crate::http::{App, stream, websocket};
use crate::limits::Customer;
use crate::protocol::{Code, Framing};
use crate::trigger::Feed;

/// Who listens to the feed that the path names, if there is such a feed for it.
pub(crate) struct Listener(Reader);

impl FromRequestParts<Arc<App>> for Listener {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Ready = Ready::from_request_parts(parts, app).await?;
        let EventReader(reader) = EventReader::from_request_parts(parts, app).await?;
        let Ok(Path(name)) = Path::<String>::from_request_parts(parts, app).await else {
            return Err(unknown("that the path names"));
        };
        let cloud = CloudChoice::from_query(&Query::parse(parts.uri.query(), &FEED_PARAMETERS)?)?;
        let own = reader.principal.as_ref().and_then(|principal| principal.cloud.as_deref());
        let feed = find(app, &name, Reach { own, asked: cloud.0.as_deref() })?;
        // Who listens did not write the filter.
        let allowance = app.bus.allowance(Customer::Cloud(feed.cloud.clone()));
        Ok(Self(Reader { feed: Some(Arc::new(feed)), allowance, ..reader }))
    }
}

fn find(app: &App, name: &str, reach: Reach<'_>) -> Answer<Feed> {
    app.triggers.feed(name, reach).map_err(|error| match error {
        TriggerError::NotFound => {
            let name: String = name.chars().take(64).collect();
            unknown(&format!("'{name}'"))
        }
        error => error.into(),
    })
}

fn unknown(which: &str) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no feed {which}"))
}

/// `GET /v1/feeds/{name}/ws`: the feed's batches; who listens sends nothing but control frames.
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    Listener(reader): Listener,
    handshake: Answer<Handshake>,
    peer: Peer,
    uri: Uri,
) -> Answer {
    websocket::open(&app, reader, peer, handshake, uri.query()).await
}

/// `GET /v1/feeds/{name}/events`: the same as server-sent events, or as lines where `Accept` says so.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Listener(reader): Listener,
    peer: Peer,
    request: Request,
) -> Answer {
    let (head, _) = request.into_parts();
    let framing = stream::framing(&head.headers).unwrap_or(Framing::Sse);
    stream::open(&app, reader, peer, framing, &head).await
}

/// `GET /v1/feeds?cloud_id=`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Parameters(cloud): Parameters<CloudChoice>,
) -> Json<Value> {
    let (feeds, reach) = (app.triggers.feeds(), caller.reach(&cloud));
    let mine = feeds.values().filter(|feed| reach.holds(&feed.cloud));
    let shown = mine.map(|feed| {
        let outdated = feed.filter.outdated().map(|error| error.to_string());
        let mut shown = json!({
            "name": feed.name, "cloud_id": feed.cloud, "filter": feed.filter.canonical(), "batch": feed.batching,
            "connections": app.connections.listening(&feed.id()),
        });
        if let Some(why) = outdated {
            shown["outdated"] = why.into();
        }
        shown
    });
    Json(json!({ "feeds": shown.collect::<Vec<_>>() }))
}

/// `POST /v1/feeds/{name}/broadcast`: a notice to all who listen.
pub(crate) async fn broadcast(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Parameters(cloud): Parameters<CloudChoice>,
    body: Body,
) -> Answer<Json<Value>> {
    let feed = find(&app, &name, caller.reach(&cloud))?;
    let notice = Notice::read(&app, body).await?;
    Ok(Json(json!({ "sent": app.connections.broadcast(&feed.id(), &notice.data) })))
}
