use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use futures_util::stream;

use crate::http::App;
use crate::http::error::{Answer, ApiError};
use crate::http::extract::{NoParameters, Operator, Parameters};
use crate::limits::Customer;
use crate::protocol::Code;

/// `GET /v1/backup`: the whole log as it is at this moment, for `tagcast backup`.
pub(crate) async fn copy(State(app): State<Arc<App>>, _: Operator, _: Parameters<NoParameters>) -> Answer {
    if app.node.store == "memory" {
        return Err(ApiError::new(Code::Conflict, "a log in memory can't be copied"));
    }
    let turn = app.bus.turn(&app.bus.allowance(Customer::Operator)).await?;
    let mut chunks = app.bus.reader().export();
    // What fails at once is told with a status; later the copy is cut off, which whoever takes it sees.
    let first = chunks.recv().await;
    let first = first.ok_or_else(|| ApiError::new(Code::StorageFailed, "there is nothing to copy"))??;
    let rest = stream::unfold((Some(first), chunks, turn), |(first, mut chunks, turn)| async move {
        let next = match first {
            Some(first) => Some(Ok(first)),
            None => chunks.recv().await,
        };
        next.map(|chunk| (chunk, (None, chunks, turn)))
    });
    Ok(([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(rest)).into_response())
}
