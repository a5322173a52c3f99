use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

use super::{BadPattern, Parser, Reading, property};

/// What a category or script counts as under `(?i)`, being already sorted.
const FOLD_PROPERTY: u32 = 30_000;

type Ranges = &'static [(char, char)];

const DIGIT: Ranges = &[('0', '9')];
/// Without the vertical tab.
const SPACE: Ranges = &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')];
const WORD: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// Classes by name, as in `[[:alpha:]]`.
const NAMED: [(&str, Ranges); 14] = [
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("ascii", &[('\0', '\x7f')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", DIGIT),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", WORD),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

impl<'t> Parser<'t> {
    /// A class in brackets, behind the one at `start`.
    pub(super) fn class(&mut self, start: usize) -> Result<Hir, BadPattern> {
        let is_negated = self.eat("^");
        let mut all = ClassUnicode::empty();
        let mut is_first = true;
        if self.rest().starts_with("--") && !self.rest().starts_with("--]") {
            all = self.leading_dashes()?;
            is_first = false;
        }
        loop {
            match self.peek() {
                None => return Err(self.bad("unclosed character class", start, start + 1)),
                Some(']') if !is_first => break,
                Some(_) => is_first = false,
            }
            let item = match self.named_class()? {
                Some(item) => item,
                None => match self.set_escape()? {
                    Some(item) => item,
                    None => self.range()?,
                },
            };
            all.union(&item);
        }
        self.at += 1;
        if is_negated {
            all.negate();
        }
        Ok(Hir::class(Class::Unicode(all)))
    }

    /// What was once read as characters, and is the beginning of a range in RE2.
    fn leading_dashes(&mut self) -> Result<ClassUnicode, BadPattern> {
        let start = self.at;
        if self.reading == Reading::Strict {
            let message = r"RE2 takes '--' at the beginning of a class for a range from '-'; write \-";
            return Err(self.bad(message, start, start + 2));
        }
        while self.eat("-") {}
        self.folded(ClassUnicode::new([ClassUnicodeRange::new('-', '-')]), 1, start)
    }

    /// `\d`, `\pL` and their like; `None` where no such escape is next.
    pub(super) fn set_escape(&mut self) -> Result<Option<ClassUnicode>, BadPattern> {
        let start = self.at;
        let &[b'\\', letter, ..] = self.rest().as_bytes() else { return Ok(None) };
        let ranges = match letter.to_ascii_lowercase() {
            b'd' => DIGIT,
            b's' => SPACE,
            b'w' => WORD,
            b'p' => return self.property(start).map(Some),
            _ => return Ok(None),
        };
        self.at += 2;
        self.ranges(ranges, letter.is_ascii_uppercase(), start).map(Some)
    }

    /// `[:alpha:]`; `None` where nothing of the sort is next.
    fn named_class(&mut self) -> Result<Option<ClassUnicode>, BadPattern> {
        let start = self.at;
        let Some((name, _)) = self.rest().strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
            return Ok(None);
        };
        self.at += name.len() + 4;
        let (is_negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let Some((_, ranges)) = NAMED.iter().find(|(known, _)| *known == name) else {
            let names = NAMED.map(|(name, _)| name).join(", ");
            return Err(self.bad_since(start, format!("unknown class '[:{name}:]'; RE2 has {names}")));
        };
        self.ranges(ranges, is_negated, start).map(Some)
    }

    fn ranges(&mut self, ranges: Ranges, is_negated: bool, start: usize) -> Result<ClassUnicode, BadPattern> {
        let set = ClassUnicode::new(ranges.iter().map(|&(first, last)| ClassUnicodeRange::new(first, last)));
        let mut set = self.folded(set, 128, start)?;
        if is_negated {
            set.negate();
        }
        Ok(set)
    }

    /// The characters of a category or a script.
    pub(super) fn set(&mut self, name: &'t str) -> Option<&ClassUnicode> {
        let reading = self.reading;
        let loosely = || (reading == Reading::Stored).then(|| property::named_loosely(name))?;
        self.sets.entry(name).or_insert_with(|| property::named(name).or_else(loosely)).as_ref()
    }

    /// `\pL` or `\p{Greek}`, negated by `P` and by `^`.
    fn property(&mut self, start: usize) -> Result<ClassUnicode, BadPattern> {
        let text = self.text;
        let mut is_negated = text[start..].starts_with(r"\P");
        self.at += 2;
        let mut name = if self.eat("{") {
            let length = self.rest().find('}').unwrap_or(self.rest().len());
            self.at += length;
            let name = &text[self.at - length..self.at];
            self.eat("}");
            name
        } else {
            let at = self.at;
            self.next();
            &text[at..self.at]
        };
        if let Some(rest) = name.strip_prefix('^') {
            (is_negated, name) = (!is_negated, rest);
        }
        let Some(set) = self.set(name).cloned() else {
            let message = "unknown property; RE2 has categories and scripts, such as Lu and Greek";
            return Err(self.bad_since(start, message));
        };
        let mut set = self.folded(set, FOLD_PROPERTY, start)?;
        if is_negated {
            set.negate();
        }
        Ok(set)
    }

    /// A character, or two with `-` between.
    fn range(&mut self) -> Result<ClassUnicode, BadPattern> {
        let start = self.at;
        let first = self.class_character()?;
        let is_range = matches!(self.rest().as_bytes(), [b'-', behind, ..] if *behind != b']');
        let last = if is_range {
            self.at += 1;
            self.class_character()?
        } else {
            first
        };
        if last < first {
            let message = "invalid character class range, the start must be <= the end";
            return Err(self.bad_since(start, message));
        }
        // Between them may lie halves of pairs, which no text has.
        let parts = [(first, last.min(0xd7ff)), (first.max(0xe000), last)];
        let parts = parts.into_iter().filter_map(|(first, last)| {
            (first <= last).then_some(())?;
            Some(ClassUnicodeRange::new(char::from_u32(first)?, char::from_u32(last)?))
        });
        self.folded(ClassUnicode::new(parts), last - first, start)
    }

    fn class_character(&mut self) -> Result<u32, BadPattern> {
        match self.peek() {
            Some('\\') => self.code_point(),
            Some(c) => {
                self.at += c.len_utf8();
                Ok(u32::from(c))
            }
            None => Err(self.bad_since(self.at, "unclosed character class")),
        }
    }
}
