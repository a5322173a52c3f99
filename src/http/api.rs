use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::event::EventType;
use crate::filter;
use crate::protocol::{Close, Code, Framing};
use crate::source::Kind;

/// What is the same in both descriptions, and what each call and message looks like. Lists that the code has are put
/// in from there.
const SCHEMAS: [&str; 6] = [
    include_str!("api/schemas/events.json"),
    include_str!("api/schemas/errors.json"),
    include_str!("api/schemas/answers.json"),
    include_str!("api/schemas/operations.json"),
    include_str!("api/schemas/messages.json"),
    include_str!("api/schemas/triggers.json"),
];
macro_rules! parts {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("api/paths/", $name, ".json")))),+] };
}

/// The routes, a part for each file of this folder that answers some, by its name.
const PATHS: [(&str, &str); 15] = parts![
    "api",
    "dashboard",
    "health",
    "metrics",
    "v1/backup",
    "v1/connections",
    "v1/events",
    "v1/feeds",
    "v1/filters",
    "v1/quarantine",
    "v1/registries",
    "v1/server",
    "v1/sources",
    "v1/triggers",
    "v1/ws",
];

static OPENAPI: LazyLock<Bytes> = LazyLock::new(|| {
    let mut document = described(include_str!("api/openapi.json"));
    let mut paths = joined(&PATHS.map(|(_, part)| part));
    // At the gate any request may be refused: by its host, or as one of another site's page.
    for call in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        if let Some(Value::Object(responses)) = call.get_mut("responses") {
            let forbidden = || json!({ "$ref": "#/components/responses/Forbidden" });
            responses.entry("403").or_insert_with(forbidden);
        }
    }
    document["paths"] = paths.into();
    document.to_string().into()
});

static ASYNCAPI: LazyLock<Bytes> = LazyLock::new(|| {
    let mut document = described(include_str!("api/asyncapi.json"));
    let told = Close::ALL.map(|close| json!({"code": close.code(), "reason": close.reason()}));
    document["channels"]["websocket"]["x-close-codes"] = told.to_vec().into();
    document.to_string().into()
});

/// `GET /openapi.json`: the calls, in OpenAPI 3.1.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI.clone())
}

/// `GET /asyncapi.json`: the messages, in AsyncAPI 3.0.
pub(super) async fn asyncapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], ASYNCAPI.clone())
}

/// A document of this version, with the schemas in it.
fn described(text: &str) -> Value {
    let mut document: Value = parsed(text);
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["components"]["schemas"] = schemas().into();
    document
}

fn schemas() -> Map<String, Value> {
    let mut schemas = joined(&SCHEMAS);
    let codes = Code::ALL.map(Code::as_str).into_iter().chain(filter::Code::ALL.map(filter::Code::as_str));
    let mut codes: Vec<_> = codes.collect();
    codes.sort_unstable();
    codes.dedup();
    let mut closes = Close::ALL.map(Close::code).to_vec();
    closes.push(Close::TRY_AGAIN);
    closes.sort_unstable();
    closes.dedup();
    let types = EventType::ALL.map(EventType::as_str).join("|");
    for (schema, keyword, value) in [
        ("ErrorCode", "enum", json!(codes)),
        ("EventType", "pattern", json!(format!("({types})$"))),
        ("Transport", "enum", json!(Framing::ALL.map(Framing::as_str))),
        ("CloseCode", "enum", json!(closes)),
        ("OperatorCloseCode", "enum", json!(Close::BY_OPERATOR.map(Close::code))),
        ("SourceKind", "enum", json!(Kind::ALL.map(Kind::as_str))),
    ] {
        schemas[schema][keyword] = value;
    }
    schemas
}

/// One object with the members of all.
fn joined(parts: &[&str]) -> Map<String, Value> {
    parts.iter().flat_map(|part| parsed::<Map<String, Value>>(part)).collect()
}

/// Reads what was built in; that all of it can be read is tested.
fn parsed<T: serde::de::DeserializeOwned + Default>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_part_can_be_read_and_no_name_is_used_twice() {
        for parts in [&SCHEMAS[..], &PATHS.map(|(_, part)| part)[..]] {
            let read = parts.iter().map(|part| serde_json::from_str::<Map<String, Value>>(part).unwrap());
            let members: usize = read.map(|part| part.len()).sum();
            assert_eq!(joined(parts).len(), members);
        }
        for document in [&OPENAPI, &ASYNCAPI] {
            let document: Value = serde_json::from_slice(document).unwrap();
            assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        }
    }

    #[test]
    fn a_part_describes_the_routes_of_the_file_of_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
        for (name, part) in PATHS {
            assert!(folder.join(format!("{name}.rs")).exists(), "{name}");
            for path in parsed::<Map<String, Value>>(part).keys() {
                let below = path.strip_prefix("/v1/").and_then(|path| path.split('/').next());
                assert_eq!(below, name.strip_prefix("v1/"), "{path}");
            }
        }
    }
}
