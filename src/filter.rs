//! The filter language. A filter is checked when a client sends it, and is cheap to run on every event.
//!
//! An expression is a strict part of CEL; the JSON shorthand becomes the same conditions. A text goes through
//! `lex → parse → check → canon → program`. Equal filters have one canonical form. Everything here is pure: no clock, no
//! globals, no randomness, and no recursion that the limits don't bound first.

mod build;
mod cache;
mod canon;
mod check;
mod condition;
mod error;
mod explain;
mod expr;
mod fields;
mod glob;
mod index;
mod ints;
mod lex;
mod limits;
mod lower;
mod meter;
mod parse;
mod pattern;
mod print;
mod program;
mod shorthand;

#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value;

use crate::event::Attributes;

use build::{Builder, Effort};
pub use cache::FilterCache;
use canon::Canon;
pub use error::Code;
pub(crate) use error::FilterError;
#[cfg(test)]
use error::Reason;
pub(crate) use explain::Explanation;
use explain::Source;
pub(crate) use index::BroadFilters;
pub use index::{FilterId, Index};
use meter::Bill;
pub use meter::{Account, SearchBudget};
use program::Program;

/// Settings of all filters of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The prefix of a type's short name in `event_type`.
    pub event_type_prefix: String,
    /// Bytes of one filter's text, at most 16 KiB.
    pub max_text: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { event_type_prefix: "yandex.cloud.events.containerregistry.".to_owned(), max_text: 2048 }
    }
}

impl Options {
    fn text_limit(&self) -> usize {
        self.max_text.min(limits::TEXT)
    }
}

/// An accepted filter. It can't fail, and is cheap to clone.
///
/// Filters are equal if their canonical forms are. Equal filters match the same events; filters that match the same events
/// are not always found to be equal.
#[derive(Clone)]
pub struct Filter(Arc<Inner>);

struct Inner {
    canonical: Box<str>,
    canon: Canon,
    program: Program,
    searches: bool,
    /// Why it would be refused today.
    outdated: Option<FilterError>,
    /// What clients wrote: several if filters were joined, all of which must hold.
    sources: Vec<Arc<Source>>,
}

impl Filter {
    /// Reads an expression, or a shorthand object if the text starts with `{`. Nothing but blanks is `true`.
    ///
    /// # Errors
    ///
    /// At the first place that can't be read, has a wrong name or type, or exceeds a limit.
    pub fn parse(text: &str, options: &Options) -> Result<Self, FilterError> {
        Self::parse_into(text, options, &mut Builder::new(options, Effort::Whole))
    }

    /// Reads a filter in a JSON message: `true`, an expression or a shorthand object. `null` is `true`.
    ///
    /// # Errors
    ///
    /// As [`Filter::parse`]; a fault in an object has a pointer.
    pub fn from_json(value: &Value, options: &Options) -> Result<Self, FilterError> {
        Self::read_into(value, options, &mut Builder::new(options, Effort::Whole))
    }

    /// The same where it was stored already: a regular expression that would be refused today, for its size or its syntax,
    /// is kept as it was read then, which [`Self::outdated`] tells.
    ///
    /// # Errors
    ///
    /// As [`Filter::from_json`].
    pub fn from_stored(value: &Value, options: &Options) -> Result<Self, FilterError> {
        Self::read_into(value, options, &mut Builder::new(options, Effort::Stored))
    }

    /// The same where that is a matter of microseconds; `None` where an automaton has to be built for it. A text is read
    /// as by [`Filter::parse`].
    ///
    /// # Errors
    ///
    /// As [`Filter::parse`] and [`Filter::from_json`], as far as it came.
    pub fn quickly(wanted: &Value, options: &Options) -> Result<Option<Self>, FilterError> {
        let mut builder = Builder::new(options, Effort::Little);
        let filter = match wanted {
            Value::String(text) => Self::parse_into(text, options, &mut builder),
            wanted => Self::read_into(wanted, options, &mut builder),
        };
        if builder.deferred { Ok(None) } else { filter.map(Some) }
    }

    /// Reads what a client sent: a text as by [`Filter::parse`], anything else as by [`Filter::from_json`].
    ///
    /// # Errors
    ///
    /// As those.
    pub fn read(wanted: &Value, options: &Options) -> Result<Self, FilterError> {
        wanted.as_str().map_or_else(|| Self::from_json(wanted, options), |text| Self::parse(text, options))
    }

    fn parse_into(text: &str, options: &Options, builder: &mut Builder<'_>) -> Result<Self, FilterError> {
        check_length(text, options)?;
        if text.trim_start().starts_with('{') {
            let value = serde_json::from_str(text).map_err(|error| shorthand::bad_json(text, &error))?;
            shorthand::read(&value, builder)?;
            return Self::build(value.as_str().unwrap_or_default(), builder);
        }
        let nodes = parse::parse(text)?;
        check::check(text, &nodes, builder, None)?;
        Self::build(text, builder)
    }

    fn read_into(value: &Value, options: &Options, builder: &mut Builder<'_>) -> Result<Self, FilterError> {
        match value {
            Value::String(text) => check_length(text, options)?,
            value => {
                let mut room = Room(options.text_limit());
                serde_json::to_writer(&mut room, value)
                    .map_err(|_| limits::too_long(options.text_limit()).point(""))?;
            }
        }
        shorthand::read(value, builder)?;
        Self::build(value.as_str().unwrap_or_default(), builder)
    }

    fn build(text: &str, builder: &mut Builder<'_>) -> Result<Self, FilterError> {
        let expr = std::mem::take(&mut builder.expr);
        expr.finish(text)?;
        let canon = expr.canon();
        Self::of(canon, vec![Arc::new(Source { text: text.into(), expr })], builder.outdated.take())
    }

    fn of(
        canon: Canon,
        sources: Vec<Arc<Source>>,
        outdated: Option<FilterError>,
    ) -> Result<Self, FilterError> {
        if cost(&canon) > limits::COST {
            return Err(limits::too_expensive());
        }
        let canonical = print::filter(&canon).into();
        let program = Program::new(&canon);
        let searches = program.searches();
        let mut large = program.patterns.iter().filter(|pattern| !pattern.is_whole());
        let outdated = outdated.or_else(|| Some(limits::too_large_pattern().found(large.next()?.text())));
        Ok(Self(Arc::new(Inner { canonical, canon, program, searches, outdated, sources })))
    }

    /// The filter that every event passes.
    pub fn all() -> Self {
        let canon = Canon::Constant(true);
        let program = Program::new(&canon);
        Self(Arc::new(Inner {
            canonical: "true".into(),
            canon,
            program,
            searches: false,
            outdated: None,
            sources: Vec::new(),
        }))
    }

    /// The filter of the events that pass both: what a reader asks for, and what it may read.
    ///
    /// # Errors
    ///
    /// `filter_too_expensive` if the two cost too much together.
    pub fn and(&self, other: &Self) -> Result<Self, FilterError> {
        if other.0.canon == Canon::Constant(true) {
            return Ok(self.clone());
        }
        let sources = self.0.sources.iter().chain(&other.0.sources).cloned().collect();
        let outdated = [self, other].iter().find_map(|filter| filter.0.outdated.clone());
        Self::of(Canon::all([self.0.canon.clone(), other.0.canon.clone()]), sources, outdated)
    }

    /// The filter as an expression in canonical form. Parsing it gives an equal filter.
    pub fn canonical(&self) -> &str {
        &self.0.canonical
    }

    /// Whether the event passes. Allocates nothing.
    pub fn matches(&self, event: &Attributes) -> bool {
        self.0.program.run(event, &mut Bill::new(None, 0))
    }

    /// The same where `payer` pays for what it searches in the event of this number; `None` when its account is used up.
    pub fn matches_on(&self, event: &Attributes, payer: &Account, number: u64) -> Option<bool> {
        let mut bill = Bill::new(Some(payer), number);
        let passes = self.0.program.run(event, &mut bill);
        (!bill.refused).then_some(passes)
    }

    /// Whether it searches texts, which costs by their length: the others only compare.
    pub fn searches(&self) -> bool {
        self.0.searches
    }

    /// What its conditions cost every event, although it only compares: many of them, in a filter that no index can serve.
    pub(crate) fn comparing(&self) -> u64 {
        let conditions = meter::conditions(self.0.program.conditions());
        if conditions > 0 && self.is_broad() { conditions } else { 0 }
    }

    /// Bytes of its automata; those that make their states as they run are few, and left out.
    pub fn memory(&self) -> usize {
        let whole = self.0.program.patterns.iter().filter(|pattern| pattern.is_whole());
        whole.map(pattern::Pattern::memory).sum()
    }

    /// Its refusal where the automata of one principal's filters have as many bytes as they may.
    pub(crate) fn no_room(most: usize) -> FilterError {
        limits::no_room(most)
    }

    /// Why it would be refused today; it was stored before.
    pub fn outdated(&self) -> Option<FilterError> {
        self.0.outdated.clone()
    }

    /// The condition that decides the event, in the order in which the client wrote them.
    pub fn explain(&self, event: &Attributes) -> Explanation {
        let mut first = None;
        for source in &self.0.sources {
            let explanation = source.explain(event);
            if !explanation.matched {
                return explanation;
            }
            first.get_or_insert(explanation);
        }
        first.unwrap_or_else(|| Source { text: "".into(), expr: expr::Expr::default() }.explain(event))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.canonical()).finish()
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.0.canonical == other.0.canonical
    }
}

impl Eq for Filter {}

impl Hash for Filter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.canonical.hash(state);
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.canonical())
    }
}

fn check_length(text: &str, options: &Options) -> Result<(), FilterError> {
    let limit = options.text_limit();
    if text.len() <= limit {
        return Ok(());
    }
    // The place is the end of the room; nothing looks at what lies behind it.
    let end = text.floor_char_boundary(limit);
    Err(limits::too_long(limit).at(&text[..end], error::Span::new(end, end)))
}

/// Counts the bytes of a JSON value, up to a limit.
struct Room(usize);

impl std::io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| std::io::Error::other("too long"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Units of work that an event costs at most. As deep as the filter, which is bounded.
fn cost(canon: &Canon) -> usize {
    match canon {
        Canon::Constant(_) => 0,
        Canon::Condition(condition) => condition.test.cost(),
        Canon::All(parts) | Canon::Any(parts) => parts.iter().map(cost).sum(),
    }
}
