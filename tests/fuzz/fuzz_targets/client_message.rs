//! Any text of a client is a request or is refused with a code and a word.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagcast::protocol::Request;

fuzz_target!(|text: &str| {
    if let Err(error) = Request::parse(text) {
        assert!(!error.message.is_empty() && !error.code.as_str().is_empty());
    }
});
