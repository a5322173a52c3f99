//! Text to tokens: CEL's, with every form of a string.

use std::borrow::Cow;

use super::error::{FilterError, Reason, Span, shorten};

/// One token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    End,
    Ident(&'a str),
    Text(Cow<'a, str>),
    /// Without its sign, which is an operator.
    Int(u64),
    Sign(&'static str),
}

/// Signs of CEL, those that filters lack too, so that they can be named; longer ones first.
const SIGNS: [&str; 30] = [
    "===", "&&", "||", "==", "!=", "<=", ">=", "=~", "<>", "<", ">", "!", "(", ")", "[", "]", ",", ".", "-",
    "+", "*", "/", "%", "?", ":", "{", "}", "=", "&", "|",
];

/// Reads one token after the other.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next token; `End` for ever at the end.
    pub(super) fn next(&mut self) -> Result<Token<'a>, FilterError> {
        self.skip_blank();
        let start = self.at;
        if start == self.text.len() {
            return Ok(Token { kind: Kind::End, span: Span::new(start, start) });
        }
        let kind = match self.byte(0) {
            b'0'..=b'9' => self.number()?,
            b'"' | b'\'' => self.string(false)?,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word()?,
            _ => self.sign()?,
        };
        Ok(Token { kind, span: Span::new(start, self.at) })
    }

    fn skip_blank(&mut self) {
        loop {
            match self.byte(0) {
                b' ' | b'\t' | b'\r' | b'\n' | 0x0c => self.at += 1,
                b'/' if self.byte(1) == b'/' => {
                    self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at);
                }
                _ => return,
            }
        }
    }

    fn skip(&mut self, is: impl Fn(u8) -> bool) {
        self.at += self.text[self.at..].bytes().take_while(|b| is(*b)).count();
    }

    fn word(&mut self) -> Result<Kind<'a>, FilterError> {
        let start = self.at;
        self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
        let word = &self.text[start..self.at];
        if !matches!(self.byte(0), b'"' | b'\'') {
            return Ok(Kind::Ident(word));
        }
        match word {
            "r" | "R" => self.string(true),
            "b" | "B" | "rb" | "rB" | "Rb" | "RB" | "br" | "bR" | "Br" | "BR" => {
                Err(self.not_supported(start, "bytes are not part of filters; write a string"))
            }
            _ => Ok(Kind::Ident(word)),
        }
    }

    fn number(&mut self) -> Result<Kind<'a>, FilterError> {
        let start = self.at;
        let radix = if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') { 16 } else { 10 };
        if radix == 16 {
            self.at += 2;
        }
        let digits = self.at;
        self.skip(|b| if radix == 16 { b.is_ascii_hexdigit() } else { b.is_ascii_digit() });
        let digits = &self.text[digits..self.at];
        let float = self.byte(0) == b'.' && self.byte(1).is_ascii_digit();
        if radix == 10 && (float || matches!(self.byte(0), b'e' | b'E')) {
            self.skip(|b| b.is_ascii_alphanumeric() || b == b'.');
            return Err(self.not_supported(start, "only whole numbers are part of filters"));
        }
        if matches!(self.byte(0), b'u' | b'U') {
            self.at += 1;
            return Err(
                self.not_supported(start, "unsigned numbers are not part of filters; leave out the 'u'")
            );
        }
        if digits.is_empty() || self.byte(0).is_ascii_alphanumeric() || self.byte(0) == b'_' {
            self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
            return Err(self.invalid(start, "not a number"));
        }
        u64::from_str_radix(digits, radix).map(Kind::Int).map_err(|_| too_large(self.text, start, self.at))
    }

    fn sign(&mut self) -> Result<Kind<'a>, FilterError> {
        let start = self.at;
        let rest = &self.text[start..];
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.at += sign.len();
            return Ok(Kind::Sign(sign));
        }
        self.at += rest.chars().next().map_or(0, char::len_utf8);
        let found = self.text[start..self.at].escape_debug().to_string();
        Err(self.invalid(start, &format!("unexpected '{found}'")))
    }

    /// A string literal, from its quotes on.
    fn string(&mut self, raw: bool) -> Result<Kind<'a>, FilterError> {
        let opens = self.at;
        let quote = self.byte(0);
        let close = if quote == b'"' { "\"\"\"" } else { "'''" };
        let long = self.text[opens..].starts_with(close);
        let close = if long { close } else { &close[..1] };
        self.at += close.len();
        let content = self.at;
        let mut decoded: Option<String> = None;
        let unclosed = |end| {
            let error = FilterError::invalid(Reason::Syntax, format!("unclosed string; expected {close}"));
            Err(error.expected([close]).at(self.text, Span::new(opens, end)))
        };
        // Without an end in sight there is nothing to decode, however long it goes on.
        if !self.text[content..].contains(close) && !self.text[content..].contains(['\n', '\r']) {
            return unclosed(self.text.len());
        }
        loop {
            let rest = &self.text[self.at..];
            // All of them are ASCII, so a byte that looks like one is one.
            let plain = rest.bytes().position(|b| b == quote || matches!(b, b'\\' | b'\n' | b'\r'));
            let plain = plain.unwrap_or(rest.len());
            if plain > 0 {
                self.take(plain, &mut decoded);
                continue;
            }
            let Some(next) = rest.chars().next() else { return unclosed(self.at) };
            if rest.starts_with(close) {
                break;
            }
            if !long && matches!(next, '\n' | '\r') {
                let place = Span::new(self.at, self.at + 1);
                let message = "line break in a string; write \\n, or three quotes around it";
                return Err(FilterError::invalid(Reason::Syntax, message)
                    .found("line break")
                    .at(self.text, place));
            }
            if raw || next != '\\' {
                self.take(next.len_utf8(), &mut decoded);
                continue;
            }
            let (c, length) = escape(rest).map_err(|length| self.bad_escape(length))?;
            decoded.get_or_insert_with(|| self.text[content..self.at].to_owned()).push(c);
            self.at += length;
        }
        let plain = &self.text[content..self.at];
        self.at += close.len();
        Ok(Kind::Text(decoded.map_or(Cow::Borrowed(plain), Cow::Owned)))
    }

    /// Goes on by `length` bytes of a string that stand for themselves.
    fn take(&mut self, length: usize, decoded: &mut Option<String>) {
        if let Some(decoded) = decoded {
            decoded.push_str(&self.text[self.at..self.at + length]);
        }
        self.at += length;
    }

    fn bad_escape(&self, length: usize) -> FilterError {
        let end = self.at + length;
        let shown = shorten(&self.text[self.at..end]).into_owned();
        let message =
            format!("unknown escape '{shown}' in a string; a backslash is written \\\\, or use r\"…\"");
        FilterError::invalid(Reason::Syntax, message).at(self.text, Span::new(self.at, end))
    }

    fn invalid(&self, start: usize, message: &str) -> FilterError {
        FilterError::invalid(Reason::Syntax, message).at(self.text, Span::new(start, self.at))
    }

    fn not_supported(&self, start: usize, message: &str) -> FilterError {
        FilterError::invalid(Reason::NotSupported, message).at(self.text, Span::new(start, self.at))
    }
}

/// An int that does not fit 64 bits.
pub(super) fn too_large(text: &str, start: usize, end: usize) -> FilterError {
    FilterError::invalid(Reason::BadValue, "the number does not fit in 64 bits")
        .at(text, Span::new(start, end))
}

/// The character that an escape at the start of `text` stands for and the escape's length in bytes,
/// or the length of what is none.
fn escape(text: &str) -> Result<(char, usize), usize> {
    let kind = text[1..].chars().next().ok_or(1_usize)?;
    let (skip, digits, radix) = match kind {
        'x' | 'X' => (2, 2, 16),
        'u' => (2, 4, 16),
        'U' => (2, 8, 16),
        '0'..='3' => (1, 3, 8),
        _ => return simple_escape(kind).map(|c| (c, 2)).ok_or(1 + kind.len_utf8()),
    };
    let taken = text[skip..].chars().take(digits).take_while(|c| c.is_digit(radix)).count();
    let length = skip + taken;
    if taken < digits {
        return Err(length);
    }
    u32::from_str_radix(&text[skip..length], radix)
        .ok()
        .and_then(char::from_u32)
        .map(|c| (c, length))
        .ok_or(length)
}

const fn simple_escape(kind: char) -> Option<char> {
    Some(match kind {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' | '?' | '"' | '\'' | '`' => kind,
        _ => return None,
    })
}

/// Where the bytes `from..to` of a string's value stand in its literal, which begins at byte `literal`.
pub(super) fn inside(text: &str, literal: usize, from: usize, to: usize) -> Span {
    let bytes = text.as_bytes();
    let raw = matches!(bytes.get(literal), Some(b'r' | b'R'));
    let opens = literal + usize::from(raw);
    let quotes = &text[opens..];
    let long = quotes.starts_with("\"\"\"") || quotes.starts_with("'''");
    let mut at = opens + if long { 3 } else { 1 };
    let mut decoded = 0;
    let mut start = at;
    while decoded < to {
        if decoded <= from {
            start = at;
        }
        let rest = &text[at..];
        let (c, length) = match rest.chars().next() {
            Some('\\') if !raw => escape(rest).unwrap_or(('\\', 1)),
            Some(c) => (c, c.len_utf8()),
            None => break,
        };
        decoded += c.len_utf8();
        at += length;
    }
    if from >= to { Span::new(at, at) } else { Span::new(start, at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Kind<'_> {
        Lexer::new(text).next().unwrap().kind
    }

    fn fault(text: &str) -> FilterError {
        Lexer::new(text).next().unwrap_err()
    }

    #[test]
    fn strings_in_every_form() {
        for (text, value) in [
            (r#""a""#, "a"),
            ("'a'", "a"),
            ("'''a'b''c'''", "a'b''c"),
            ("\"\"\"a\n\"b\"\"\"", "a\n\"b"),
            (r"r'\d'", r"\d"),
            (r#"R"\n""#, r"\n"),
            (r"'\x41\u0041\U0001F431\101\`\?'", "AA\u{1F431}A`?"),
            (r"'\a\b\f\n\r\t\v\\'", "\x07\x08\x0c\n\r\t\x0b\\"),
            ("''", ""),
        ] {
            assert_eq!(one(text), Kind::Text(value.into()), "{text}");
        }
    }

    #[test]
    fn strings_that_are_none() {
        for (text, offset, length) in [
            ("'a", 0, 2),
            ("'''a''", 0, 6),
            (r"'a\q'", 2, 2),
            (r"'\x4'", 1, 3),
            (r"'\ud800'", 1, 6),
            ("'a\n'", 2, 1),
        ] {
            let error = fault(text);
            assert_eq!(
                (error.reason, error.offset, error.length),
                (Some(Reason::Syntax), offset, length),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(one("0x1F"), Kind::Int(31));
        assert_eq!(one("18446744073709551615"), Kind::Int(u64::MAX));
        assert_eq!(fault("18446744073709551616").reason, Some(Reason::BadValue));
        for text in ["1.5", "1e3", "1u", "0x1u"] {
            assert_eq!(fault(text).reason, Some(Reason::NotSupported), "{text}");
        }
        for text in ["0x", "1a"] {
            assert_eq!(fault(text).reason, Some(Reason::Syntax), "{text}");
        }
    }

    #[test]
    fn a_place_inside_a_string_is_found_back() {
        let text = r"x '\u0041é\n('";
        assert_eq!(inside(text, 2, 4, 5), Span::new(13, 14));
        assert_eq!(inside(text, 2, 0, 1), Span::new(3, 9));
        assert_eq!(inside("r'ab'", 0, 1, 2), Span::new(3, 4));
    }
}
