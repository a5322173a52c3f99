//! Every refusal of the specification's tables, by its text.

use serde_json::json;

use super::{filter, refusal};
use crate::filter::{Code, Reason};

#[test]
fn table_of_errors() {
    use Reason::{BadRegex, BadValue, Syntax, UnknownName, WrongType};
    for (text, reason, column, message) in [
        (r#"repository = "team/app""#, Syntax, 12, "unexpected '='; to compare write '=='"),
        (
            r#"repository == "team/app" && tga == "v1""#,
            UnknownName,
            29,
            "unknown field 'tga'; did you mean 'tag'?",
        ),
        ("tag == 5", WrongType, 8, "tag is a string, 5 is an int"),
        ("tag", WrongType, 1, "a filter must be true or false, this is a string"),
        (r#"tag.matches("release-(")"#, BadRegex, 22, "regular expression: unclosed group"),
        (
            r#"type == "CreateImge""#,
            BadValue,
            9,
            "unknown event type 'CreateImge'; did you mean 'CreateImage'?",
        ),
        (r#"(tag == "v1""#, Syntax, 13, "unexpected end; expected ')'"),
        (r#"!tag == "v1""#, WrongType, 2, r#"'!' needs true or false; write !(tag == "v1")"#),
    ] {
        let error = refusal(text);
        assert_eq!(error.code, Code::InvalidFilter, "{text}");
        assert_eq!((error.reason, error.column), (Some(reason), column), "{text}");
        assert_eq!(error.message, message);
        assert_eq!(error.line, 1);
    }
}

#[test]
fn details_of_the_example() {
    let error = refusal(r#"repository == "team/app" && tga == "v1""#);
    assert_eq!(error.code.as_str(), "invalid_filter");
    assert_eq!(
        error.details(),
        json!({"reason": "unknown_name", "line": 1, "column": 29, "offset": 28, "length": 3,
            "found": "tga", "hint": "tag", "expected": ["tag", "type", "event_type", "cloud_id", "folder_id",
            "registry", "repository", "digest", "image_id", "media_type", "size", "actor", "source"]})
    );
    assert_eq!(
        error.caret(r#"repository == "team/app" && tga == "v1""#),
        "repository == \"team/app\" && tga == \"v1\"\n                            ^^^"
    );
}

/// Text, reason, place and a part of the hint or message.
const REFUSED: [(&str, Reason, usize, usize, &str); 60] = [
    // The operators of other languages.
    (r#"tag = "v1""#, Reason::Syntax, 4, 1, "=="),
    (r#"tag === "v1""#, Reason::Syntax, 4, 3, "=="),
    (r#"tag <> "v1""#, Reason::Syntax, 4, 2, "!="),
    ("true & false", Reason::Syntax, 5, 1, "&&"),
    ("true | false", Reason::Syntax, 5, 1, "||"),
    (r#"tag == "a" and tag == "b""#, Reason::Syntax, 11, 3, "&&"),
    (r#"tag == "a" AND tag == "b""#, Reason::Syntax, 11, 3, "&&"),
    (r#"tag == "a" or tag == "b""#, Reason::Syntax, 11, 2, "||"),
    (r#"not tag == "a""#, Reason::Syntax, 0, 3, "!"),
    (r#"tag not in ["a"]"#, Reason::Syntax, 4, 3, "!"),
    ("tag LIKE 'v%'", Reason::Syntax, 4, 4, "matches"),
    ("tag =~ 'v'", Reason::Syntax, 4, 2, "matches"),
    // has()
    ("has(tag)", Reason::Syntax, 4, 3, r#"write has(event.tag) or tag != """#),
    ("has(size)", Reason::Syntax, 4, 4, "write has(event.size) or size != 0"),
    ("has()", Reason::Syntax, 0, 5, "one argument"),
    ("has('x')", Reason::Syntax, 4, 3, "has(event.tag)"),
    // Order of texts.
    (r#"tag < "v2""#, Reason::NotSupported, 0, 10, "use 'matches'"),
    (r#"tag > "v1""#, Reason::NotSupported, 0, 10, "use 'matches'"),
    ("true < false", Reason::WrongType, 0, 12, "need ints"),
    // Other parts of CEL.
    (r#"tag == "a" ? true : false"#, Reason::NotSupported, 11, 1, "a && b || !a && c"),
    ("['a'].exists(x, x == tag)", Reason::NotSupported, 6, 6, "a list in the shorthand"),
    ("['a'].all(x, x == tag)", Reason::NotSupported, 6, 3, "write the cases with '||'"),
    ("['a'].map(x, x)", Reason::NotSupported, 6, 3, "||"),
    ("['a'].filter(x, x == tag)", Reason::NotSupported, 6, 6, "||"),
    ("size + 1 > 2", Reason::NotSupported, 5, 1, "arithmetic"),
    ("size - 1 > 2", Reason::NotSupported, 5, 1, "arithmetic"),
    ("size * 1 > 2", Reason::NotSupported, 5, 1, "arithmetic"),
    ("size / 1 > 2", Reason::NotSupported, 5, 1, "arithmetic"),
    ("size % 2 == 0", Reason::NotSupported, 5, 1, "arithmetic"),
    ("tag in {'a': 1}", Reason::NotSupported, 7, 1, "objects"),
    ("tag[0] == 'a'", Reason::NotSupported, 3, 1, "index"),
    ("size > 1.5", Reason::NotSupported, 7, 3, "whole numbers"),
    ("size > 1u", Reason::NotSupported, 7, 2, "unsigned"),
    ("tag == null", Reason::NotSupported, 7, 4, "null"),
    (r#"tag == b"a""#, Reason::NotSupported, 7, 1, "bytes"),
    ("timestamp('x') == 1", Reason::NotSupported, 0, 9, "not part of filters"),
    ("duration('x') == 1", Reason::NotSupported, 0, 8, "not part of filters"),
    ("tag.lowerAscii() == 'x'", Reason::NotSupported, 4, 10, "not part of filters"),
    ("tag.startswith('x')", Reason::NotSupported, 4, 10, "did you mean 'startsWith'?"),
    // Names.
    (r#"event.tga == "x""#, Reason::UnknownName, 6, 3, "did you mean 'tag'?"),
    (r#"repo == "x""#, Reason::UnknownName, 0, 4, "did you mean 'repository'?"),
    (r#"imageDigest == "x""#, Reason::UnknownName, 0, 11, "did you mean 'digest'?"),
    (r#"xyzzy == "x""#, Reason::UnknownName, 0, 5, "fields are type, event_type,"),
    (r#"event_id == "x""#, Reason::NotSupported, 0, 8, "after"),
    (r#"event.event_metadata.created_at == "x""#, Reason::NotSupported, 21, 10, "after"),
    (r#"details.source_event_id == "x""#, Reason::NotSupported, 8, 15, "after"),
    (r#"event_metadata.tracing_context.trace_id == "x""#, Reason::NotSupported, 15, 24, "after"),
    // Types and values.
    ("size == '5'", Reason::WrongType, 8, 3, "size is an int, '5' is a string"),
    ("'5' == size", Reason::WrongType, 0, 3, "size is an int, '5' is a string"),
    ("tag in ['a', 5]", Reason::WrongType, 13, 1, "tag is a string, 5 is an int"),
    ("tag in 'a'", Reason::WrongType, 7, 3, "'in' needs a list"),
    ("tag == ['a']", Reason::WrongType, 7, 5, "write 'in'"),
    ("tag && true", Reason::WrongType, 0, 3, "'&&' needs true or false, tag is a string"),
    ("size.startsWith('a')", Reason::WrongType, 0, 4, "startsWith() needs a string"),
    ("tag.startsWith(5)", Reason::WrongType, 15, 1, "takes a string"),
    ("tag.startsWith(repository)", Reason::NotSupported, 15, 10, "a literal"),
    ("tag == repository", Reason::NotSupported, 7, 10, "with literals only"),
    ("(tag == 'a') == true", Reason::NotSupported, 1, 10, "can't be compared"),
    ("type in ['CreateImage', 'X']", Reason::BadValue, 24, 3, "unknown event type 'X'"),
    ("size == 9223372036854775808", Reason::BadValue, 8, 19, "64 bits"),
];

#[test]
fn what_is_refused_has_a_hint() {
    for (text, reason, offset, length, said) in REFUSED {
        let error = refusal(text);
        assert_eq!(error.reason, Some(reason), "{text}: {error}");
        assert_eq!((error.offset, error.length), (offset, length), "{text}: {error}");
        let hint = error.hint.as_deref().unwrap_or_default();
        assert!(error.message.contains(said) || hint.contains(said), "{text}: {error} ({hint})");
    }
}

#[test]
fn syntax_names_what_could_stand_there() {
    for (text, offset, message) in [
        ("tag ==", 6, "unexpected end; expected a field or a literal"),
        ("&& true", 0, "unexpected '&&'; expected a condition"),
        ("true &&", 7, "unexpected end; expected a condition"),
        ("true true", 5, "unexpected 'true'; expected '&&', '||' or the end"),
        ("true)", 4, "unexpected ')'; expected '&&', '||' or the end"),
        ("tag in ['a'", 11, "unexpected end; expected ',' or ']'"),
        ("tag in ['a',,]", 12, "unexpected ','; expected a literal or ']'"),
        ("tag.startsWith('a'", 18, "unexpected end; expected ',' or ')'"),
        ("tag. == 'a'", 5, "unexpected '=='; expected a name"),
        ("tag == 'a", 7, "unclosed string; expected '"),
        ("tag @ 'a'", 4, "unexpected '@'"),
        (r"tag == '\q'", 8, r#"unknown escape '\q' in a string; a backslash is written \\, or use r"…""#),
        ("()", 1, "unexpected ')'; expected a condition"),
        ("tag.startsWith()", 0, "startsWith() takes one literal"),
        ("tag.startsWith('a', 'b')", 0, "startsWith() takes one literal"),
    ] {
        let error = refusal(text);
        assert_eq!((error.reason, error.offset), (Some(Reason::Syntax), offset), "{text}: {error}");
        assert_eq!(error.message, message, "{text}");
    }
}

#[test]
fn places_count_code_points_and_lines() {
    let error = refusal("tag == 'é'\n  && ñ == 1");
    assert_eq!((error.line, error.column, error.offset, error.length), (2, 6, 16, 1));
    let error = refusal("tag.matches('é\\x41(')");
    assert_eq!((error.reason, error.offset, error.length), (Some(Reason::BadRegex), 18, 1));
}

#[test]
fn what_is_near_the_refused_is_accepted() {
    for text in [
        "!(tag == 'v1')",
        "-1 < size",
        "-size < -5",
        "has(event.details.tag)",
        "matches(tag, 'v.*')",
        "size(tag) > 3 && tag.size() < 128",
        "tag . startsWith ( 'v' ) // comment",
        "event . details . tag == 'v1'",
        "tag in []",
        "tag in ['a',]",
        "(((tag))) == (('v1'))",
        "true == true",
        "!!true",
    ] {
        filter(text);
    }
}
