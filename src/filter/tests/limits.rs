//! Every limit, one below, at it and one above.

use super::{filter, refusal};
use crate::filter::{Code, Filter, Options};

fn code(text: &str) -> Option<Code> {
    Filter::parse(text, &Options { max_text: 16 << 10, ..Options::default() }).err().map(|error| {
        assert!(error.line > 0 || error.pointer.is_some(), "{text}");
        error.code
    })
}

fn chain(parts: usize, part: &str) -> String {
    vec![part; parts].join(" && ")
}

#[test]
fn text() {
    let of_length = |bytes: usize| format!("tag == '{}'", "x".repeat(bytes - 9));
    for (bytes, refused) in [(2047, false), (2048, false), (2049, true)] {
        let result = Filter::parse(&of_length(bytes), &Options::default());
        assert_eq!(result.err().map(|e| e.code), refused.then_some(Code::FilterTooLong), "{bytes}");
    }
    let large = Options { max_text: usize::MAX, ..Options::default() };
    for (bytes, refused) in [(16_383, false), (16_384, false), (16_385, true)] {
        let result = Filter::parse(&of_length(bytes), &large);
        assert_eq!(result.err().map(|e| e.code), refused.then_some(Code::FilterTooLong), "{bytes}");
    }
    let error = refusal(&"é".repeat(2000));
    assert_eq!((error.offset, error.line, error.column), (1024, 1, 1025));
    // Of a shorthand object it is the length as JSON without blanks.
    let object = |bytes: usize| serde_json::json!({"tag": "x".repeat(bytes - 10)});
    for (bytes, refused) in [(2047, false), (2048, false), (2049, true)] {
        let result = Filter::from_json(&object(bytes), &Options::default());
        assert_eq!(result.err().map(|e| e.code), refused.then_some(Code::FilterTooLong), "{bytes}");
    }
}

#[test]
fn conditions_and_operators() {
    // 64 conditions and 63 operators are 127; each '!' is one more.
    assert_eq!(code(&chain(64, "size > 1")), None);
    assert_eq!(code(&format!("!({})", chain(64, "size > 1"))), None);
    assert_eq!(code(&format!("!!({})", chain(64, "size > 1"))), Some(Code::FilterTooComplex));
    assert_eq!(code(&chain(65, "size > 1")), Some(Code::FilterTooComplex));
    assert_eq!(code(&format!("{}true", "!".repeat(127))), None);
    assert_eq!(code(&format!("{}true", "!".repeat(128))), Some(Code::FilterTooComplex));
    assert_eq!(code(&format!("{}5 == 5", "-".repeat(128))), None);
    assert_eq!(code(&format!("{}5 == 5", "-".repeat(129))), Some(Code::FilterTooComplex));
    let shorthand = |n: usize| format!(r#"{{"tag":{{"startsWith":[{}]}}}}"#, vec!["\"a\""; n].join(","));
    assert_eq!(code(&shorthand(64)), None);
    assert_eq!(code(&shorthand(65)), Some(Code::FilterTooComplex));
}

#[test]
fn depth() {
    let nest = |levels: usize| {
        (0..levels).fold("size > 1".to_owned(), |inner, level| {
            format!("tag == 'a' {} ({inner})", if level % 2 == 0 { "&&" } else { "||" })
        })
    };
    assert_eq!(code(&nest(15)), None);
    assert_eq!(code(&nest(16)), None);
    assert_eq!(code(&nest(17)), Some(Code::FilterTooComplex));
    // Negations count; double ones and needless parentheses don't.
    assert_eq!(code(&format!("!({})", nest(15))), None);
    assert_eq!(code(&format!("!({})", nest(16))), Some(Code::FilterTooComplex));
    assert_eq!(code(&format!("!!(({}))", nest(16))), None);
}

#[test]
fn parentheses() {
    let nest = |n: usize| format!("{}true{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(code(&nest(39)), None);
    assert_eq!(code(&nest(40)), None);
    assert_eq!(code(&nest(41)), Some(Code::FilterTooComplex));
    assert_eq!(code(&nest(8000)), Some(Code::FilterTooComplex));
    assert_eq!(code(&vec!["(true)"; 60].join("&&")), None);
    let objects = |n: usize| format!("{}true{}", r#"{"not":"#.repeat(n), "}".repeat(n));
    assert_eq!(code(&objects(39)), None);
    assert_eq!(code(&objects(40)), None);
    assert_eq!(code(&objects(41)), Some(Code::FilterTooComplex));
}

#[test]
fn items() {
    let list =
        |n: usize| format!("tag in [{}]", (0..n).map(|i| format!("'v{i}'")).collect::<Vec<_>>().join(","));
    let short = |n: usize| {
        format!(r#"{{"tag":[{}]}}"#, (0..n).map(|i| format!("\"v{i}\"")).collect::<Vec<_>>().join(","))
    };
    for (items, refused) in [(255, false), (256, false), (257, true)] {
        let expected = refused.then_some(Code::FilterTooComplex);
        assert_eq!(code(&list(items)), expected, "{items}");
        assert_eq!(code(&short(items)), expected, "{items}");
    }
}

#[test]
fn patterns() {
    assert_eq!(code(&chain(7, "tag.matches('a+b')")), None);
    assert_eq!(code(&chain(8, "tag.matches('a+b')")), None);
    assert_eq!(code(&chain(9, "tag.matches('a+b')")), Some(Code::FilterTooComplex));
    for (bytes, refused) in [(255, false), (256, false), (257, true)] {
        let text = format!("tag.matches('{}')", "a".repeat(bytes));
        assert_eq!(code(&text), refused.then_some(Code::FilterTooComplex), "{bytes}");
    }
    // A glob counts where it stays a regular expression.
    let globs = |glob: &str, n: usize| {
        format!(r#"{{"tag":{{"glob":[{}]}}}}"#, vec![format!("\"{glob}\""); n].join(","))
    };
    assert_eq!(code(&globs("a*", 9)), None);
    assert_eq!(code(&globs("a*b", 8)), None);
    assert_eq!(code(&globs("a*b", 9)), Some(Code::FilterTooComplex));
}

#[test]
fn compiled_patterns() {
    let of = |times: usize| format!(r"tag.matches(r'^(?:[ab]\w{{{times}}})+$')");
    assert_eq!(code(&of(10)), None);
    assert_eq!(code(&of(1000)), Some(Code::RegexTooLarge));
    let error = refusal(&of(1000));
    assert_eq!(error.offset, 12);
    assert_eq!(error.code.as_str(), "regex_too_large");
}

#[test]
fn double_negation_is_free() {
    assert_eq!(
        filter(&format!("{}tag == 'a'", "!!(".repeat(20)).replace("'a'", &format!("'a'{}", ")".repeat(20)))),
        filter("tag == 'a'")
    );
}

/// Texts made to be costly: refused as what, and behind how many code points of up to 16,000. What reading them costs
/// is measured by the bench `refusing`.
fn bombs() -> Vec<(String, Code, usize)> {
    let regex = |text: &str| format!("tag.matches('{text}')");
    vec![
        ("!".repeat(16_000), Code::FilterTooComplex, 128),
        ("-".repeat(16_000), Code::FilterTooComplex, 128),
        ("(".repeat(16_000), Code::FilterTooComplex, 40),
        ("[".repeat(16_000), Code::InvalidFilter, 1),
        ("true&&".repeat(2_600), Code::FilterTooComplex, 772),
        ("tag.".repeat(4_000), Code::InvalidFilter, 131),
        ("tag.size().".repeat(1_400), Code::InvalidFilter, 11),
        (format!("{}5 == 5", "- ".repeat(8_000)), Code::FilterTooComplex, 256),
        (format!("tag in [{}]", "'',".repeat(5_000)), Code::FilterTooComplex, 776),
        (format!("{}{}", r#"{"not":"#.repeat(1_000), "}".repeat(1_000)), Code::InvalidFilter, 890),
        (regex(&"(".repeat(250)), Code::InvalidFilter, 263),
        (regex("(((a{30}){30}){30}){30}"), Code::InvalidFilter, 31),
        (regex(r"(\\pL{50}){20}"), Code::RegexTooLarge, 28),
        (regex(&r"(?i)\\pL".repeat(30)), Code::InvalidFilter, 37),
        (regex(&r"(?i)[\\x01-\\x{ffff}]".repeat(10)), Code::InvalidFilter, 54),
    ]
}

#[test]
fn hostile_texts_are_refused_early() {
    let options = Options { max_text: 16 << 10, ..Options::default() };
    for (bomb, code, read) in bombs() {
        let error = Filter::parse(&bomb, &options).expect_err(&bomb[..40.min(bomb.len())]);
        let end = error.offset + error.length;
        assert_eq!(error.code, code, "{}", error.message);
        assert!(end <= read + 2, "read up to {end}, not {read}: {}", error.message);
    }
}
