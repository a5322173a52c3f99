//! What fuzzing starts from, and what it once found, as an ordinary test.

use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tagcast::parts::source::Kind;

#[path = "../fuzz/fuzz_targets/checks.rs"]
mod checks;

fn each(target: &str, check: impl Fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let files: Vec<_> =
        fs::read_dir(&dir).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    assert!(!files.is_empty(), "{}", dir.display());
    for file in files {
        check(&fs::read(file).expect("a file"));
    }
}

fn each_text(target: &str, check: impl Fn(&str)) {
    each(target, |bytes| check(std::str::from_utf8(bytes).expect("text")));
}

#[test]
fn every_input_of_the_fuzz_targets_is_taken_or_refused() {
    each("client_frames", checks::client_frames);
    each("log_record", checks::log_record);
    each("proxy_header", checks::proxy_header);
    each_text("client_message", checks::client_message);
    each_text("position", checks::position);
    each_text("settings", checks::settings);
}

/// Seeds, and what fuzzing found, with all that it reached: a JSON string a line.
fn each_line(target: &str, check: impl Fn(&str)) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(format!("{target}.jsonl"));
    for line in fs::read_to_string(path).expect("a corpus").lines() {
        check(&serde_json::from_str::<String>(line).expect("a JSON string"));
    }
}

#[test]
fn every_filter_of_the_fuzz_targets_is_read_or_refused() {
    each_line("filter_expression", checks::filter_expression);
    each_line("filter_shorthand", checks::filter_shorthand);
    each_line("filter_event", checks::filter_event);
}

/// The URLs that a test of triggers has refused, with others; and headers of the operator's own.
#[test]
fn every_target_of_the_fuzz_targets_is_harmless_or_refused() {
    each_line("target_url", checks::target_url);
    each_line("target_headers", checks::target_headers);
}

/// Recorded bodies as somebody between registry and gateway might leave them.
#[test]
fn bodies_that_were_spoilt_on_the_way_harm_nothing() {
    let mut random = StdRng::seed_from_u64(3);
    for kind in Kind::ALL {
        let bodies = recorded(kind);
        assert!(!bodies.is_empty() || kind == Kind::CloudEvents, "{kind}");
        for body in bodies {
            checks::adapter(kind, &body);
            for _ in 0..100 {
                checks::adapter(kind, &spoilt(&body, &mut random));
            }
        }
    }
}

fn recorded(kind: Kind) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks").join(kind.as_str());
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    let is_json = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
    entries.filter(is_json).map(|path| fs::read(path).expect("a file")).collect()
}

/// A few bytes changed, taken out, doubled or cut off.
fn spoilt(body: &[u8], random: &mut StdRng) -> Vec<u8> {
    const BYTES: &[u8] = b"\"{}[],:\\0u9-e\0\xff ";
    let mut body = body.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..body.len().max(1)).min(body.len());
        let end = (at + random.random_range(0..40)).min(body.len());
        match random.random_range(0..4) {
            0 => {
                body.splice(at..end.min(at + 1), [BYTES[random.random_range(0..BYTES.len())]]).for_each(drop);
            }
            1 => body.drain(at..end).for_each(drop),
            2 => body.splice(at..at, body[at..end].to_vec()).for_each(drop),
            _ => body.truncate(at),
        }
    }
    body
}
