use std::fmt;

/// Why JSON can't be read, in the words of JSON: readers of a library name the types that they wanted in the language
/// that they are written in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonFault<'a>(pub(crate) &'a str);

impl fmt::Display for JsonFault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = *self;
        let (what, place) = text.split_at(text.rfind(" at line ").unwrap_or(text.len()));
        let told = what.starts_with("invalid ");
        match what.rsplit_once(", expected ").filter(|_| told) {
            Some((found, expected)) => write!(f, "{}, expected {}{place}", found_kind(found), kind(expected)),
            None => f.write_str(text),
        }
    }
}

/// What stood there.
fn found_kind(found: &str) -> &str {
    match found {
        "invalid type: map" => "invalid type: an object",
        "invalid type: sequence" => "invalid type: a list",
        "invalid type: unit value" => "invalid type: null",
        _ => found,
    }
}

/// What should.
fn kind(expected: &str) -> &str {
    let named = expected.split_once(' ').map(|(kind, _)| kind);
    match (expected, named) {
        ("a map" | "map", _) | (_, Some("struct" | "enum" | "internally" | "adjacently" | "tuple")) => {
            "an object"
        }
        ("a sequence", _) => "a list",
        ("unit", _) => "null",
        ("a borrowed string" | "variant identifier" | "field identifier", _) => "a string",
        ("string or map", _) => "a string or an object",
        ("i8" | "i16" | "i32" | "i64" | "isize", _) => "a whole number",
        ("u8" | "u16" | "u32" | "u64" | "usize", _) => "a whole number from 0",
        ("f32" | "f64", _) => "a number",
        _ => expected,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "what it is read into is all that matters")]
    struct Sample<'a> {
        text: &'a str,
        number: u32,
        signed: i64,
        share: f64,
        list: Vec<bool>,
        inner: Option<Box<Sample<'a>>>,
        choice: Choice,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "what it is read into is all that matters")]
    enum Choice {
        One(u8),
    }

    fn fault(json: &str) -> String {
        JsonFault(&serde_json::from_str::<Sample>(json).unwrap_err().to_string()).to_string()
    }

    #[test]
    fn types_have_the_names_that_json_has() {
        for (json, told) in [
            ("[]", "invalid length 0, expected an object at line 1 column 2"),
            ("7", "invalid type: integer `7`, expected an object at line 1 column 1"),
            ("null", "invalid type: null, expected an object at line 1 column 4"),
            (r#"{"text":{}}"#, "invalid type: an object, expected a string at line 1 column 8"),
            (
                r#"{"number":-1}"#,
                "invalid value: integer `-1`, expected a whole number from 0 at line 1 column 12",
            ),
            (r#"{"signed":"x"}"#, "invalid type: string \"x\", expected a whole number at line 1 column 13"),
            (r#"{"share":[]}"#, "invalid type: a list, expected a number at line 1 column 9"),
            (r#"{"list":true}"#, "invalid type: boolean `true`, expected a list at line 1 column 12"),
            (
                r#"{"inner":", expected u8 at line 9"}"#,
                "invalid type: string \", expected u8 at line 9\", expected an object at line 1 column 34",
            ),
            ("{", "EOF while parsing an object at line 1 column 1"),
        ] {
            assert_eq!(fault(json), told, "{json}");
        }
    }
}
