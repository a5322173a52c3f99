//! The dashboard: the files of `web/dist`, which are in the program itself.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use rust_embed::{Embed, EmbeddedFile};

use super::App;
use super::base_path::WithoutSlash;
use super::error::{Answer, ApiError};
use super::extract::Accepted;
use crate::header::items;
use crate::protocol::Code;

/// Empty, where the program was built without the dashboard.
#[derive(Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// The page loads and runs what this gateway serves, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// It names the files of its own version, so it is asked for each time.
const ALWAYS_ASK: &str = "no-cache";
/// A file's name holds a hash of what is in it.
const NEVER_ASK_AGAIN: &str = "public, max-age=31536000, immutable";

/// What `web/vite.config.ts` makes of each file, the smallest first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// `/`: what happens in the registries, live. What the page names stands beside it, so it has to have its slash.
pub(super) async fn index(
    State(app): State<Arc<App>>,
    bare: Option<Extension<WithoutSlash>>,
    RawQuery(query): RawQuery,
    asked: HeaderMap,
) -> Response {
    if bare.is_some() {
        return Redirect::permanent(&app.base_path.with_slash(query.as_deref())).into_response();
    }
    serve("index.html", ALWAYS_ASK, &asked).unwrap_or_else(|| {
        let page = Bytes::from_static(include_bytes!("dashboard/unbuilt.html"));
        (headers_of("index.html", ALWAYS_ASK), page).into_response()
    })
}

/// `/assets/…`: what the page loads.
pub(super) async fn asset(Path(name): Path<String>, asked: HeaderMap) -> Answer {
    serve(&format!("assets/{name}"), NEVER_ASK_AGAIN, &asked)
        .ok_or_else(|| ApiError::new(Code::NotFound, "the dashboard has no such file"))
}

fn serve(path: &str, caching: &'static str, asked: &HeaderMap) -> Option<Response> {
    let (encoding, file) = smallest(path, asked)?;
    let tag = format!("\"{}\"", HEXLOWER.encode(&file.metadata.sha256_hash()[..16]));
    let mut headers = headers_of(path, caching);
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(ETAG, HeaderValue::from_str(&tag).ok()?);
    if is_known(&tag, asked) {
        return Some((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let body = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Some((headers, body).into_response())
}

/// The file in the form that whoever asks wants most, and of those in the smallest.
fn smallest(path: &str, asked: &HeaderMap) -> Option<(Option<&'static str>, EmbeddedFile)> {
    let accepted = Accepted::codings(asked);
    let plain = accepted.best_named(&["identity"]).map_or(0.0, |(_, quality)| quality);
    let mut codings = ENCODINGS.map(|(coding, suffix)| (accepted.quality(coding), coding, suffix));
    codings.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
    codings
        .into_iter()
        .filter(|(quality, ..)| *quality > 0.0 && *quality >= plain)
        .find_map(|(_, coding, suffix)| Some((Some(coding), Files::get(&format!("{path}{suffix}"))?)))
        .or_else(|| Some((None, Files::get(path)?)))
}

/// Whether `If-None-Match` names this tag, weak or not, or any.
fn is_known(tag: &str, asked: &HeaderMap) -> bool {
    items(asked, &IF_NONE_MATCH).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn headers_of(path: &str, caching: &'static str) -> HeaderMap {
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers: [(HeaderName, &'static str); 6] = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, caching),
        (VARY, "accept-encoding"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}
