//! What the fuzz targets beside filters and adapters check, and an ordinary test with their corpora.
#![allow(dead_code, reason = "each target uses one")]

use tagcast::config::Config;
use tagcast::event::Position;
use tagcast::log::Record;
use tagcast::protocol::{Inflater, Request, Start};

/// Any text of a client is a request or is refused with a code and a word.
pub(crate) fn client_message(text: &str) {
    if let Err(error) = Request::parse(text) {
        assert!(!error.message.is_empty() && !error.code.as_str().is_empty());
    }
}

/// Any bytes of a client that may compress pass, or become whole messages within their bound: no byte makes more
/// than one message and its header.
pub(crate) fn client_frames(bytes: &[u8]) {
    const MAX: usize = 1_000;
    let Some((size, bytes)) = bytes.split_first() else { return };
    let mut inflater = Inflater::new(MAX);
    let (mut passed, mut into) = (0, [0; 300]);
    for piece in bytes.chunks(usize::from(*size) + 1) {
        inflater.feed(piece);
        loop {
            match inflater.take(&mut into) {
                0 => break,
                taken => passed += taken,
            }
        }
    }
    assert!(passed <= bytes.len() * (MAX + 8));
}

/// Any bytes are a record or no record; what is one is written back the same.
pub(crate) fn log_record(bytes: &[u8]) {
    let Some((offset, stored)) = bytes.split_first_chunk() else { return };
    let offset = u64::from_le_bytes(*offset) & ((1 << 53) - 1);
    if let Ok(record) = Record::decode(offset, stored) {
        assert_eq!(record.encode(), stored);
    }
}

/// Any text is a place to start from or none; an event id is spelled back the same.
pub(crate) fn position(text: &str) {
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string(), text);
        assert_eq!(text.parse(), Ok(Start::After(position)));
    }
    let _ = text.parse::<Start>();
}

/// Any text is settings, or is refused with a reason.
pub(crate) fn settings(text: &str) {
    match Config::parse(text) {
        Ok(config) => {
            if let Err(error) = config.check() {
                assert!(!error.to_string().is_empty());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
