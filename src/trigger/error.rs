use serde_json::json;

use crate::filter::FilterError;
use crate::message::JsonFault;
use crate::protocol::{BatchError, Code, ErrorBody};

/// A definition that can't be had, and the field that is wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{field}: {}", .body.message)]
pub struct DefinitionError {
    /// JSON pointer to what is wrong.
    pub field: String,
    /// Code, message and details.
    pub body: ErrorBody,
}

impl DefinitionError {
    /// A fault of one field.
    pub fn new(code: Code, field: &str, message: impl Into<String>) -> Self {
        let details = json!({ "field": field });
        Self { field: field.to_owned(), body: ErrorBody { details, ..ErrorBody::new(code, message) } }
    }

    /// A field that must be `expected` and is not.
    pub(super) fn expected(code: Code, field: &str, expected: &str) -> Self {
        Self::new(code, field, format!("must be {expected}"))
    }
}

/// A fault of the filter.
impl From<FilterError> for DefinitionError {
    fn from(error: FilterError) -> Self {
        let mut details = error.details();
        let pointer = details["pointer"].as_str().unwrap_or_default();
        let field = format!("/filter{pointer}");
        details["field"] = field.clone().into();
        Self { field, body: ErrorBody { code: error.code.as_str(), message: error.to_string(), details } }
    }
}

/// A fault of a batch's bounds.
impl From<BatchError> for DefinitionError {
    fn from(error: BatchError) -> Self {
        Self::expected(Code::InvalidBatch, &format!("/batch/{}", error.field), &error.expected)
    }
}

/// A fault of the shape, in whatever format it was read.
impl<E: std::error::Error> From<serde_path_to_error::Error<E>> for DefinitionError {
    fn from(error: serde_path_to_error::Error<E>) -> Self {
        let path = error.path().to_string().replace('.', "/");
        let mut field =
            if path == "/" || path == "?" || path == "." { String::new() } else { format!("/{path}") };
        let message = JsonFault(&error.into_inner().to_string()).to_string();
        // What is missing has no place of its own; its parent's is told.
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        field.extend(missing.into_iter().flat_map(|name| ["/", name]));
        Self::new(Code::BadRequest, &field, message)
    }
}
