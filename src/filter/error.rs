//! Why a filter was refused, and where.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde_json::{Map, Value, json};

/// What kind of refusal it is, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not an expression of the language; [`Fault::reason`] says more.
    InvalidFilter,
    /// More text than the settings allow.
    FilterTooLong,
    /// Too many conditions, levels, items or regular expressions.
    FilterTooComplex,
    /// One regular expression needs more memory than a filter may have.
    RegexTooLarge,
    /// Would cost too much for every event.
    FilterTooExpensive,
    /// No index can serve it, and its cloud has as many such filters as it may.
    FilterTooBroad,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 6] = [
        Self::InvalidFilter,
        Self::FilterTooLong,
        Self::FilterTooComplex,
        Self::RegexTooLarge,
        Self::FilterTooExpensive,
        Self::FilterTooBroad,
    ];

    /// The code as it stands in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalid_filter",
            Self::FilterTooLong => "filter_too_long",
            Self::FilterTooComplex => "filter_too_complex",
            Self::RegexTooLarge => "regex_too_large",
            Self::FilterTooExpensive => "filter_too_expensive",
            Self::FilterTooBroad => "filter_too_broad",
        }
    }
}

/// What is wrong with an invalid filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It can't be read.
    Syntax,
    /// No field has that name.
    UnknownName,
    /// A string where an int is wanted, and the like.
    WrongType,
    /// CEL, but not part of filters.
    NotSupported,
    /// The regular expression can't be read.
    BadRegex,
    /// A value that can't stand there.
    BadValue,
}

impl Reason {
    /// The reason as it stands in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::UnknownName => "unknown_name",
            Self::WrongType => "wrong_type",
            Self::NotSupported => "not_supported",
            Self::BadRegex => "bad_regex",
            Self::BadValue => "bad_value",
        }
    }
}

/// What a [`FilterError`] holds.
///
/// A fault in an expression has a place in its text. One in a shorthand object has a pointer; where
/// the fault lies within an expression inside the object it has both, and the place counts from that
/// expression's start. Without a place, `line` is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind of refusal.
    pub code: Code,
    /// A sentence for people.
    pub message: String,
    /// What is wrong, for `invalid_filter`.
    pub reason: Option<Reason>,
    /// Code points before the place.
    pub offset: usize,
    /// Code points of the place.
    pub length: usize,
    /// Line of the place, from 1.
    pub line: usize,
    /// Code point in that line, from 1.
    pub column: usize,
    /// JSON pointer into a shorthand object.
    pub pointer: Option<String>,
    /// What was found there.
    pub found: Option<String>,
    /// What was probably meant.
    pub hint: Option<String>,
    /// What could stand there.
    pub expected: Vec<String>,
}

/// A refused filter: code, message, place, hint. Its fields are those of [`Fault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError(Box<Fault>);

impl Deref for FilterError {
    type Target = Fault;

    fn deref(&self) -> &Fault {
        &self.0
    }
}

impl DerefMut for FilterError {
    fn deref_mut(&mut self) -> &mut Fault {
        &mut self.0
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FilterError {}

/// Bytes of the text, from and to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this to the end of `other`.
    pub(super) const fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

impl FilterError {
    fn with(code: Code, reason: Option<Reason>, message: String) -> Self {
        Self(Box::new(Fault {
            code,
            message,
            reason,
            offset: 0,
            length: 0,
            line: 0,
            column: 0,
            pointer: None,
            found: None,
            hint: None,
            expected: Vec::new(),
        }))
    }

    /// An invalid filter, its place still to be told.
    pub(super) fn invalid(reason: Reason, message: impl Into<String>) -> Self {
        Self::with(Code::InvalidFilter, Some(reason), message.into())
    }

    /// A filter over a limit, its place still to be told.
    pub(super) fn over(code: Code, message: impl Into<String>) -> Self {
        Self::with(code, None, message.into())
    }

    pub(super) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn expected<T: Into<String>>(mut self, expected: impl IntoIterator<Item = T>) -> Self {
        self.expected = expected.into_iter().map(Into::into).collect();
        self
    }

    /// Where it is. What was found is the text there, unless told otherwise.
    pub(super) fn at(mut self, text: &str, span: Span) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let place = text.get(span.start..span.end).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.offset = before.chars().count();
        self.length = place.chars().count();
        self.line = 1 + before.bytes().filter(|b| *b == b'\n').count();
        self.column = 1 + before[line_start..].chars().count();
        if self.found.is_none() && !place.is_empty() {
            self.found = Some(shorten(place).into_owned());
        }
        self
    }

    /// Which part of a shorthand object.
    pub(super) fn point(mut self, pointer: &str) -> Self {
        if self.pointer.is_none() {
            self.pointer = Some(pointer.to_owned());
        }
        self
    }

    /// The `details` object of the error that a client sees.
    pub fn details(&self) -> Value {
        let mut details = Map::new();
        if let Some(reason) = self.reason {
            details.insert("reason".into(), reason.as_str().into());
        }
        if let Some(pointer) = &self.pointer {
            details.insert("pointer".into(), pointer.as_str().into());
        }
        if self.line > 0 {
            details.insert("line".into(), self.line.into());
            details.insert("column".into(), self.column.into());
            details.insert("offset".into(), self.offset.into());
            details.insert("length".into(), self.length.into());
        }
        for (key, value) in [("found", &self.found), ("hint", &self.hint)] {
            if let Some(value) = value {
                details.insert(key.into(), value.as_str().into());
            }
        }
        if !self.expected.is_empty() {
            details.insert("expected".into(), json!(self.expected));
        }
        Value::Object(details)
    }

    /// The line of `text` that holds the place and carets under the place; empty without a place.
    pub fn caret(&self, text: &str) -> String {
        let Some(line) =
            self.line.checked_sub(1).map(|index| text.split('\n').nth(index).unwrap_or_default())
        else {
            return String::new();
        };
        // Tabs are kept, so that the carets stand right whatever a tab is wide.
        let indent: String =
            line.chars().take(self.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let room = line.chars().count().saturating_sub(self.column - 1);
        let carets = "^".repeat(self.length.min(room).max(1));
        format!("{}\n{indent}{carets}", line.trim_end_matches('\r'))
    }
}

/// At most 64 code points of what a hostile text may hold, for a message.
pub(super) fn shorten(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_counts_code_points_and_lines() {
        let text = "é == 1 &&\n\tñ = 2";
        let start = text.find('=').map_or(0, |_| text.rfind('=').unwrap());
        let error = FilterError::invalid(Reason::Syntax, "x").at(text, Span::new(start, start + 1));
        assert_eq!((error.offset, error.length, error.line, error.column), (13, 1, 2, 4));
        assert_eq!(error.caret(text), "\tñ = 2\n\t  ^");
        assert_eq!(error.found.as_deref(), Some("="));
    }

    #[test]
    fn details_leave_out_what_is_not_told() {
        let error = FilterError::invalid(Reason::BadValue, "x").point("/tag");
        assert_eq!(error.details(), json!({"reason": "bad_value", "pointer": "/tag"}));
        assert_eq!(error.caret("abc"), "");
    }
}
