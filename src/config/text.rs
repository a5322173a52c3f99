//! Rules for texts.

use crate::protocol::{NAME_RULE, is_name};

/// The longest text that is a name of something to people, or a part of events.
const LONGEST: usize = 256;

/// A name that stands in URLs.
pub(super) fn name(text: &str) -> Result<String, String> {
    if is_name(text) { Ok(text.to_owned()) } else { Err(format!("a name has {NAME_RULE}")) }
}

/// A name for people, or of a cloud or a folder.
pub(super) fn label(text: &str) -> Result<String, &'static str> {
    if text.trim() != text || text.is_empty() {
        return Err("must not be empty, nor have a space at its ends");
    }
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err("must have at most 256 bytes, and no control character");
    }
    Ok(text.to_owned())
}

/// The same, or nothing.
pub(super) fn optional_label(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Ok(String::new()) } else { label(text) }
}

/// What stands in a header, a type or an address: no space, and nothing that no keyboard has.
pub(crate) fn word(text: &str) -> Result<String, &'static str> {
    let is_word = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if is_word {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 256 letters, digits and signs of ASCII, without spaces")
    }
}

/// Why no client could ever show a secret as the value of a header; `None` where it can.
pub(super) fn unshowable(secret: &str) -> Option<&'static str> {
    if secret.trim() != secret {
        return Some("has a space or a line's end at its start or end, which no header can show");
    }
    if secret.chars().any(char::is_control) {
        return Some("has a control character, which no header can show");
    }
    None
}
