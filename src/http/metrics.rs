use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::compression::{compress, is_asked};
use super::error::Answer;
use super::extract::{Operator, Peer};
use super::{App, hold};
use crate::metrics::Metrics;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/metrics`, in the text format of OpenMetrics. They tell of all clouds, so they are the operator's.
pub(super) async fn read(State(app): State<Arc<App>>, _: Operator, peer: Peer, asked: HeaderMap) -> Answer {
    let metrics = compress(render(&app.metrics).into_response(), is_asked(&asked)).await;
    hold::made(&app, Some(&peer), metrics).await
}

/// All of them, as an answer.
pub(super) fn render(metrics: &Metrics) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, FORMAT)], metrics.render())
}
