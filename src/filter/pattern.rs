//! Regular expressions: RE2's syntax and meaning, over an automaton of bounded size.

mod automaton;
mod re2;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex_syntax::hir::Hir;

use super::lower::fixed_ends;
use automaton::Automaton;
pub(super) use re2::{BadPattern, Parsed, Reading, parse, whole};

/// A regular expression, ready to run. Equal texts are equal patterns.
#[derive(Clone)]
pub(super) struct Pattern(Arc<Inner>);

struct Inner {
    text: Box<str>,
    /// The beginning and the end of every value that matches; empty if unknown.
    ends: (Box<str>, Box<str>),
    automaton: Automaton,
}

/// A regular expression that needs more memory than a filter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Pattern {
    /// Builds the automaton for `hir`, which `text` was parsed to.
    ///
    /// # Errors
    ///
    /// It has no whole automaton within the bound.
    pub(super) fn new(text: &str, hir: &Hir) -> Result<Self, TooLarge> {
        Ok(Self::of(text, hir, Automaton::whole(hir)?))
    }

    /// The same where it was stored already: without a whole automaton, its states are made while it runs.
    ///
    /// # Errors
    ///
    /// It is too large even so.
    pub(super) fn stored(text: &str, hir: &Hir) -> Result<Self, TooLarge> {
        Ok(Self::of(text, hir, Automaton::whole(hir).or_else(|TooLarge| Automaton::lazy(hir))?))
    }

    fn of(text: &str, hir: &Hir, automaton: Automaton) -> Self {
        let (prefix, suffix) = fixed_ends(hir);
        Self(Arc::new(Inner { text: text.into(), ends: (prefix.into(), suffix.into()), automaton }))
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
        self.search(value).0
    }

    /// The same, and what that costs.
    pub(super) fn search(&self, value: &str) -> (bool, u64) {
        self.0.automaton.search(value)
    }

    /// Whether its states are all known beforehand.
    pub(super) fn is_whole(&self) -> bool {
        self.0.automaton.is_whole()
    }

    /// Bytes of the automaton, as many as there may be.
    pub(super) fn memory(&self) -> usize {
        self.0.automaton.memory()
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

    /// What people write, and what comes close to the bound.
    const ACCEPTED: &[&str] = &[
        r"^v\d+\.\d+\.\d+$",
        "^team/[^/]*$",
        "^[^/]*/[^/]*/app-[^/]*$",
        "(?i)release-(candidate|final)-[0-9]+",
        r"\bv1\b",
        r"^[\w.-]{1,128}$",
        r"^.{1,63}$",
        r"^\pL+$",
        r"\pL+",
        r"^[\pL\pN]+-[\pL\pN]+$",
        r"^[^-]+-rc\.?\d*$",
        "^sha256:[0-9a-f]{64}$",
        "[0-9a-f]{7,40}",
        r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])",
        "^.*rc.*dev.*x.*$",
        r"^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?:(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$",
        "[ab]*a[ab]{8}c",
        "(?i)[a-z]?[a-z]?[a-z]?[a-z]?[a-z]?[a-z]?[a-z]?[a-z]?x",
    ];

    fn strict(text: &str) -> re2::Parsed {
        parse(text, Reading::Strict).unwrap()
    }

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text, &strict(text).hir).unwrap()
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
            // It looks at bytes, as RE2 does.
            (r"\B", "a\u{f1}b", true),
            (r"\B", "a", false),
            (r"\B", "", true),
            (r"a\Bb|\B", "xy\u{f1}z", true),
            (r"\B\pL|\B", "a\u{f1}b", true),
            (r"a\B", "a\u{f1}", false),
            ("\\B\u{f1}", "a\u{f1}", false),
            ("\u{f1}\\B", "a\u{f1}", true),
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
    fn what_grows_is_refused_and_what_was_stored_is_lazy_and_bounded() {
        let text = r"[ab]*a[ab]{12}c";
        let hir = strict(text).hir;
        assert_eq!(Pattern::new(text, &hir).unwrap_err(), TooLarge);
        let grows = Pattern::stored(text, &hir).unwrap();
        assert!(!grows.is_whole());
        let value: String = (0..20_000_u32).map(|i| if i * i % 7 < 3 { 'a' } else { 'b' }).collect();
        assert!(!grows.is_match(&value));
        assert!(grows.is_match(&format!("{value}aababababababc")));
        assert!(grows.memory() < 256 << 10, "{}", grows.memory());
        // Where nothing repeats, many a byte makes a state, which costs more than a byte.
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 31 == 0 { 'a' } else { 'b' }
        };
        let value: String = (0..20_000).map(|_| next()).collect();
        assert!(grows.search(&value).1 > 50 * value.len() as u64, "{}", grows.search(&value).1);
        assert!(Pattern::stored("a+b", &strict("a+b").hir).unwrap().is_whole());
    }

    /// The whole automaton is the bound itself: what a text costs is its length, whatever stands in it.
    #[test]
    fn what_is_accepted_makes_no_states_and_costs_by_length_alone() {
        for text in ACCEPTED {
            let pattern = pattern(text);
            assert!(pattern.is_whole() && pattern.memory() <= 64 << 10, "{text}: {}", pattern.memory());
            let mut state = 1_u32;
            let mut random = |alphabet: &[u8]| -> String {
                let mut next = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    alphabet[(state >> 16) as usize % alphabet.len()] as char
                };
                (0..256).map(|_| next()).collect()
            };
            let costs = [random(b"ab"), random(b"ab.-v019"), "a".repeat(256)].map(|v| pattern.search(&v).1);
            assert!(costs.iter().all(|cost| *cost == costs[0] && *cost <= 64 * 256), "{text}: {costs:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        for text in [
            r"(\pL{100}){10}",
            "(a|b)*a(a|b){12}",
            "(?:aa|ab|ba)*a(?:aa|ab|ba){9}",
            "a.{100}b",
            "(?i)a[a-z]{20}b",
            r"\w*x\w{14}y",
        ] {
            assert!(Pattern::new(text, &strict(text).hir).is_err(), "{text}");
        }
    }
}
