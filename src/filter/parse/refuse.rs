//! What the parser says of things that can't stand where they stand.

use super::super::fields::closest;
use super::{Frame, Function, Kind, Parser};
use crate::filter::error::{FilterError, Reason, Span};

/// Words and signs of other languages, and CEL's.
const OPERATORS: [(&str, &str); 18] = [
    ("=", "=="),
    ("===", "=="),
    ("<>", "!="),
    ("&", "&&"),
    ("|", "||"),
    ("=~", "matches"),
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("is", "=="),
    ("eq", "=="),
    ("ne", "!="),
    ("like", "matches"),
    ("in", "in"),
    ("startswith", "startsWith"),
    ("endswith", "endsWith"),
    ("contains", "contains"),
    ("matches", "matches"),
];

const MACROS: [&str; 11] = [
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "map",
    "filter",
    "transformList",
    "transformMap",
    "transformMapEntry",
    "sortBy",
    "reduce",
];

impl Parser<'_> {
    /// Whether an operand could begin here.
    pub(super) fn begins_operand(&self) -> bool {
        matches!(
            self.token.kind,
            Kind::Ident(_) | Kind::Text(_) | Kind::Int(_) | Kind::Sign("(" | "[" | "!" | "-")
        ) && self.token.kind != Kind::Ident("in")
    }

    /// The current token is not `expected`.
    pub(super) fn unexpected_here(&self, expected: &str) -> FilterError {
        let span = self.token.span;
        let message = match self.token.kind {
            Kind::End => format!("unexpected end; expected {expected}"),
            _ => format!("unexpected '{}'; expected {expected}", self.shown(span)),
        };
        self.unexpected(span, message).expected([expected])
    }

    pub(super) fn unexpected_operand(&self) -> FilterError {
        let span = self.token.span;
        match self.token.kind {
            Kind::Sign("{") => self.refuse(span, "objects {…} are not part of expressions"),
            Kind::Sign("+" | "*" | "/" | "%") => self.refuse(span, "arithmetic is not part of filters"),
            Kind::Sign("?") => self.refuse(span, "optional values are not part of filters"),
            _ => match self.frames.last() {
                Some(Frame::List(..)) => self.unexpected_here("a literal or ']'"),
                Some(Frame::Call { .. }) => self.unexpected_here("an argument"),
                Some(Frame::Binary { op: super::Binary::In, .. }) => {
                    self.unexpected_here("a list, such as [\"v1\",\"v2\"]")
                }
                Some(Frame::Binary { op: super::Binary::Related(_), .. }) => {
                    self.unexpected_here("a field or a literal")
                }
                _ => self.unexpected_here("a condition"),
            },
        }
    }

    /// An operator was expected, or the end of what is open.
    pub(super) fn unexpected_operator(&self) -> FilterError {
        let span = self.token.span;
        match self.token.kind {
            Kind::Sign("?") => self
                .refuse(span, "'? :' is not part of filters; for 'a ? b : c' write 'a && b || !a && c'")
                .hint("a && b || !a && c"),
            Kind::Sign("+" | "-" | "*" | "/" | "%") => self.refuse(span, "arithmetic is not part of filters"),
            Kind::Sign("[") => self.refuse(span, "an index [ ] is not part of filters"),
            Kind::Sign("{") => self.refuse(span, "objects {…} are not part of expressions"),
            Kind::Sign(word) | Kind::Ident(word) => self.foreign(word).unwrap_or_else(|| self.unclosed()),
            _ => self.unclosed(),
        }
    }

    /// The operator that CEL has for a word of other languages.
    fn foreign(&self, word: &str) -> Option<FilterError> {
        let (_, operator) = OPERATORS.iter().find(|(foreign, _)| foreign.eq_ignore_ascii_case(word))?;
        let message = match *operator {
            "==" if word == "=" => "unexpected '='; to compare write '=='".to_owned(),
            "startsWith" | "endsWith" | "contains" | "matches" => {
                format!("unexpected '{word}'; write 'field.{operator}(\"…\")'")
            }
            "!" => format!("unexpected '{word}'; write '!' before the condition, in parentheses"),
            operator => format!("unexpected '{word}'; write '{operator}'"),
        };
        Some(self.unexpected(self.token.span, message).hint(*operator))
    }

    fn unclosed(&self) -> FilterError {
        // Operators have been reduced, so what is on top is open.
        match self.frames.last() {
            Some(Frame::Paren(_)) => self.unexpected_here("')'"),
            Some(Frame::Call { .. }) => self.unexpected_here("',' or ')'"),
            Some(Frame::List(..)) => self.unexpected_here("',' or ']'"),
            _ => self.unexpected_here("'&&', '||' or the end"),
        }
    }

    pub(super) fn unknown_function(&self, name: &str, span: Span) -> FilterError {
        let shown = self.shown(span);
        if MACROS.contains(&name) {
            let message = format!(
                "'{shown}' is not part of filters; write the cases with '||', or a list in the shorthand"
            );
            return self.refuse(span, message).hint("||");
        }
        let known = [
            Function::StartsWith,
            Function::EndsWith,
            Function::Contains,
            Function::Matches,
            Function::Size,
            Function::Has,
        ]
        .map(Function::as_str);
        let likely = closest(name, known.iter().map(|known| (*known, *known)));
        let message = match likely {
            Some(likely) => format!("unknown function '{shown}'; did you mean '{likely}'?"),
            None => format!("function '{shown}' is not part of filters; functions are {}", known.join(", ")),
        };
        let error = FilterError::invalid(Reason::NotSupported, message);
        let error = match likely {
            Some(likely) => error.hint(likely),
            None => error,
        };
        error.expected(known).at(self.text, span)
    }
}
