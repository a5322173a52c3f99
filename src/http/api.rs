use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::App;
use super::compression::Prepared;
use crate::event::EventType;
use crate::filter;
use crate::protocol::{Close, Code, Framing};
use crate::source::Kind;

/// What is the same in both descriptions, and what each call and message looks like. Lists that the code has are put
/// in from there.
const SCHEMAS: [&str; 8] = [
    include_str!("api/schemas/values.json"),
    include_str!("api/schemas/filters.json"),
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

/// Both, made when they are first asked for: what a gateway takes depends on its settings.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    openapi: OnceLock<Prepared>,
    asyncapi: OnceLock<Prepared>,
}

type Made = Extension<Arc<Descriptions>>;

/// What of the settings stands in them.
struct Facts<'a> {
    /// Whether readers need a token.
    readers: bool,
    filters: &'a filter::Options,
    /// What a proxy leaves in front of every path.
    base_path: &'a str,
}

/// `GET /openapi.json`: the calls, in OpenAPI 3.1.
pub(super) async fn openapi(
    State(app): State<Arc<App>>,
    Extension(made): Made,
    asked: HeaderMap,
) -> Response {
    let document = made.openapi.get_or_init(|| Prepared::new(Facts::of(&app).openapi().to_string().into()));
    document.answer("application/json", &asked)
}

/// `GET /asyncapi.json`: the messages, in AsyncAPI 3.0.
pub(super) async fn asyncapi(
    State(app): State<Arc<App>>,
    Extension(made): Made,
    asked: HeaderMap,
) -> Response {
    let document = made.asyncapi.get_or_init(|| Prepared::new(Facts::of(&app).asyncapi().to_string().into()));
    document.answer("application/json", &asked)
}

impl<'a> Facts<'a> {
    fn of(app: &'a App) -> Self {
        Self { readers: !app.tokens.is_empty(), filters: &app.filters, base_path: app.base_path.as_str() }
    }

    fn openapi(&self) -> Value {
        let mut document = self.described(include_str!("api/openapi.json"));
        let mut paths = joined(&PATHS.map(|(_, part)| part));
        for call in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            if let Some(Value::Object(responses)) = call.get_mut("responses") {
                complete(responses);
            }
        }
        document["paths"] = paths.into();
        if !self.base_path.is_empty() {
            document["servers"] = json!([{ "url": self.base_path }]);
        }
        if self.readers {
            document["security"] = json!([{ "token": [] }]);
        }
        document
    }

    fn asyncapi(&self) -> Value {
        let mut document = self.described(include_str!("api/asyncapi.json"));
        let told = Close::ALL.map(|close| json!({"code": close.code(), "reason": close.reason()}));
        document["channels"]["websocket"]["x-close-codes"] = told.to_vec().into();
        let servers = document["servers"].as_object_mut().filter(|_| !self.base_path.is_empty());
        for server in servers.into_iter().flat_map(Map::values_mut) {
            server["pathname"] = self.base_path.into();
        }
        document
    }

    /// A document of this version, with the schemas in it.
    fn described(&self, text: &str) -> Value {
        let mut document: Value = parsed(text);
        document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
        document["components"]["schemas"] = self.schemas().into();
        document
    }

    fn schemas(&self) -> Map<String, Value> {
        let mut schemas = joined(&SCHEMAS);
        let codes =
            Code::ALL.map(Code::as_str).into_iter().chain(filter::Code::ALL.map(filter::Code::as_str));
        let mut codes: Vec<_> = codes.collect();
        codes.sort_unstable();
        codes.dedup();
        let mut closes = Close::ALL.map(Close::code).to_vec();
        closes.push(Close::TRY_AGAIN);
        closes.sort_unstable();
        closes.dedup();
        let types = EventType::ALL.map(EventType::as_str);
        let full_types = types.map(|name| format!("{}{name}", self.filters.event_type_prefix));
        for (schema, keyword, value) in [
            ("ErrorCode", "enum", json!(codes)),
            // Events that are older than the setting have another prefix.
            ("EventType", "pattern", json!(format!("({})$", types.join("|")))),
            ("EventTypeName", "enum", json!(types)),
            ("EventTypeFullName", "enum", json!(full_types)),
            ("Transport", "enum", json!(Framing::ALL.map(Framing::as_str))),
            ("CloseCode", "enum", json!(closes)),
            ("OperatorCloseCode", "enum", json!(Close::BY_OPERATOR.map(Close::code))),
            ("SourceKind", "enum", json!(Kind::ALL.map(Kind::as_str))),
        ] {
            schemas[schema][keyword] = value;
        }
        schemas
    }
}

/// What any call may be answered: at the gate it is refused by its host, or as one of another site's page; a token may
/// be one wrong one too many, and answers may be too many at once.
fn complete(responses: &mut Map<String, Value>) {
    let with_token = responses.contains_key("401");
    let mut add = |status: &str, name: &str| {
        let response = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(status).or_insert(response);
    };
    add("400", "BadRequest");
    add("403", "Forbidden");
    add("431", "HeadTooLarge");
    if with_token {
        add("429", "TooMany");
        add("503", "Unavailable");
    }
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
        let filters = filter::Options::default();
        let facts = Facts { readers: false, filters: &filters, base_path: "" };
        for document in [facts.openapi(), facts.asyncapi()] {
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
