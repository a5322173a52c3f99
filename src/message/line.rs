use serde::Serialize;

/// Characters at which readers of lines cut, beside those that JSON escapes anyway: U+0085, U+2028 and U+2029, as UTF-8 and
/// as JSON escapes.
const BREAKS: [(&[u8], &[u8]); 3] =
    [(b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029")];

/// A value as JSON that is one line for everyone: Python's `splitlines` and JavaScript know more ends of lines than JSON.
///
/// # Errors
///
/// As [`serde_json::to_vec`].
pub(crate) fn to_line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    Ok(unbroken(&json).unwrap_or(json))
}

/// JSON with escapes in place of what ends lines; `None` where there is nothing of that. Outside strings JSON has none of
/// those characters, so it means the same.
pub(crate) fn unbroken(json: &[u8]) -> Option<Vec<u8>> {
    // Most is ASCII, which is known quickly.
    if json.is_ascii() || breaks(json).next().is_none() {
        return None;
    }
    let mut out = Vec::with_capacity(json.len() + 16);
    let mut done = 0;
    for (at, (text, escape)) in breaks(json) {
        out.extend_from_slice(&json[done..at]);
        out.extend_from_slice(escape);
        done = at + text.len();
    }
    out.extend_from_slice(&json[done..]);
    Some(out)
}

/// Where such characters are, and which.
fn breaks(json: &[u8]) -> impl Iterator<Item = (usize, (&'static [u8], &'static [u8]))> {
    let starts = json.iter().enumerate().filter(|(_, byte)| matches!(byte, 0xc2 | 0xe2));
    starts
        .filter_map(|(at, _)| Some((at, BREAKS.into_iter().find(|(text, _)| json[at..].starts_with(text))?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_everyone_that_means_the_same() {
        for text in [
            "",
            "v1",
            "é\u{a0}\u{2027}\u{202a}",
            "\u{85}",
            "a\u{2028}\u{2029}é\u{85}b",
            "\r\n\u{b}\u{c}\u{1c}",
        ] {
            let line = String::from_utf8(to_line(&[text]).unwrap()).unwrap();
            let ends =
                |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
            assert!(!line.contains(ends), "{line:?}");
            assert_eq!(serde_json::from_str::<[String; 1]>(&line).unwrap(), [text]);
        }
        assert_eq!(to_line(&"é\u{2028}").unwrap(), "\"é\\u2028\"".as_bytes());
        assert_eq!(unbroken("é".as_bytes()), None);
    }
}
