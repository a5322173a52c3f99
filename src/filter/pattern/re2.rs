//! From text to the tree that automata are built from, as RE2 reads it (<https://github.com/google/re2/wiki/Syntax>).
//!
//! What a regular expression is made of is read here; classes, escapes and the names of properties below. RE2 takes a few
//! texts that mean something else elsewhere, or nothing; those are refused, and `docs/filters.md` lists them.

mod class;
mod escape;
mod property;

use std::borrow::Cow;
use std::collections::HashMap;

use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, Look, Repetition};

/// Parentheses within each other, of one regular expression.
const NEST_LIMIT: u32 = 40;
/// RE2's own limit for `{n,m}`, and for those within each other together.
const REPEAT_LIMIT: u32 = 1000;
/// Code points in classes under `(?i)`, each of which is looked up: about 300 µs.
const FOLD_LIMIT: u32 = 1 << 16;

/// A regular expression that can't be read, and which bytes of it are at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::filter) struct BadPattern {
    pub(in crate::filter) message: String,
    pub(in crate::filter) start: usize,
    pub(in crate::filter) end: usize,
}

/// What a text was read as.
#[derive(Clone, Debug)]
pub(in crate::filter) struct Parsed {
    pub(in crate::filter) hir: Hir,
    /// The text without a group around everything between `^` and `$`, which changes nothing.
    pub(in crate::filter) text: String,
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) enum Reading {
    /// As RE2 does.
    Strict,
    /// With what was once taken beyond RE2, or otherwise than there, as it was read then: more repetitions within each other,
    /// counts with blanks and zeros before them or without the first number, other spellings of names, and dashes at
    /// the beginning of a class.
    Stored,
}

/// Reads `text`.
///
/// # Errors
///
/// RE2 refuses it, or one of the few that are refused here alone.
pub(in crate::filter) fn parse(text: &str, reading: Reading) -> Result<Parsed, BadPattern> {
    let mut parser = Parser {
        text,
        at: 0,
        reading,
        flags: Flags::default(),
        sets_flags: false,
        depth: 0,
        captures: 0,
        folded: 0,
        sets: HashMap::new(),
        plain: Vec::new(),
    };
    let (all, _) = parser.alternatives()?;
    match parser.peek() {
        None => Ok(Parsed { hir: all.hir, text: parser.unwrapped() }),
        Some(_) => Err(parser.bad("unopened group", parser.at, parser.at + 1)),
    }
}

/// A regular expression for the whole value, unless it says itself where it begins or ends.
pub(in crate::filter) fn whole(text: &str) -> Cow<'_, str> {
    let is_quoted = escape::ends_quoted(text);
    let escapes = text.strip_suffix('$').map(|head| head.len() - head.trim_end_matches('\\').len());
    let ends = !is_quoted && escapes.is_some_and(|count| count % 2 == 0);
    if text.starts_with('^') || ends {
        return text.into();
    }
    format!("^(?:{text}{})$", if is_quoted { r"\E" } else { "" }).into()
}

/// A part, and the largest product of the counts within each other in it.
struct Part {
    hir: Hir,
    times: u32,
}

impl Part {
    fn of(hir: Hir) -> Self {
        Self { hir, times: 1 }
    }
}

/// What `(?ims)` sets. `U` and `?` behind an operator say which of several matches counts, and there is none to choose here.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    fold: bool,
    lines: bool,
    dots: bool,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    reading: Reading,
    flags: Flags,
    /// Whether flags were set for the rest of the group that is read.
    sets_flags: bool,
    depth: u32,
    captures: u32,
    folded: u32,
    /// Sets by name, each of which takes tens of microseconds to be found.
    sets: HashMap<&'t str, Option<ClassUnicode>>,
    /// Groups that do nothing but hold one alternative together: where they begin and end.
    plain: Vec<(usize, usize)>,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        self.at += if is_next { text.len() } else { 0 };
        is_next
    }

    fn bad(&self, message: impl Into<String>, start: usize, end: usize) -> BadPattern {
        BadPattern { message: message.into(), start, end: end.min(self.text.len()) }
    }

    /// The same of what was just read.
    fn bad_since(&self, start: usize, message: impl Into<String>) -> BadPattern {
        self.bad(message, start, self.at)
    }

    /// Up to the end of the group, and whether it is one alternative that sets no flags.
    fn alternatives(&mut self) -> Result<(Part, bool), BadPattern> {
        let mut times = 1;
        let mut branches = Vec::new();
        loop {
            let branch = self.sequence()?;
            times = times.max(branch.times);
            branches.push(branch.hir);
            if !self.eat("|") {
                break;
            }
        }
        let is_one = branches.len() == 1;
        Ok((Part { hir: Hir::alternation(branches), times }, is_one && !self.sets_flags))
    }

    fn sequence(&mut self) -> Result<Part, BadPattern> {
        let mut parts: Vec<Part> = Vec::new();
        // Whether an operator stands right before.
        let mut repeats = false;
        while let Some(c) = self.peek() {
            if matches!(c, '|' | ')') {
                break;
            }
            let start = self.at;
            let count = match c {
                '*' | '+' | '?' => {
                    self.at += 1;
                    Some((u32::from(c == '+'), (c == '?').then_some(1)))
                }
                '{' => self.count()?,
                _ => None,
            };
            if let Some((min, max)) = count {
                self.eat("?");
                if repeats {
                    let message = "repetition of a repetition; put the inner one into (?:…)";
                    return Err(self.bad_since(start, message));
                }
                let part = parts.pop();
                let part =
                    part.ok_or_else(|| self.bad_since(start, "repetition operator missing expression"))?;
                parts.push(self.repeated(part, min, max, start)?);
            } else if self.eat(r"\Q") {
                self.quoted(&mut parts)?;
            } else {
                parts.extend(self.atom()?);
            }
            repeats = count.is_some();
        }
        let times = parts.iter().map(|part| part.times).max().unwrap_or(1);
        Ok(Part { hir: Hir::concat(parts.into_iter().map(|part| part.hir).collect()), times })
    }

    /// A part as often as the operator says that began at `start`.
    fn repeated(&self, part: Part, min: u32, max: Option<u32>, start: usize) -> Result<Part, BadPattern> {
        if max.is_some_and(|max| max < min) {
            return Err(self.bad_since(start, "the first count is greater than the second"));
        }
        let most = max.unwrap_or(min);
        if most > REPEAT_LIMIT {
            return Err(self.bad_since(start, format!("repetition of more than {REPEAT_LIMIT}")));
        }
        let is_counted = self.text[start..].starts_with('{');
        let times = part.times.saturating_mul(if is_counted { most.max(1) } else { 1 });
        if times > REPEAT_LIMIT && self.reading == Reading::Strict {
            let message = format!("repetitions within each other of more than {REPEAT_LIMIT} in all");
            return Err(self.bad_since(start, message));
        }
        let repetition = Repetition { min, max, greedy: true, sub: Box::new(part.hir) };
        Ok(Part { hir: Hir::repetition(repetition), times })
    }

    /// The numbers of `{n}`, `{n,}` or `{n,m}`; `None` where the brace is one of the text.
    fn count(&mut self) -> Result<Option<(u32, Option<u32>)>, BadPattern> {
        let start = self.at;
        let Some((inner, _)) = self.rest()[1..].split_once('}') else { return Ok(None) };
        let (first, second) =
            inner.split_once(',').map_or((inner, None), |(first, second)| (first, Some(second)));
        let is_number = |text: &str| text.trim().bytes().all(|byte| byte.is_ascii_digit());
        let is_count = is_number(first)
            && second.is_none_or(is_number)
            && inner.bytes().any(|byte| byte.is_ascii_digit());
        if !is_count {
            return Ok(None);
        }
        self.at += inner.len() + 2;
        let is_exact = |text: &str| text.trim() == text && (text.len() < 2 || !text.starts_with('0'));
        if !(is_exact(first) && second.is_none_or(is_exact) && !first.is_empty())
            && self.reading == Reading::Strict
        {
            let message = format!(
                "a count is written {{2}}, {{2,}} or {{0,2}}, without blanks and zeros before it; RE2 takes '{{{inner}}}' as text: for \
                 that write \\{{{inner}}}"
            );
            return Err(self.bad_since(start, message));
        }
        let number = |text: &str| match text.trim() {
            "" => 0,
            text => text.parse().unwrap_or(u32::MAX),
        };
        let max = match second.map(str::trim) {
            None => Some(number(first)),
            Some("") => None,
            Some(second) => Some(number(second)),
        };
        Ok(Some((number(first), max)))
    }

    /// Characters up to `\E`, or to the end, as they are.
    fn quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), BadPattern> {
        while !self.eat(r"\E") {
            let Some(c) = self.next() else { break };
            parts.push(Part::of(self.literal(u32::from(c))?));
        }
        Ok(())
    }

    /// One thing to match; nothing where flags are set.
    fn atom(&mut self) -> Result<Option<Part>, BadPattern> {
        let start = self.at;
        let hir = match self.next() {
            Some('(') => return self.group(start),
            Some('[') => self.class(start)?,
            Some('\\') => self.escape(start)?,
            Some('.') => Hir::dot(if self.flags.dots { Dot::AnyChar } else { Dot::AnyCharExceptLF }),
            Some('^') => Hir::look(if self.flags.lines { Look::StartLF } else { Look::Start }),
            Some('$') => Hir::look(if self.flags.lines { Look::EndLF } else { Look::End }),
            Some(c) => self.literal(u32::from(c))?,
            None => Hir::empty(),
        };
        Ok(Some(Part::of(hir)))
    }

    fn literal(&mut self, code: u32) -> Result<Hir, BadPattern> {
        let Some(c) = char::from_u32(code) else { return Ok(Hir::fail()) };
        if !self.flags.fold {
            return Ok(Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes()));
        }
        let one = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
        Ok(Hir::class(Class::Unicode(self.folded(one, 1, self.at)?)))
    }

    /// A set with all that differs in case alone, where that makes no difference.
    fn folded(
        &mut self,
        mut set: ClassUnicode,
        count: u32,
        start: usize,
    ) -> Result<ClassUnicode, BadPattern> {
        if self.flags.fold {
            self.folded = self.folded.saturating_add(count);
            if self.folded > FOLD_LIMIT || set.try_case_fold_simple().is_err() {
                return Err(self.bad_since(start, "too many characters in classes under (?i)"));
            }
        }
        Ok(set)
    }

    /// A group, behind its parenthesis at `start`.
    fn group(&mut self, start: usize) -> Result<Option<Part>, BadPattern> {
        let (flags, sets_flags) = (self.flags, std::mem::take(&mut self.sets_flags));
        let mut is_capture = true;
        if self.eat("?") {
            is_capture = self.opening(start)?;
            if self.text.as_bytes()[self.at - 1] == b')' {
                self.sets_flags = true;
                return Ok(None);
            }
        }
        self.depth += 1;
        if self.depth > NEST_LIMIT {
            let message = format!("more than {NEST_LIMIT} parentheses within each other");
            return Err(self.bad(message, start, start + 1));
        }
        let index = self.captures + 1;
        self.captures += u32::from(is_capture);
        let (inner, is_plain) = self.alternatives()?;
        if !self.eat(")") {
            return Err(self.bad("unclosed group", start, start + 1));
        }
        self.depth -= 1;
        (self.flags, self.sets_flags) = (flags, sets_flags);
        if is_plain && self.text[start..].starts_with("(?:") {
            self.plain.push((start, self.at));
        }
        let hir = inner.hir;
        let hir =
            if is_capture { Hir::capture(Capture { index, name: None, sub: Box::new(hir) }) } else { hir };
        Ok(Some(Part { hir, times: inner.times }))
    }

    /// What stands behind `(?`, up to the `>`, `:` or `)` that ends it; whether a capture begins.
    fn opening(&mut self, start: usize) -> Result<bool, BadPattern> {
        for (opens, message) in [
            ("=", "look-around is not in RE2"),
            ("!", "look-around is not in RE2"),
            ("<=", "look-around is not in RE2"),
            ("<!", "look-around is not in RE2"),
            (">", "groups without a way back are not in RE2; leave out '?>'"),
            ("#", "comments are not in RE2"),
            ("|", "'(?|' is not in RE2"),
            ("P=", "backreferences are not in RE2"),
            ("P>", "recursion is not in RE2"),
            ("R", "recursion is not in RE2"),
            ("&", "recursion is not in RE2"),
            ("(", "conditions are not in RE2"),
        ] {
            if self.eat(opens) {
                return Err(self.bad_since(start, message));
            }
        }
        if self.eat("P<") || self.eat("<") {
            self.name()?;
            return Ok(true);
        }
        self.set_flags(start)?;
        Ok(false)
    }

    /// The name of a group, and the `>` behind it.
    fn name(&mut self) -> Result<(), BadPattern> {
        let start = self.at;
        let Some(length) = self.rest().find('>') else {
            return Err(self.bad("the name of a group has no '>' behind it", start, self.text.len()));
        };
        let name = &self.rest()[..length];
        self.at += length;
        let is_stored = self.reading == Reading::Stored;
        let is_of_old = |c: char| is_stored && matches!(c, '.' | '[' | ']');
        if name.is_empty() || !name.chars().all(|c| self.is_in_name(c) || is_of_old(c)) {
            return Err(self.bad_since(start, "the name of a group is of letters, digits and '_'"));
        }
        self.at += 1;
        Ok(())
    }

    /// Flags up to `:` or `)`.
    fn set_flags(&mut self, start: usize) -> Result<(), BadPattern> {
        let (mut on, mut minus, mut flags) = (true, None, self.flags);
        loop {
            let at = self.at;
            match self.next() {
                Some('i') => flags.fold = on,
                Some('m') => flags.lines = on,
                Some('s') => flags.dots = on,
                Some('U') => {}
                Some('-') if minus.is_none() => (on, minus) = (false, Some(self.at)),
                Some(':' | ')') if minus != Some(at) => {
                    self.flags = flags;
                    return Ok(());
                }
                Some('-' | ':' | ')') => return Err(self.bad_since(at, "no flag behind '-'")),
                Some(c) => {
                    return Err(self.bad_since(at, format!("unknown flag '{c}'; RE2 has i, m, s and U")));
                }
                None => return Err(self.bad("unclosed group", start, start + 1)),
            }
        }
    }

    /// The text with `^p$` in place of `^(?:p)$`, as often as it goes, where `p` is one alternative and sets no flags.
    fn unwrapped(&self) -> String {
        let (mut start, mut end) = (1, self.text.len().saturating_sub(1));
        while self.plain.contains(&(start, end)) {
            (start, end) = (start + 3, end - 1);
        }
        if start == 1 || !(self.text.starts_with('^') && self.text.ends_with('$')) {
            return self.text.to_owned();
        }
        format!("^{}$", &self.text[start..end])
    }
}

#[cfg(test)]
mod tests;
