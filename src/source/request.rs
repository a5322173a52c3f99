use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, Method};

use crate::header;

/// One request as it arrived; nothing about it is known to be true.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// What stands behind the `?`, still percent-encoded. May hold a secret.
    pub query: Option<&'a str>,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// The caller, behind trusted proxies.
    pub peer: Option<IpAddr>,
}

impl<'a> Request<'a> {
    /// The header's text, if it stands there exactly once: of two, nobody can say which one is meant.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    /// The query parameter, decoded, if it stands there exactly once.
    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        only(self.query.unwrap_or_default().as_bytes(), name)
    }

    /// The JSON: the body, or where it is a form that form's field `payload`.
    pub(super) fn json(&self) -> Cow<'a, [u8]> {
        let is_form = self.header("content-type").is_some_and(|value| {
            header::essence(value).eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        match is_form.then(|| only(self.body, "payload")) {
            None => Cow::Borrowed(self.body),
            Some(payload) => Cow::Owned(payload.unwrap_or_default().into_owned().into_bytes()),
        }
    }
}

fn only<'a>(form: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    let mut values = form_urlencoded::parse(form).filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_stands_twice_is_not_there() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-b", HeaderValue::from_static("1"));
        headers.append("x-b", HeaderValue::from_static("2"));
        let request = Request {
            method: &Method::POST,
            headers: &headers,
            query: Some("one=a%2Bb&two=1&two=2"),
            body: b"",
            peer: None,
        };
        assert_eq!(request.header("X-A"), Some("1"));
        assert_eq!(request.header("x-b"), None);
        assert_eq!(request.parameter("one").as_deref(), Some("a+b"));
        assert_eq!(request.parameter("two"), None);
        assert_eq!(request.parameter("three"), None);
    }

    #[test]
    fn a_form_holds_its_json_in_payload() {
        let mut headers = HeaderMap::new();
        let json = |headers: &HeaderMap, body: &'static [u8]| {
            let request = Request { method: &Method::POST, headers, query: None, body, peer: None };
            request.json().into_owned()
        };
        assert_eq!(json(&headers, b"payload=%7B%7D"), b"payload=%7B%7D");
        headers.insert(
            "content-type",
            HeaderValue::from_static("Application/X-WWW-Form-Urlencoded; charset=utf-8"),
        );
        assert_eq!(json(&headers, b"a=1&payload=%7B%7D"), b"{}");
        assert_eq!(json(&headers, b"{}"), b"");
    }
}
