use serde_path_to_error::Segment;

use crate::protocol::is_name;

/// Text that is no settings, told by its place and its key: what stands there may be a secret.
#[derive(Debug, thiserror::Error)]
#[error("{place}{why}")]
pub struct SyntaxError {
    /// `line 3, column 5: `, or `triggers[1] 'deploy': batch.size: `; empty where it is the whole.
    place: String,
    why: String,
}

impl SyntaxError {
    /// What is wrong in a text that is no TOML. The parser's messages hold nothing of it.
    pub(super) fn in_text(error: &toml::de::Error, text: &str) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { place: format!("line {line}, column {column}: "), why: error.message().to_owned() }
    }

    /// What is wrong in `settings`. An entry of a list is told by its number, and by its name where it has one.
    pub(super) fn in_settings(
        error: serde_path_to_error::Error<toml::de::Error>,
        settings: &toml::Value,
    ) -> Self {
        let mut entry = String::new();
        let mut at = Some(settings);
        let mut key = String::new();
        for segment in error.path() {
            match segment {
                Segment::Map { key: name } => {
                    key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                    at = at.and_then(|value| value.get(name));
                }
                Segment::Seq { index } => {
                    key = format!("{key}[{index}]");
                    at = at.and_then(|value| value.get(*index));
                    if entry.is_empty() {
                        let name =
                            at.and_then(|entry| entry.get("name")?.as_str()).filter(|name| is_name(name));
                        let name = name.map(|name| format!(" '{name}'")).unwrap_or_default();
                        entry = format!("{}{name}: ", std::mem::take(&mut key));
                    }
                }
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        let key = if key.is_empty() { key } else { format!("{key}: ") };
        let error = error.into_inner();
        Self { place: format!("{entry}{key}"), why: without_value(error.message()) }
    }
}

/// A message of serde without the value that it speaks of.
fn without_value(message: &str) -> String {
    let tells_value = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    match message.rsplit_once(", expected ") {
        Some((before, expected)) if tells_value.iter().any(|kind| before.starts_with(kind)) => {
            format!("expected {expected}")
        }
        None if tells_value.iter().any(|kind| message.starts_with(kind)) => "a wrong value".to_owned(),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_is_not_told() {
        for (message, told) in [
            ("invalid type: string \"hush\", expected u64", "expected u64"),
            ("invalid type: string \"a, expected b\", expected a boolean", "expected a boolean"),
            ("invalid value: integer `5`, expected a secret", "expected a secret"),
            ("unknown variant `hush`, expected `disk` or `memory`", "expected `disk` or `memory`"),
            ("unknown variant `hush`, there are no variants", "a wrong value"),
            ("unknown field `lisen`, expected `listen`", "unknown field `lisen`, expected `listen`"),
            ("missing field `name`", "missing field `name`"),
        ] {
            assert_eq!(without_value(message), told);
        }
    }
}
