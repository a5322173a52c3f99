/// What a name of a subscription, trigger, feed or source may be, in words.
pub(crate) const NAME_RULE: &str = "1 to 64 characters of A-Z a-z 0-9 . _ -";

/// Whether a text is such a name. It needs no escape in JSON, a URL's path or a header.
pub(crate) fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    letters && (1..=64).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "team-1_x.y", &"n".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", "a\n", &"n".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
