//! What fuzzing starts from, and what it once found, as an ordinary test.

use std::fs;
use std::path::Path;

#[path = "../fuzz/checks.rs"]
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
    each_text("client_message", checks::client_message);
    each_text("position", checks::position);
    each_text("settings", checks::settings);
}
