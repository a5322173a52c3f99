use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

/// Bytes as a sender or this gateway once made them, for a file of this name. Whatever they say they are, a page of
/// ours must never run them.
pub(super) struct Attachment {
    pub name: String,
    pub bytes: Bytes,
}

impl IntoResponse for Attachment {
    fn into_response(self) -> Response {
        let disposition = format!("attachment; filename=\"{}\"", self.name);
        let headers = [
            (CONTENT_TYPE, "application/octet-stream"),
            (CONTENT_DISPOSITION, disposition.as_str()),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (headers, self.bytes).into_response()
    }
}
