//! What `docs/filters.md` says of RE2's syntax is so: every row of its tables is tried.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::request;

/// The rows of the table whose head begins so: the cells of each.
fn rows(head: &str) -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/filters.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let lines = page.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows: Vec<Vec<String>> = lines.take_while(|line| line.starts_with("| ")).map(cells).collect();
    assert!(rows.len() > 5, "{head}");
    rows
}

/// A `|` in a cell has a backslash before it.
fn cells(line: &str) -> Vec<String> {
    let line = line.replace("\\|", "\u{1}");
    let line = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).expect("a row");
    line.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// What stands in a cell as code.
fn code(cell: &str) -> &str {
    let inner = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
    inner.unwrap_or_else(|| panic!("{cell} is no code"))
}

/// A value, in which line breaks and controls are escapes.
fn value(cell: &str) -> Value {
    let json = format!("\"{}\"", code(cell));
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{cell}: {error}"))
}

fn check(gateway: &Gateway, pattern: &str, tag: &Value) -> Value {
    let filter = format!("tag.matches({})", json!(pattern));
    let asked = json!({"filter": filter, "event": {"details": {"tag": tag}}});
    gateway.post("/v1/filters/check", asked.to_string()).json()
}

#[test]
fn what_is_said_to_be_taken_finds_what_it_says() {
    let gateway = Gateway::start();
    for row in rows("| taken |") {
        let [_, pattern, finds, not] = &row[..] else { panic!("{row:?}") };
        for (cell, expected) in [(finds, true), (not, false)] {
            let answer = check(&gateway, code(pattern), &value(cell));
            assert_eq!(answer["event"]["matches"], expected, "{pattern} in {cell}: {answer}");
        }
    }
}

#[test]
fn what_is_said_to_be_refused_is_and_says_why() {
    let gateway = Gateway::start();
    for row in [rows("| not taken, nor by RE2 |"), rows("| not taken here |")].concat() {
        let [_, pattern, message] = &row[..] else { panic!("{row:?}") };
        let error = check(&gateway, code(pattern), &json!("a"))["error"].clone();
        let what = (&error["code"], &error["details"]["reason"]);
        assert_eq!(what, (&json!("invalid_filter"), &json!("bad_regex")), "{pattern}: {error}");
        let told = error["message"].as_str().expect("a message");
        assert!(told.starts_with(&format!("regular expression: {message}")), "{pattern}: {told}");
    }
}

/// Settings can't say since when a filter is in them, so what is refused today is taken from there as it was read.
#[test]
fn what_was_stored_goes_on_and_what_is_put_again_is_refused() {
    let of_old = [
        ("nested", r"^v(?:a{40}){26}$", "repetitions within each other"),
        ("count", r"^a{,2}b+$", "a count is written"),
        ("script", r"^\p{Grek}+$", "unknown property"),
        ("lowered", "^a{02}$", "a count is written"),
    ];
    let feeds = of_old.map(|(name, pattern, _)| {
        format!("[[feeds]]\nname = '{name}'\nfilter = '''tag.matches(r\"{pattern}\")'''\n")
    });
    let gateway = Gateway::with_settings(&feeds.concat());
    let shown = gateway.get("/v1/feeds").json()["feeds"].clone();
    let feed = |name: &str| {
        let all = shown.as_array().expect("a list");
        all.iter().find(|feed| feed["name"] == name).expect("the feed").clone()
    };
    assert_eq!(gateway.get("/v1/server").json()["health"]["outdated"], 4);
    for (name, pattern, why) in of_old {
        let told = feed(name)["outdated"].clone();
        assert!(told.as_str().is_some_and(|told| told.contains(why)), "{name}: {told}");
        let definition = json!({
            "filter": format!("tag.matches({})", json!(pattern)), "target": {"http": {"url": "https://example.com/"}},
        });
        let path = format!("/v1/triggers/{name}");
        let refused = request(&gateway.address, "PUT", &path, &[], definition.to_string().as_bytes());
        assert_eq!(refused.code(), "invalid_filter", "{refused:?}");
    }
    assert_eq!(feed("lowered")["filter"], r#"cloud_id == "default" && tag == "aa""#);
}

#[test]
fn a_shorthands_pattern_stands_by_itself() {
    let gateway = Gateway::start();
    let check = |pattern: &str, tag: &str| {
        let asked = json!({"filter": {"tag": {"matches": pattern}}, "event": {"details": {"tag": tag}}});
        gateway.post("/v1/filters/check", asked.to_string()).json()
    };
    for (pattern, message) in [
        ("a)|(b", "unopened group"),
        (r"a\", r"a '\' at the end escapes nothing"),
        ("(a", "unclosed group"),
        (r"(a)\1", r"'\1' would be a backreference"),
    ] {
        let error = check(pattern, "a")["error"].clone();
        assert!(error["message"].as_str().is_some_and(|told| told.contains(message)), "{pattern}: {error}");
    }
    for (tag, matches) in [("a.b$", true), ("a.b", false), ("xa.b$", false)] {
        assert_eq!(check(r"\Qa.b$", tag)["event"]["matches"], matches, "{tag}");
    }
}
