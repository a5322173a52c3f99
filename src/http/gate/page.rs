use axum::http::header::{HeaderName, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};

use super::Wish;
use super::host::Authority;
use super::origin::{Origin, PageOrigin};
use crate::http::error::ApiError;
use crate::protocol::Code;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Whose page a browser sent a request for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// None's: a program's, a person's who typed the address, or one of the gateway's own.
    Own,
    /// One of an allowed origin.
    Allowed,
    /// Any other.
    Foreign,
}

/// A page of another site may not ride on its visitor's browser: it gets what its origin may read, and leads to the
/// dashboard.
pub(super) fn check(
    allowed: &[Origin],
    host: Option<Authority<'_>>,
    headers: &HeaderMap,
    wish: Wish,
) -> Result<(), ApiError> {
    let may = match sender(allowed, host, headers) {
        Sender::Own => true,
        Sender::Allowed => wish != Wish::Own,
        Sender::Foreign => wish == Wish::Page && one(headers, &FETCH_MODE) == Some(b"navigate"),
    };
    if may {
        return Ok(());
    }
    let message = "pages of other sites may not ask for this; http.allowed_origins lists those that may read. A proxy \
                   before the gateway has to keep the Host";
    Err(ApiError::new(Code::OriginDenied, message))
}

fn sender(allowed: &[Origin], host: Option<Authority<'_>>, headers: &HeaderMap) -> Sender {
    let by_origin = headers.contains_key(ORIGIN).then(|| {
        let origin = one(headers, &ORIGIN).and_then(|told| str::from_utf8(told).ok());
        match origin.and_then(PageOrigin::parse) {
            Some(page) if host.is_some_and(|host| page.is_of(&host)) => Sender::Own,
            Some(page) if allowed.iter().any(|origin| origin.is(&page)) => Sender::Allowed,
            _ => Sender::Foreign,
        }
    });
    // Says the same of requests that have no `Origin`: of images, scripts, forms that get, and links.
    let same_site = match headers.contains_key(FETCH_SITE).then(|| one(headers, &FETCH_SITE)) {
        None | Some(Some(b"same-origin" | b"none")) => return by_origin.unwrap_or(Sender::Own),
        Some(site) => site == Some(b"same-site"),
    };
    match by_origin {
        Some(Sender::Own) if same_site => Sender::Own,
        Some(Sender::Allowed) => Sender::Allowed,
        _ => Sender::Foreign,
    }
}

/// The value of a header that may stand there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_by(headers: &[(HeaderName, &'static str)]) -> Sender {
        let allowed = [Origin::parse("https://ops.example.com").unwrap()];
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(name, HeaderValue::from_static(value));
        }
        sender(&allowed, Authority::parse("localhost:8080"), &all)
    }

    #[test]
    fn what_browsers_say_tells_whose_page_it_is() {
        let own = (ORIGIN, "http://localhost:8080");
        let (ops, evil) = ((ORIGIN, "https://ops.example.com"), (ORIGIN, "https://evil.example"));
        let site = |value| (FETCH_SITE, value);
        for (headers, expected) in [
            (vec![], Sender::Own),
            (vec![own.clone()], Sender::Own),
            (vec![own.clone(), site("same-origin")], Sender::Own),
            (vec![own.clone(), site("same-site")], Sender::Own),
            (vec![own.clone(), site("cross-site")], Sender::Foreign),
            (vec![site("none")], Sender::Own),
            (vec![site("same-origin")], Sender::Own),
            (vec![site("same-site")], Sender::Foreign),
            (vec![site("cross-site")], Sender::Foreign),
            (vec![site("same-origin"), site("cross-site")], Sender::Foreign),
            (vec![site("")], Sender::Foreign),
            (vec![ops.clone()], Sender::Allowed),
            (vec![ops.clone(), site("cross-site")], Sender::Allowed),
            (vec![ops.clone(), own.clone()], Sender::Foreign),
            (vec![evil.clone()], Sender::Foreign),
            (vec![evil, site("same-origin")], Sender::Foreign),
            (vec![(ORIGIN, "null")], Sender::Foreign),
            (vec![(ORIGIN, "")], Sender::Foreign),
        ] {
            assert_eq!(sent_by(&headers), expected, "{headers:?}");
        }
    }
}
