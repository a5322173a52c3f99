//! Makes conditions of a field, an operator and literals, for expressions and for the shorthand.

use crate::event::EventType;

use super::canon::Canon;
use super::condition::{Test, TypeSet};
use super::error::{FilterError, Reason};
use super::expr::Expr;
use super::fields::{self, Name};
use super::limits;
use super::lower::{Comparison, lower};
use super::pattern::{self, BadPattern, Pattern, Reading, TooLarge};
use super::{Options, glob};

/// What a condition tests: a field, or a literal, which makes the condition a constant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    Field(Name),
    Literal(&'a str),
}

/// What is done for regular expressions, which alone cost more than microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Nothing: where there is one, the filter is deferred.
    Little,
    /// Each gets its whole automaton, or is refused.
    Whole,
    /// Those without a whole automaton are taken too.
    Stored,
}

/// One filter in the making.
pub(super) struct Builder<'o> {
    options: &'o Options,
    effort: Effort,
    pub(super) expr: Expr,
    patterns: usize,
    /// More effort is needed; whatever it failed with is no fault.
    pub(super) deferred: bool,
    /// Why a part that was stored would be refused today.
    pub(super) outdated: Option<FilterError>,
}

/// Why a regular expression is refused. The place of one that can't be read is in its text.
pub(super) enum PatternFault {
    Bad(BadPattern),
    Limit(FilterError),
}

impl From<PatternFault> for FilterError {
    fn from(fault: PatternFault) -> Self {
        match fault {
            PatternFault::Bad(bad) => {
                Self::invalid(Reason::BadRegex, format!("regular expression: {}", bad.message))
            }
            PatternFault::Limit(error) => error,
        }
    }
}

impl<'o> Builder<'o> {
    pub(super) fn new(options: &'o Options, effort: Effort) -> Self {
        Self { options, effort, expr: Expr::default(), patterns: 0, deferred: false, outdated: None }
    }

    /// True of an event for which one of the tests holds. No test is on types or ints.
    pub(super) fn any(&self, subject: Subject<'_>, tests: Vec<Test>) -> Canon {
        let any = |value: &str| tests.iter().any(|test| test.holds(value));
        match subject {
            Subject::Literal(value) => Canon::Constant(any(value)),
            Subject::Field(Name::Type) => Self::types(|t| any(t.as_str())),
            Subject::Field(Name::EventType) => {
                let prefix = &self.options.event_type_prefix;
                Self::types(|t| any(&format!("{prefix}{t}")))
            }
            Subject::Field(name) => Canon::any(tests.into_iter().map(|test| Canon::of(name, test))),
        }
    }

    fn types(holds: impl Fn(EventType) -> bool) -> Canon {
        let types = TypeSet::of(EventType::ALL.into_iter().filter(|t| holds(*t)));
        Canon::of(Name::Type, Test::Types(types))
    }

    /// `name in texts`. An unknown type is an error.
    pub(super) fn one_of<'t>(
        &self,
        name: Name,
        texts: impl IntoIterator<Item = &'t str> + Clone,
    ) -> Result<Canon, FilterError> {
        if name == Name::Type
            && let Some(unknown) = texts.clone().into_iter().find(|t| t.parse::<EventType>().is_err())
        {
            return Err(fields::unknown_type(unknown));
        }
        Ok(self.any(Subject::Field(name), vec![Test::set(texts)]))
    }

    /// `subject.matches(text)`.
    pub(super) fn matches(&mut self, subject: Subject<'_>, text: &str) -> Result<Canon, PatternFault> {
        if text.len() > limits::PATTERN_BYTES {
            return Err(PatternFault::Limit(limits::too_long_pattern()));
        }
        self.count_pattern()?;
        self.pattern(subject, text, false)
    }

    /// `subject.matches(text)` of the whole value, unless the text says itself where it begins or ends. It is one by itself:
    /// what it leaves open is not closed by what is put around it.
    pub(super) fn matches_whole(&mut self, subject: Subject<'_>, text: &str) -> Result<Canon, PatternFault> {
        if text.len() > limits::PATTERN_BYTES {
            return Err(PatternFault::Limit(limits::too_long_pattern()));
        }
        match self.parse(text) {
            Err(fault) if self.effort == Effort::Stored => {
                self.outdated.get_or_insert_with(|| FilterError::from(fault).found(text));
            }
            parsed => drop(parsed?),
        }
        self.matches(subject, &pattern::whole(text))
    }

    /// A glob. It counts as a regular expression if it needs one.
    pub(super) fn glob(&mut self, name: Name, text: &str) -> Result<Canon, FilterError> {
        let regex = glob::to_regex(text, name)?;
        self.pattern(Subject::Field(name), &regex, true).map_err(FilterError::from)
    }

    fn count_pattern(&mut self) -> Result<(), PatternFault> {
        self.patterns += 1;
        if self.patterns > limits::PATTERNS {
            Err(PatternFault::Limit(limits::too_many_patterns()))
        } else {
            Ok(())
        }
    }

    /// Reads a regular expression; of what was stored also what is refused today.
    fn parse(&mut self, text: &str) -> Result<pattern::Parsed, PatternFault> {
        let strictly = pattern::parse(text, Reading::Strict).map_err(PatternFault::Bad);
        if self.effort != Effort::Stored || strictly.is_ok() {
            return strictly;
        }
        let Ok(of_old) = pattern::parse(text, Reading::Stored) else { return strictly };
        let refusal = strictly.err().map(|fault| FilterError::from(fault).found(text));
        self.outdated = std::mem::take(&mut self.outdated).or(refusal);
        Ok(of_old)
    }

    fn pattern(&mut self, subject: Subject<'_>, text: &str, glob: bool) -> Result<Canon, PatternFault> {
        let may_break = match subject {
            Subject::Field(name) => name.may_break(),
            Subject::Literal(_) => true,
        };
        let parsed = self.parse(text)?;
        if let Some(parts) = lower(&parsed.hir, may_break) {
            return Ok(self.any(
                subject,
                parts.into_iter().flat_map(|(comparison, texts)| plain(comparison, texts)).collect(),
            ));
        }
        if glob {
            if text.len() > limits::PATTERN_BYTES {
                return Err(PatternFault::Limit(limits::too_long_pattern()));
            }
            self.count_pattern()?;
        }
        let too_large = |TooLarge| PatternFault::Limit(limits::too_large_pattern());
        let pattern = match self.effort {
            Effort::Little => {
                self.deferred = true;
                Err(TooLarge)
            }
            Effort::Whole => Pattern::new(&parsed.text, &parsed.hir),
            Effort::Stored => Pattern::stored(&parsed.text, &parsed.hir),
        };
        let pattern = pattern.map_err(too_large)?;
        Ok(self.any(subject, vec![Test::Pattern { negated: false, pattern }]))
    }
}

/// The tests of a comparison with texts.
fn plain(comparison: Comparison, texts: Vec<String>) -> Vec<Test> {
    let each = |test: fn(Box<str>) -> Test| texts.iter().map(|text| test(text.as_str().into())).collect();
    match comparison {
        Comparison::Equal => vec![Test::set(texts)],
        Comparison::Prefix => each(|text| Test::Prefix { negated: false, text }),
        Comparison::Suffix => each(|text| Test::Suffix { negated: false, text }),
        Comparison::Contained => each(|text| Test::Contained { negated: false, text }),
    }
}
