//! Bodies of the kind that `TAGCAST_FUZZ_KIND` names; `make fuzz` runs it for every kind, with the recorded ones as corpus.
#![no_main]

use std::sync::LazyLock;

use tagcast::parts::source::Kind;

mod checks;

static KIND: LazyLock<Kind> = LazyLock::new(|| {
    let kind = std::env::var("TAGCAST_FUZZ_KIND").unwrap_or_else(|_| "distribution".into());
    kind.parse().expect("TAGCAST_FUZZ_KIND is a kind")
});

libfuzzer_sys::fuzz_target!(|body: &[u8]| checks::adapter(*KIND, body));
