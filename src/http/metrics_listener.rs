use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use axum::response::IntoResponse as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::{Answer, ApiError};
use super::gate::{Sites, complete};
use super::metrics::render;
use super::server::Stage;
use crate::metrics::Metrics;
use crate::protocol::Code;
use crate::transport::{Listeners, Stream};

/// Requests at once; the next waits to be accepted. Who scrapes needs one.
const AT_ONCE: usize = 16;
/// For one request, from its accept to the last byte of the answer.
const TIME: Duration = Duration::from_secs(10);
/// After a failed accept, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers `/metrics`, and nothing else, to whoever reaches `listeners`, until the server is over.
pub(crate) async fn serve_metrics(
    mut listeners: Listeners,
    metrics: Arc<Metrics>,
    sites: Sites,
    mut stage: watch::Receiver<Stage>,
) {
    for address in listeners.addresses() {
        tracing::info!(%address, "metrics are open to whoever reaches this address");
    }
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = over(&mut stage) => return,
            Some(_) = open.join_next() => {}
            accepted = listeners.accept(), if open.len() < AT_ONCE => match accepted {
                Ok((stream, _)) => {
                    open.spawn(timeout(TIME, connection(stream, Arc::clone(&metrics), sites.clone())));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

async fn over(stage: &mut watch::Receiver<Stage>) {
    // A sender that is gone stops no less.
    let _ = stage.wait_for(|stage| *stage == Stage::Over).await;
}

async fn connection(stream: Stream, metrics: Arc<Metrics>, sites: Sites) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut answer = answer(&request, &metrics, &sites).unwrap_or_else(ApiError::into_response);
        complete(answer.headers_mut());
        async { Ok::<_, Infallible>(answer) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(TIME).keep_alive(false);
    // How it ended concerns the caller alone.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(request: &Request<Incoming>, metrics: &Metrics, sites: &Sites) -> Answer {
    sites.check_metrics(request)?;
    if request.uri().path() != "/metrics" {
        return Err(ApiError::new(Code::NotFound, "there is nothing here but /metrics"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ApiError::new(Code::MethodNotAllowed, "metrics are read with GET"));
    }
    Ok((StatusCode::OK, render(metrics)).into_response())
}
