//! CEL's own conformance cases: right where we accept, refused with a place where we don't.

use serde_json::Value;

use super::event;
use crate::filter::{Filter, FilterError, Options};

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/cel/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn run(case: &Value) -> Result<bool, FilterError> {
    let options = Options { max_text: 16 << 10, ..Options::default() };
    let text = case["filter"].as_str().unwrap();
    let filter = Filter::parse(text, &options).inspect_err(|error| {
        assert!(error.line > 0 || error.pointer.is_some(), "{text}: {error}");
        assert!(error.offset + error.length <= text.chars().count(), "{text}: {error}");
    })?;
    Ok(filter.matches(&event()))
}

fn wrong(file: &str, count: usize) -> Vec<String> {
    let cases = cases(file);
    assert_eq!(cases.len(), count);
    let right = |case: &Value| match run(case) {
        Ok(answer) => [&case["expect"], &case["or"]].contains(&&Value::Bool(answer)),
        Err(_) => case["expect"] == "refused",
    };
    cases.iter().filter(|case| !right(case)).map(|case| format!("{case} was {:?}", run(case))).collect()
}

#[test]
fn profile_is_right() {
    assert_eq!(wrong("profile.jsonl", 193), Vec::<String>::new());
}

/// Three of them are filters after all: `true`, `false`, and `{}`, which as a text is a shorthand object.
#[test]
fn outside_is_refused() {
    let accepted = ["self_eval_empty_map", "reserved_const/false", "reserved_const/true"];
    let wrong = wrong("outside.jsonl", 2263);
    let others = wrong.iter().filter(|case| !accepted.iter().any(|name| case.contains(name)));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(wrong.len(), accepted.len());
}
