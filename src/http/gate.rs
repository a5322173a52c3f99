//! What every request passes before a handler has it, and what every answer says.
//!
//! A browser sends what any page tells it to, from inside the visitor's network. So where nobody shows a token the
//! `Host` has to be one of the gateway's own (a name that an attacker's DNS leads here is not), and a request of
//! another site's page goes nowhere but where its origin may read.

mod host;
mod origin;
mod page;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;

pub(crate) use host::HostName;
pub(crate) use origin::Origin;

use super::error::ApiError;
use super::{App, event_source};
use crate::metrics::CodeLabel;
use crate::protocol::Code;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Where the dashboard is: pages of other sites may lead to it.
const PAGE: &str = "/";
/// Where notifications come in: no page of another site may ask for it, whatever may be read.
const INGEST: &str = "/v1/sources/{source}/events";
/// What is read by POST.
const FILTER_CHECK: &str = "/v1/filters/check";

/// Which hosts are the gateway's own, and whose pages may read.
#[derive(Clone, Debug)]
pub(crate) struct Sites {
    /// Where it listens, but for Unix sockets.
    pub listen: Arc<[IpAddr]>,
    /// What it is called, beside the names of loopback and that address.
    pub hosts: Vec<HostName>,
    /// Origins, beside its own, whose pages may read.
    pub origins: Arc<[Origin]>,
}

/// What a request asks for, as far as pages of other sites are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// The dashboard itself.
    Page,
    /// What allowed origins may read.
    Reading,
    /// What is the gateway's own pages' alone.
    Own,
}

/// The one door: refuses what no handler should see, and completes every answer.
pub(super) async fn gate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (refusal, is_event_source) = (check(&app, &request).err(), event_source::asks(&request));
    let mut response = match refusal {
        Some(error) => {
            app.metrics.turned_away.get_or_create(&CodeLabel { code: error.code() }).inc();
            error.into_response()
        }
        None => next.run(request).await,
    };
    if is_event_source {
        response = event_source::answer(response);
    }
    if !response.status().is_informational() {
        complete(response.headers_mut());
    }
    response
}

fn check(app: &App, request: &Request) -> Result<(), ApiError> {
    // Before a handler does so in a form of its own.
    let path = percent_decode_str(request.uri().path()).decode_utf8();
    let path = path.map_err(|_| ApiError::new(Code::BadRequest, "the path is no UTF-8"))?;
    let without_tokens = app.tokens.is_empty() || is_for_open_source(app, request, &path);
    app.sites.check(request, without_tokens, wish(request))
}

/// Whether a request brings notifications to a source that asks for nothing, so that any page might have sent it.
fn is_for_open_source(app: &App, request: &Request, path: &str) -> bool {
    let name = path.strip_prefix("/v1/sources/").and_then(|rest| rest.strip_suffix("/events"));
    route(request) == INGEST && name.is_some_and(|name| app.ingest.asks_for_nothing(name))
}

fn route(request: &Request) -> &str {
    request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

impl Sites {
    /// Refuses what another site's page asks for; and where nobody shows a token, what is for another host.
    fn check<B>(&self, request: &Request<B>, without_tokens: bool, wish: Wish) -> Result<(), ApiError> {
        let host = host::of(request)?;
        if without_tokens {
            self.check_host(host)?;
        }
        page::check(&self.origins, host, request.headers(), wish)
    }

    /// The same for a listener that has metrics alone. Beyond loopback it is for whoever reaches it, by any name.
    pub(super) fn check_metrics<B>(&self, request: &Request<B>) -> Result<(), ApiError> {
        self.check(request, self.listen.iter().all(|own| own.to_canonical().is_loopback()), Wish::Own)
    }
}

fn wish(request: &Request) -> Wish {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match route(request) {
        PAGE if reads => Wish::Page,
        INGEST => Wish::Own,
        FILTER_CHECK => Wish::Reading,
        _ if reads => Wish::Reading,
        _ => Wish::Own,
    }
}

/// What an answer says to browsers, where its handler says nothing else: it is what it is called, no other site's page
/// gets it in, and nobody keeps it.
pub(super) fn complete(headers: &mut HeaderMap) {
    let caching = if headers.contains_key(ETAG) { "private, no-cache" } else { "no-store" };
    for (name, value) in
        [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (RESOURCE_POLICY, "same-origin"), (CACHE_CONTROL, caching)]
    {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
