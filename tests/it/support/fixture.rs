//! The recorded requests of `tests/fixtures/webhooks`.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tagcast::parts::source::Request;

/// A request as a registry sent it.
pub(crate) struct Fixture {
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// A file of the fixtures.
pub(crate) fn file(path: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/webhooks/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The JSON documents of a file, one a line.
pub(crate) fn lines(path: &str) -> Vec<serde_json::Value> {
    let text = String::from_utf8(file(path)).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

impl Fixture {
    /// A POST of this JSON.
    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { headers, query: None, body: body.into() }
    }

    /// The body of a case, with the headers of the same name where there are any.
    pub(crate) fn load(case: &str) -> Self {
        let case = case.trim_end_matches(".json");
        let mut fixture = Self::json(file(&format!("{case}.json")));
        let headers = format!("{case}.headers.txt");
        let path = format!("{}/tests/fixtures/webhooks/{headers}", env!("CARGO_MANIFEST_DIR"));
        if std::path::Path::new(&path).exists() {
            let text = String::from_utf8(file(&headers)).expect("UTF-8");
            let mut lines = text.lines();
            let target = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a request line");
            fixture.query = target.split_once('?').map(|(_, query)| query.to_owned());
            for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
                fixture.set(name, value);
            }
        }
        fixture
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let name = HeaderName::try_from(name).expect("a header's name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header's value"));
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            method: &Method::POST,
            headers: &self.headers,
            query: self.query.as_deref(),
            body: &self.body,
            peer: None,
        }
    }
}
