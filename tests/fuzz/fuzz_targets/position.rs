//! Any text is a place to start from or none; an event id is spelled back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagcast::event::Position;
use tagcast::protocol::Start;

fuzz_target!(|text: &str| {
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string(), text);
        assert_eq!(text.parse(), Ok(Start::After(position)));
    }
    let _ = text.parse::<Start>();
});
