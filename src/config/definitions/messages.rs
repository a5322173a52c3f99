//! What serde says, in our words. It tells no value: that may be a secret.

use serde_path_to_error::{Path, Segment};

use crate::config::section::shown;
use crate::config::suggest;

/// The names on the way to where an error is.
pub(super) fn path(path: &Path) -> Vec<String> {
    let name = |segment: &Segment| match segment {
        // What knows its own place is wrapped by the library.
        Segment::Map { key } if key.starts_with("$__") => None,
        Segment::Map { key } | Segment::Enum { variant: key } => Some(key.clone()),
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Unknown => None,
    };
    path.iter().filter_map(name).collect()
}

/// The field that is missing, if that is what is wrong.
pub(super) fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// Why something can't be read, without the value that stands there; `word` is what may be misspelt.
pub(in crate::config) fn why(message: &str, word: Option<&str>) -> String {
    let (fault, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let names = expected.split('`').skip(1).step_by(2);
    let hint = word.map(|word| suggest::hint(word, names)).unwrap_or_default();
    let tells_value = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    if message.starts_with("unknown field ") {
        let name = message.split('`').nth(1).unwrap_or_default();
        return match shown(name) {
            "(a name)" => "there is no such setting".to_owned(),
            _ => format!("there is no such setting{hint}"),
        };
    }
    if message.starts_with("wanted exactly 1 element") {
        return "must be of one form, and is of several or of none".to_owned();
    }
    if !tells_value.iter().any(|kind| fault.starts_with(kind)) {
        return message.to_owned();
    }
    if expected.is_empty() {
        return "a wrong value".to_owned();
    }
    let expected = expected.replace('`', "\"");
    format!("expected {}{hint}", expected.strip_prefix("expected ").unwrap_or(&expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_is_not_told() {
        for (message, word, told) in [
            ("invalid type: string \"hush\", expected u64", None, "expected u64"),
            ("invalid type: string \"a, expected b\", expected a boolean", None, "expected a boolean"),
            ("invalid value: integer `5`, expected a secret", None, "expected a secret"),
            ("unknown variant `hush`, expected `disk` or `memory`", None, "expected \"disk\" or \"memory\""),
            (
                "unknown variant `dsik`, expected `disk` or `memory`",
                Some("dsik"),
                "expected \"disk\" or \"memory\"; did you mean \"disk\"?",
            ),
            ("unknown variant `hush`, there are no variants", None, "a wrong value"),
            (
                "unknown field `lisen`, expected `listen`",
                Some("lisen"),
                "there is no such setting; did you mean \"listen\"?",
            ),
            ("a secret is empty", None, "a secret is empty"),
            (
                "wanted exactly 1 element, more than 1 element",
                None,
                "must be of one form, and is of several or of none",
            ),
        ] {
            assert_eq!(why(message, word), told);
        }
        assert_eq!(missing("missing field `name`"), Some("name"));
        assert_eq!(missing("a secret is empty"), None);
    }
}
