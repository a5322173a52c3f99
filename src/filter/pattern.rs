//! Regular expressions: RE2's syntax and meaning, over an automaton of bounded size.
//!
//! Rust's usual parser reads the text; what it would read otherwise than RE2 is refused or rewritten first.

mod re2;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use parking_lot::Mutex;
use regex_automata::dfa::{Automaton, StartKind, dense, sparse};
use regex_automata::hybrid::dfa::{Cache, DFA as LazyDfa};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::start;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::lower::fixed_ends;
pub(super) use re2::{BadPattern, parse};

/// Bytes of one compiled regular expression.
const SIZE_LIMIT: usize = 64 << 10;

/// A regular expression, ready to run. Equal texts are equal patterns.
#[derive(Clone)]
pub(super) struct Pattern(Arc<Inner>);

struct Inner {
    text: Box<str>,
    /// The beginning and the end of every value that matches; empty if unknown.
    ends: (Box<str>, Box<str>),
    engine: Engine,
}

enum Engine {
    /// All states are made beforehand: a run allocates and locks nothing.
    Whole(Box<sparse::DFA<Vec<u8>>>),
    /// States are made as they are needed, in a space of bounded size.
    Lazy(Box<LazyDfa>, Box<Mutex<Cache>>),
}

/// A regular expression that needs more memory than a filter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Pattern {
    /// Builds the automaton for `hir`, which `text` was parsed to.
    pub(super) fn new(text: &str, hir: &Hir) -> Result<Self, TooLarge> {
        if least_size(hir) > SIZE_LIMIT {
            return Err(TooLarge);
        }
        let config = thompson::Config::new()
            .utf8(true)
            .shrink(false)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(SIZE_LIMIT));
        let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir).map_err(|_| TooLarge)?;
        let engine = match Self::whole(&nfa) {
            Some(dfa) => Engine::Whole(Box::new(dfa)),
            None => Self::lazy(nfa)?,
        };
        let (prefix, suffix) = fixed_ends(hir);
        Ok(Self(Arc::new(Inner { text: text.into(), ends: (prefix.into(), suffix.into()), engine })))
    }

    fn whole(nfa: &thompson::NFA) -> Option<sparse::DFA<Vec<u8>>> {
        let config = dense::Config::new()
            .accelerate(false)
            .minimize(false)
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(SIZE_LIMIT))
            .determinize_size_limit(Some(SIZE_LIMIT));
        let dense = dense::Builder::new().configure(config).build_from_nfa(nfa).ok()?;
        let sparse = dense.to_sparse().ok()?;
        let start = start::Config::new().anchored(Anchored::No);
        sparse.start_state(&start).is_ok().then_some(sparse)
    }

    fn lazy(nfa: thompson::NFA) -> Result<Engine, TooLarge> {
        let config = LazyDfa::config().cache_capacity(SIZE_LIMIT).skip_cache_capacity_check(true);
        let dfa = LazyDfa::builder().configure(config).build_from_nfa(nfa).map_err(|_| TooLarge)?;
        let cache = dfa.create_cache();
        Ok(Engine::Lazy(Box::new(dfa), Box::new(Mutex::new(cache))))
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.0.text
    }

    /// What every value in which it is found begins with.
    pub(super) fn prefix(&self) -> &str {
        &self.0.ends.0
    }

    /// What every value in which it is found ends with.
    pub(super) fn suffix(&self) -> &str {
        &self.0.ends.1
    }

    /// Whether it is found anywhere in `value`.
    pub(super) fn is_match(&self, value: &str) -> bool {
        let input = Input::new(value).earliest(true);
        // Neither engine can fail: no byte makes it quit, and the lazy one never gives up.
        match &self.0.engine {
            Engine::Whole(dfa) => dfa.try_search_fwd(&input).is_ok_and(|end| end.is_some()),
            Engine::Lazy(dfa, cache) => {
                let mut cache = cache.lock();
                dfa.try_search_fwd(&mut cache, &input).is_ok_and(|end| end.is_some())
            }
        }
    }

    /// Whether its states are all known beforehand.
    #[cfg(test)]
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.0.engine, Engine::Whole(_))
    }

    /// Bytes of the automaton, as many as there may be.
    pub(super) fn memory(&self) -> usize {
        match &self.0.engine {
            Engine::Whole(dfa) => dfa.memory_usage(),
            Engine::Lazy(dfa, cache) => {
                let cache = cache.lock().memory_usage();
                dfa.memory_usage() + cache.max(SIZE_LIMIT)
            }
        }
    }
}

/// Bytes that the automaton has at least, by far: what would burst the limit is seen before it is built.
/// As deep as the parentheses of the text, which [`parse`] bounds.
fn least_size(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => 8 * literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Capture(capture) => least_size(&capture.sub),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.max(1));
            least_size(&repetition.sub).saturating_mul(times as usize)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(0, |sum, part| sum.saturating_add(least_size(part)))
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text()).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Pattern {}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text().cmp(other.text())
    }
}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text, &parse(text).unwrap().hir).unwrap()
    }

    #[test]
    fn finds_anywhere_unless_anchored() {
        for (text, value, found) in [
            ("b", "abc", true),
            ("^b", "abc", false),
            ("c$", "abc", true),
            ("", "", true),
            ("a.c", "a\nc", false),
            ("^.$", "é", true),
            (r"\bv1\b", "a-v1", true),
            (r"\bv1\b", "av1", false),
            (r"\bv1\b", "év1", true),
            ("(?i)RELEASE", "release", true),
            (r"^\w+$", "é", false),
            (r"^\W$", "é", true),
            (r"^\d$", "٣", false),
            (r"^\s$", "\u{b}", false),
            (r"^\S$", "\u{b}", true),
            (r"^[\s]$", " ", true),
            (r"^[^\d]$", "é", true),
            (r"(?i)^\w$", "\u{212a}", true),
            (r"\B", "a\u{f1}b", false),
            (r"(?s)a.c", "a\nc", true),
            (r"(?m)^b$", "a\nb\nc", true),
            (r"^\p{Greek}$", "α", true),
            (r"^\pL$", "é", true),
            (r"^[[:alpha:]]$", "é", false),
        ] {
            assert_eq!(pattern(text).is_match(value), found, "{text} in {value:?}");
        }
    }

    #[test]
    fn most_are_small_and_whole() {
        let version = pattern(r"^v\d+\.\d+\.\d+$");
        assert!(version.is_whole());
        assert!(version.memory() < 2048, "{}", version.memory());
    }

    #[test]
    fn what_grows_becomes_lazy_and_stays_bounded() {
        let grows = pattern(r"[ab]*a[ab]{12}c");
        assert!(!grows.is_whole());
        let value: String = (0..20_000_u32).map(|i| if i * i % 7 < 3 { 'a' } else { 'b' }).collect();
        assert!(!grows.is_match(&value));
        assert!(grows.is_match(&format!("{value}aababababababc")));
        assert!(grows.memory() < 4 * SIZE_LIMIT, "{}", grows.memory());
    }

    #[test]
    fn what_is_too_large_is_refused() {
        for text in [r"(a{1000}){1000}", r"(\pL{100}){100}"] {
            assert!(Pattern::new(text, &parse(text).unwrap().hir).is_err(), "{text}");
        }
    }
}
