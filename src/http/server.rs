use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client_stream::{ClientStream, Flow, WriteLimits};
use super::doors::{Doors, Wire};
use super::extract::Peer;
use super::routes::router;
use super::{App, HttpLimits};
use crate::limits::Seldom;
use crate::metrics::CodeLabel;
use crate::protocol::Close;

/// After a failed accept (no descriptors left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A failed accept is told no oftener.
static ACCEPT_FAILED: Seldom = Seldom::every(Duration::from_secs(1));
/// Headers of one request; more are answered 431.
const MAX_HEADERS: usize = 64;
/// How long requests in progress may take once the server is told to stop.
const STOP_TIME: Duration = Duration::from_secs(10);

/// Serves `app` on `listener` until `stop` turns true; then requests in progress are finished.
///
/// This is axum's router on our own accept loop: `axum::serve` bounds the time of a request's head nowhere.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let (limits, doors) = (app.limits.clone(), Arc::clone(&app.doors));
    let writes = Arc::new(write_limits(&app));
    let router = router(app);
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((tcp, address)) => {
                    let seat = tokio::select! {
                        seat = doors.admit(address) => seat,
                        () = stopped(&mut stop) => break,
                    };
                    let cut = Arc::clone(seat.guest.cut());
                    let flow = Arc::<Flow>::default();
                    let wire = ClientStream::new(Wire::new(tcp, seat), Arc::clone(&writes), Arc::clone(&flow));
                    let served =
                        connection((wire, flow), address, &doors, router.clone(), &limits, stop.clone());
                    open.spawn(async move {
                        tokio::select! {
                            () = served => {}
                            () = cut.notified() => {}
                        }
                    });
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
    drop(listener);
    let all = async { while open.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_TIME, all).await;
}

/// How long what is written may wait for a client, of a stream as of an answer.
fn write_limits(app: &App) -> WriteLimits {
    let code = Close::SlowConsumer.reason();
    WriteLimits {
        stall: app.connections.limits().write_stall,
        answer: app.limits.answer_time,
        cut: app.metrics.closed.get_or_create(&CodeLabel { code }).clone(),
    }
}

fn connection(
    (wire, flow): (ClientStream<Wire>, Arc<Flow>),
    address: SocketAddr,
    doors: &Arc<Doors>,
    router: Router,
    limits: &HttpLimits,
    mut stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send + use<> {
    let (guest, doors) = (Arc::clone(wire.get_ref().guest()), Arc::clone(doors));
    let speaks_for_others = doors.proxies().holds(address.ip());
    let router = TowerToHyperService::new(router);
    // A layer of the router would say the same, but build every route anew for each connection.
    let service = service_fn(move |mut request: Request<Incoming>| {
        guest.ask();
        let address =
            if speaks_for_others { doors.proxies().client(address, request.headers()) } else { address };
        request.extensions_mut().insert(Peer { address, guest: Arc::clone(&guest) });
        let (answer, flow) = (router.call(request), Arc::clone(&flow));
        async move {
            flow.clear().await;
            let answer = answer.await?;
            flow.begin(answer.size_hint().exact().is_some());
            Ok::<_, Infallible>(answer)
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes)
        .max_headers(MAX_HEADERS);
    let connection = http.serve_connection(TokioIo::new(wire), service).with_upgrades();
    async move {
        let mut connection = std::pin::pin!(connection);
        // How it ended concerns the caller alone.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone stops no less.
    let _ = stop.wait_for(|stop| *stop).await;
}
