//! A path in front of all of the gateway's own, which a proxy passes on: `/tagcast/v1/ws` is `/v1/ws`.

use std::str::FromStr;

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// What stands in front. Nothing: the gateway's paths are as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BasePath(String);

/// A request for the path itself, without the slash that makes what the page names stand below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithoutSlash;

/// Why text is no such path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BasePathError {
    /// It is another thing, or one that a proxy or a browser would write in another way.
    #[error("a path is written /tagcast, or /tools/tagcast: letters, digits and - . _ ~ between slashes")]
    Form,
    /// It would hide what is there.
    #[error("the gateway has paths of its own that begin so")]
    Own,
}

/// How the gateway's own paths begin.
const OWN: [&str; 8] =
    ["v1", "assets", "metrics", "healthz", "readyz", "openapi.json", "asyncapi.json", "echo"];

impl BasePath {
    /// The path, without a slash at its end; empty where there is none.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the path off. A request without it is taken as it is: a proxy may have taken it off already, and whoever is on
    /// this side of the proxy need not know of it.
    pub(super) fn strip<B>(&self, request: &mut Request<B>) {
        if self.0.is_empty() {
            return;
        }
        let Some(rest) = request.uri().path_and_query().and_then(|path| path.as_str().strip_prefix(&self.0))
        else {
            return;
        };
        let (path, is_bare) = match rest.as_bytes().first() {
            Some(b'/') => (rest.parse(), false),
            None | Some(b'?') => (format!("/{rest}").parse(), true),
            _ => return,
        };
        let Ok(path) = path else { return };
        replace(request.uri_mut(), path);
        if is_bare {
            request.extensions_mut().insert(WithoutSlash);
        }
    }

    /// The path with its slash, as seen from the one without: whatever stands in front of both stays.
    pub(super) fn with_slash(&self, query: Option<&str>) -> String {
        let last = self.0.rsplit('/').next().unwrap_or_default();
        query.map_or_else(|| format!("{last}/"), |query| format!("{last}/?{query}"))
    }
}

fn replace(uri: &mut Uri, path: PathAndQuery) {
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = Some(path);
    // The other parts are those of a URI.
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() {
            return Ok(Self::default());
        }
        let is_part = |part: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain)
        };
        let parts = path.strip_prefix('/').ok_or(BasePathError::Form)?;
        if !parts.split('/').all(is_part) {
            return Err(BasePathError::Form);
        }
        if parts.split('/').next().is_some_and(|first| OWN.contains(&first)) {
            return Err(BasePathError::Own);
        }
        Ok(Self(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_plain_and_none_of_the_gateways_own() {
        let read = |text: &str| text.parse::<BasePath>().map(|path| path.0);
        for (text, path) in [
            ("", ""),
            ("/", ""),
            ("/tagcast", "/tagcast"),
            ("/tagcast/", "/tagcast"),
            ("/a/b-c_d.e~f", "/a/b-c_d.e~f"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(path), "{text}");
        }
        for text in [
            "tagcast",
            "//",
            "/a//b",
            "/a//",
            "/.",
            "/a/..",
            "/a b",
            "/a%20b",
            "/{a}",
            "/*",
            "/a?b",
            "/ä",
            "http://h/a",
        ] {
            assert_eq!(read(text), Err(BasePathError::Form), "{text}");
        }
        for text in ["/v1", "/assets/x", "/metrics", "/openapi.json"] {
            assert_eq!(read(text), Err(BasePathError::Own), "{text}");
        }
        assert!(read("/v10").is_ok());
    }

    #[test]
    fn it_is_taken_off_where_it_stands() {
        let base: BasePath = "/tools/tagcast".parse().unwrap();
        for (asked, taken, bare) in [
            ("/tools/tagcast/v1/events?filter=a%2Fb", "/v1/events?filter=a%2Fb", false),
            ("/tools/tagcast/", "/", false),
            ("/tools/tagcast/?view=system", "/?view=system", false),
            ("/tools/tagcast", "/", true),
            ("/tools/tagcast?view=system", "/?view=system", true),
            ("http://h:1/tools/tagcast/v1/ws", "http://h:1/v1/ws", false),
            ("/tools/tagcast/tools/tagcast/x", "/tools/tagcast/x", false),
            ("/tools/tagcast//x", "//x", false),
            ("/tools/tagcastle/", "/tools/tagcastle/", false),
            ("/tools", "/tools", false),
            ("/v1/ws", "/v1/ws", false),
            ("/", "/", false),
            ("*", "*", false),
        ] {
            let mut request = Request::builder().uri(asked).body(()).unwrap();
            base.strip(&mut request);
            assert_eq!(request.uri().to_string(), taken, "{asked}");
            assert_eq!(request.extensions().get::<WithoutSlash>().is_some(), bare, "{asked}");
        }
        assert_eq!(base.with_slash(None), "tagcast/");
        assert_eq!(base.with_slash(Some("view=system")), "tagcast/?view=system");
    }
}
