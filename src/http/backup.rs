use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::{App, answer, operator};
use crate::protocol::Code;

/// `GET /v1/backup`: the whole log as it is at this moment, for `tagcast backup`.
pub(super) async fn copy(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Err(refused) = operator::operator(&app, &headers) {
        return refused;
    }
    let mut chunks = app.bus.reader().export();
    // What fails at once is told with a status; later the copy is cut off, which whoever takes it sees.
    let first = match chunks.recv().await {
        Some(Ok(first)) => first,
        Some(Err(error)) => return answer::error(Code::Conflict, &error.to_string()),
        None => return answer::error(Code::StorageFailed, "there is nothing to copy"),
    };
    let rest = stream::unfold((Some(first), chunks), |(first, mut chunks)| async move {
        let next = match first {
            Some(first) => Some(Ok(first)),
            None => chunks.recv().await,
        };
        next.map(|chunk| (chunk, (None, chunks)))
    });
    ([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(rest)).into_response()
}
