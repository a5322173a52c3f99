use std::cmp::Ordering;

use regex_syntax::hir::{Class, ClassUnicode, Hir, Look};

use super::{BadPattern, Parser};

/// Whether a text ends between `\Q` and `\E`.
pub(super) fn ends_quoted(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('\\') {
        rest = match behind.strip_prefix('Q').map(|quoted| quoted.split_once(r"\E")) {
            Some(None) => return true,
            Some(Some((_, behind))) => behind,
            None => behind.get(behind.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default(),
        };
    }
    false
}

impl Parser<'_> {
    /// Whether a character may stand in the name of a group.
    pub(super) fn is_in_name(&mut self, c: char) -> bool {
        if c.is_ascii() {
            return c.is_ascii_alphanumeric() || c == '_';
        }
        ["L", "Mn", "Mc", "Nd", "Nl", "Pc"].into_iter().any(|name| {
            let ranges = self.set(name).map_or(&[][..], ClassUnicode::ranges);
            ranges
                .binary_search_by(|range| {
                    if range.end() < c {
                        Ordering::Less
                    } else if range.start() > c {
                        Ordering::Greater
                    } else {
                        Ordering::Equal
                    }
                })
                .is_ok()
        })
    }

    /// What stands behind a backslash at `start`, outside a class.
    pub(super) fn escape(&mut self, start: usize) -> Result<Hir, BadPattern> {
        self.at = start;
        if let Some(set) = self.set_escape()? {
            return Ok(Hir::class(Class::Unicode(set)));
        }
        let look = match self.rest().as_bytes().get(1) {
            Some(b'b') => Look::WordAscii,
            Some(b'B') => Look::WordAsciiNegate,
            Some(b'A') => Look::Start,
            Some(b'z') => Look::End,
            _ => {
                let code = self.code_point()?;
                return self.literal(code);
            }
        };
        self.at += 2;
        Ok(Hir::look(look))
    }

    /// The code point that an escape stands for; half of a pair is one as well, and no text has it.
    pub(super) fn code_point(&mut self) -> Result<u32, BadPattern> {
        let start = self.at;
        self.at += 1;
        let c = self.next().ok_or_else(|| self.bad_since(start, r"a '\' at the end escapes nothing"))?;
        let message = match c {
            'a' => return Ok(0x07),
            't' => return Ok(0x09),
            'n' => return Ok(0x0a),
            'v' => return Ok(0x0b),
            'f' => return Ok(0x0c),
            'r' => return Ok(0x0d),
            'x' => return self.hexadecimal(start),
            '0' => return Ok(self.octal(start)),
            '1'..='7' if self.peek().is_some_and(|c| c.is_digit(8)) => return Ok(self.octal(start)),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => return Ok(u32::from(c)),
            '1'..='9' | 'k' | 'g' => format!(r"'\{c}' would be a backreference, and RE2 has none"),
            'u' | 'U' => r"a code point is written \x{…} in RE2".to_owned(),
            'c' | 'e' | 'o' => {
                format!(r"unknown escape '\{c}'; RE2 has \x1b and \033 for a control character")
            }
            'Z' => r"unknown escape '\Z'; the end of the text is \z in RE2".to_owned(),
            'C' => r"'\C' is one byte in RE2, and a filter looks at characters; write (?s:.)".to_owned(),
            'E' => r"'\E' without '\Q'".to_owned(),
            c => format!(r"unknown escape '\{c}'; RE2 has none of that name"),
        };
        Err(self.bad_since(start, message))
    }

    /// One to three digits, the first of which is read.
    fn octal(&mut self, start: usize) -> u32 {
        let mut code = 0;
        self.at = start + 1;
        for _ in 0..3 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            code = 8 * code + digit;
            self.at += 1;
        }
        code
    }

    /// Two digits, or any number of them in braces.
    fn hexadecimal(&mut self, start: usize) -> Result<u32, BadPattern> {
        let is_braced = self.eat("{");
        let count = if is_braced { usize::MAX } else { 2 };
        let length = self.rest().bytes().take(count).take_while(u8::is_ascii_hexdigit).count();
        let digits = &self.rest()[..length];
        self.at += length;
        let is_whole = if is_braced { length > 0 && self.eat("}") } else { length == 2 };
        if !is_whole {
            self.next();
            return Err(self.bad_since(start, r"a code point is written \x41 or \x{…} in hexadecimal"));
        }
        let code = u32::from_str_radix(digits.trim_start_matches('0'), 16)
            .unwrap_or_else(|_| if digits.bytes().all(|digit| digit == b'0') { 0 } else { u32::MAX });
        if code > u32::from(char::MAX) {
            return Err(self.bad_since(start, "no code point is greater than 10FFFF"));
        }
        Ok(code)
    }
}
