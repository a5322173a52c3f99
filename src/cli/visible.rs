//! Text of others for a terminal: it neither steers it, nor reads as what it is not.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters that show nothing or turn around what stands beside them, beside the controls: those that `web/src/lib/marks.ts`
/// knows by their properties.
const ODD: [(char, char); 26] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

fn is_odd(c: char) -> bool {
    c.is_control() || (c > '\u{ac}' && ODD.iter().any(|(first, last)| (*first..=*last).contains(&c)))
}

/// One line: each such character by its number, as in `[U+202E]`.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    replaced(text, is_odd, |out, c| write!(out, "[U+{:04X}]", u32::from(c)))
}

/// The same of text whose lines are ours.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    replaced(
        text,
        |c| !matches!(c, '\n' | '\t') && is_odd(c),
        |out, c| write!(out, "[U+{:04X}]", u32::from(c)),
    )
}

/// JSON that means the same: each such character as an escape.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    let escape = |out: &mut String, c: char| {
        c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
    };
    replaced(text, |c| !matches!(c, '\n' | '\r' | '\t') && is_odd(c), escape)
}

fn replaced(
    text: &str,
    is_odd: impl Fn(char) -> bool,
    replace: impl Fn(&mut String, char) -> std::fmt::Result,
) -> Cow<'_, str> {
    if !text.chars().any(&is_odd) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_odd(c) {
            // Writing to a String can't fail.
            let _ = replace(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_a_reader_is_shown_by_its_number() {
        for (text, shown) in [
            ("team/app:v1", "team/app:v1"),
            ("équipe/שלום 🚀", "équipe/שלום 🚀"),
            ("v1\u{1b}[2J", "v1[U+001B][2J"),
            ("v1\n\r\t\u{7f}", "v1[U+000A][U+000D][U+0009][U+007F]"),
            ("\u{9b}31m", "[U+009B]31m"),
            ("v1\u{202e}gpj.exe", "v1[U+202E]gpj.exe"),
            ("a\u{200b}\u{feff}\u{2066}\u{e0041}", "a[U+200B][U+FEFF][U+2066][U+E0041]"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert_eq!(lines("a\u{1b}\nb"), "a[U+001B]\nb");
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({ "tag": "v\u{9b}1\u{202e}\u{e0041}é", "list": [1] });
        let text = format!("{value:#}\n");
        let shown = json(&text);
        assert!(shown.lines().all(|shown| line(shown) == shown), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
