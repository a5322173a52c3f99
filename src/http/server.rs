use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::response::Response;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::App;
use super::client_stream::{
    AnswerBody, ClientStream, Flow, HeadLimits, RequestBody, StreamLimits, WriteLimits,
};
use super::doors::{Guest, Wire};
use super::extract::Peer;
use super::farewell::part;
use super::introduction::introduced;
use super::routes::router;
use crate::limits::Seldom;
use crate::metrics::CodeLabel;
use crate::protocol::Close;
use crate::transport::{Listeners, PeerAddress};

/// After a failed accept (no descriptors left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A failed accept is told no oftener.
static ACCEPT_FAILED: Seldom = Seldom::every(Duration::from_secs(1));
/// Headers of one request; more are answered 431.
const MAX_HEADERS: usize = 64;

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serving,
    /// Streams end, and with each its connection: whoever comes back is to go elsewhere. Others are kept, since a proxy
    /// that just sends a request on one would tell its client of a broken gateway.
    Closing,
    /// Requests in progress are finished, and no other is taken.
    Over,
}

/// Serves `app` on `listeners` until `halt` turns true; then it lets go of them and of `halt`, and goes on with the
/// connections that there are as `stage` says.
///
/// This is axum's router on our own accept loop: `axum::serve` bounds the time of a request's head nowhere.
pub(crate) async fn serve(
    mut listeners: Listeners,
    app: Arc<App>,
    mut halt: watch::Receiver<bool>,
    stage: watch::Receiver<Stage>,
) {
    let doors = Arc::clone(&app.doors);
    let limits = Arc::new(stream_limits(&app));
    let router = router(Arc::clone(&app));
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut halt) => break,
            Some(_) = open.join_next() => {}
            accepted = listeners.accept() => match accepted {
                Ok((stream, address)) => {
                    let seat = tokio::select! {
                        seat = doors.admit(address) => seat,
                        () = stopped(&mut halt) => break,
                    };
                    let cut = Arc::clone(seat.guest.cut());
                    let flow = Arc::<Flow>::default();
                    let wire = ClientStream::new(Wire::new(stream, seat), Arc::clone(&limits), Arc::clone(&flow));
                    let (app, router, stage) = (Arc::clone(&app), router.clone(), stage.clone());
                    if app.doors.proxies().introduces(address) {
                        let served = introduced_connection((wire, flow), address, app, router, stage);
                        open.spawn(until_cut(served, cut));
                    } else {
                        // Most are not, and need no memory for it.
                        open.spawn(until_cut(connection((wire, flow), address, &app, router, stage), cut));
                    }
                }
                Err(error) => {
                    if let Some(left_out) = ACCEPT_FAILED.turn() {
                        tracing::warn!(left_out, %error, "accept failed");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // In this order: who hears that nobody holds `halt` knows that nobody listens.
    drop(listeners);
    drop(halt);
    while open.join_next().await.is_some() {}
}

/// What a connection may wait for its client, and for how long.
fn stream_limits(app: &App) -> StreamLimits {
    let closed = |code| app.metrics.closed.get_or_create(&CodeLabel { code }).clone();
    let timeout = |code| app.metrics.head_timeouts.get_or_create(&CodeLabel { code }).clone();
    let writes = WriteLimits {
        stall: app.connections.limits().write_stall,
        answer: app.limits.answer_time,
        cut: closed(Close::SlowConsumer.reason()),
    };
    let heads = HeadLimits {
        head: app.limits.header_time,
        idle: app.limits.idle_time,
        slow: timeout("header_time"),
        unused: timeout("idle_time"),
    };
    StreamLimits { writes, heads }
}

async fn until_cut(served: impl Future<Output = ()>, cut: Arc<Notify>) {
    tokio::select! {
        () = served => {}
        () = cut.notified() => {}
    }
}

/// The same as [`connection`] for one of a proxy, which tells first whom it is from.
async fn introduced_connection(
    (mut wire, flow): (ClientStream<Wire>, Arc<Flow>),
    proxy: PeerAddress,
    app: Arc<App>,
    router: Router,
    mut stage: watch::Receiver<Stage>,
) {
    let client = tokio::select! {
        client = introduced(&mut wire, proxy, &app) => client,
        () = reached(&mut stage, Stage::Over) => None,
    };
    if let Some(client) = client {
        connection((wire, flow), client, &app, router, stage).await;
    }
}

fn connection(
    (wire, flow): (ClientStream<Wire>, Arc<Flow>),
    address: PeerAddress,
    app: &Arc<App>,
    router: Router,
    mut stage: watch::Receiver<Stage>,
) -> impl Future<Output = ()> + Send + use<> {
    let (guest, app) = (Arc::clone(wire.get_ref().guest()), Arc::clone(app));
    let held = Arc::clone(&guest);
    let speaks_for_others = app.doors.proxies().holds(address);
    let mut http = http1::Builder::new();
    http.max_buf_size(app.limits.header_bytes).max_headers(MAX_HEADERS);
    let router = TowerToHyperService::new(router);
    // A layer of the router would say the same, but build every route anew for each connection.
    let service = service_fn(move |mut request: Request<Incoming>| {
        app.base_path.strip(&mut request);
        guest.ask();
        flow.ask(!request.body().is_end_stream());
        let address =
            if speaks_for_others { app.doors.proxies().client(address, request.headers()) } else { address };
        request.extensions_mut().insert(Peer { address, guest: Arc::clone(&guest) });
        let request = request.map(|body| RequestBody::new(body, Arc::clone(&flow)));
        let (answer, flow, app) = (router.call(request), Arc::clone(&flow), Arc::clone(&app));
        async move {
            flow.clear().await;
            let mut answer = answer.await?;
            if !app.is_ready() || flow.is_unread() {
                announce_end(&mut answer);
            }
            flow.begin(answer.size_hint().exact().is_some());
            Ok::<_, Infallible>(answer.map(|body| AnswerBody::new(body, flow)))
        }
    });
    let connection = http.serve_connection(TokioIo::new(wire), service).with_upgrades();
    async move {
        let mut connection = connection;
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = ending(&mut stage, &held) => {
                Pin::new(&mut connection).graceful_shutdown();
                (&mut connection).await
            }
        };
        // One that is a WebSocket now is not ours any more.
        if let Some(parts) = connection.into_parts() {
            tokio::select! {
                () = part(parts.io.into_inner(), parts.read_buf, ended) => {}
                () = reached(&mut stage, Stage::Over) => {}
            }
        }
    }
}

/// Says that the connection ends with this answer. A proxy that is not told sends its next request into the end.
fn announce_end(answer: &mut Response) {
    if !answer.status().is_informational() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Waits until this connection is to take no further request.
async fn ending(stage: &mut watch::Receiver<Stage>, guest: &Guest) {
    reached(stage, Stage::Closing).await;
    if !guest.is_held() {
        reached(stage, Stage::Over).await;
    }
}

async fn reached(stage: &mut watch::Receiver<Stage>, wanted: Stage) {
    // A sender that is gone is over no less.
    let _ = stage.wait_for(|stage| *stage >= wanted).await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone stops no less.
    let _ = stop.wait_for(|stop| *stop).await;
}
