//! What a regular expression runs as: an automaton all of whose states are known beforehand.

use parking_lot::Mutex;
use regex_automata::dfa::{Automaton as _, StartKind, dense, sparse};
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA as LazyDfa};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::start;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Class, Dot, Hir, HirKind, Look, Repetition};

use super::TooLarge;
use crate::filter::meter::SEARCH;

/// Bytes of one compiled regular expression.
pub(super) const SIZE_LIMIT: usize = 64 << 10;
/// Bytes of its states and of their table while they are worked out, which bounds the time: some milliseconds.
const STATES_LIMIT: usize = 64 << 10;
const TABLE_LIMIT: usize = 512 << 10;
/// Bytes up to which the table is kept as it is: it is four times as fast as one without gaps.
const DENSE_LIMIT: usize = 4 << 10;

/// What one byte costs without a table, next to a byte with one; and one state more that is made at run time.
const SPARSE_STEP: u64 = 4;
const NEW_STATE: u64 = 256;

pub(super) enum Automaton {
    Dense(Box<dense::DFA<Vec<u32>>>),
    /// Without gaps, and what a byte costs.
    Sparse(Box<sparse::DFA<Vec<u8>>>, u64),
    /// States are made as they are needed, in a space of bounded size, for what was stored before there was a bound on
    /// the whole; and what a new one costs.
    Lazy(Box<LazyDfa>, Box<Mutex<Cache>>, u64),
}

impl Automaton {
    /// One with all of its states; they are worked out in a bounded time.
    ///
    /// # Errors
    ///
    /// There are too many of them.
    pub(super) fn whole(hir: &Hir) -> Result<Self, TooLarge> {
        let nfa = if is_wide(hir) && !splits(hir) { nfa(&anywhere(hir.clone())) } else { nfa(hir) };
        let config = dense::Config::new()
            .accelerate(false)
            .minimize(false)
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(TABLE_LIMIT))
            .determinize_size_limit(Some(STATES_LIMIT));
        let dense = dense::Builder::new().configure(config).build_from_nfa(&nfa?).map_err(|_| TooLarge)?;
        if dense.memory_usage() <= DENSE_LIMIT {
            return Ok(Self::Dense(Box::new(dense)));
        }
        let step = SPARSE_STEP + dense.byte_classes().alphabet_len() as u64 / 8;
        let sparse = dense.to_sparse().map_err(|_| TooLarge)?;
        let fits = sparse.memory_usage() <= SIZE_LIMIT && sparse.start_state(&start()).is_ok();
        if fits { Ok(Self::Sparse(Box::new(sparse), step)) } else { Err(TooLarge) }
    }

    /// One that makes states as it runs.
    ///
    /// # Errors
    ///
    /// It is too large all the same.
    pub(super) fn lazy(hir: &Hir) -> Result<Self, TooLarge> {
        let nfa = nfa(hir)?;
        let state = NEW_STATE + 4 * nfa.states().len() as u64;
        let config = LazyDfa::config().cache_capacity(SIZE_LIMIT).skip_cache_capacity_check(true);
        let dfa = LazyDfa::builder().configure(config).build_from_nfa(nfa).map_err(|_| TooLarge)?;
        let cache = dfa.create_cache();
        Ok(Self::Lazy(Box::new(dfa), Box::new(Mutex::new(cache)), state))
    }

    pub(super) const fn is_whole(&self) -> bool {
        !matches!(self, Self::Lazy(..))
    }

    /// Whether it is found anywhere in `value`, and what that costs.
    pub(super) fn search(&self, value: &str) -> (bool, u64) {
        let length = value.len() as u64;
        let input = Input::new(value).earliest(true);
        // No engine can fail: no byte makes it quit, and the lazy one never gives up.
        match self {
            Self::Dense(dfa) => (dfa.try_search_fwd(&input).is_ok_and(|end| end.is_some()), SEARCH + length),
            Self::Sparse(dfa, step) => {
                (dfa.try_search_fwd(&input).is_ok_and(|end| end.is_some()), SEARCH + step * length)
            }
            Self::Lazy(dfa, cache, state) => {
                let (found, made) = search_lazily(dfa, &mut cache.lock(), value).unwrap_or_default();
                (found, SEARCH + SPARSE_STEP * length + made * state)
            }
        }
    }

    /// Bytes, as many as there may be.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Dense(dfa) => dfa.memory_usage(),
            Self::Sparse(dfa, _) => dfa.memory_usage(),
            Self::Lazy(dfa, cache, _) => dfa.memory_usage() + cache.lock().memory_usage().max(SIZE_LIMIT),
        }
    }
}

fn start() -> start::Config {
    start::Config::new().anchored(Anchored::No)
}

fn nfa(hir: &Hir) -> Result<NFA, TooLarge> {
    if least_size(hir) > SIZE_LIMIT {
        return Err(TooLarge);
    }
    let config = thompson::Config::new()
        // As in RE2, `\B` holds between the bytes of one character.
        .utf8(false)
        .shrink(false)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(SIZE_LIMIT));
    thompson::Compiler::new().configure(config).build_from_hir(hir).map_err(|_| TooLarge)
}

/// Whether it is found, and how many states were made for that.
fn search_lazily(dfa: &LazyDfa, cache: &mut Cache, value: &str) -> Option<(bool, u64)> {
    let mut made = 0;
    let mut step = |cache: &mut Cache, next: &dyn Fn(&mut Cache) -> Option<LazyStateID>| {
        let before = cache.memory_usage();
        let state = next(cache)?;
        // What is thrown away for room changes it too.
        made += u64::from(cache.memory_usage() != before);
        Some(state)
    };
    let mut state = step(cache, &|cache| dfa.start_state(cache, &start()).ok())?;
    for byte in value.bytes() {
        state = step(cache, &|cache| dfa.next_state(cache, state, byte).ok())?;
        if state.is_match() || state.is_dead() {
            return Some((state.is_match(), made));
        }
    }
    state = step(cache, &|cache| dfa.next_eoi_state(cache, state).ok())?;
    Some((state.is_match(), made))
}

/// Whether it may match between two bytes of one character: where it takes none, and `\B` holds.
fn splits(hir: &Hir) -> bool {
    let properties = hir.properties();
    properties.minimum_len() == Some(0) && properties.look_set().contains(Look::WordAsciiNegate)
}

/// Whether it may match characters of several bytes.
fn is_wide(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) => false,
        HirKind::Class(class) => class.maximum_len().is_some_and(|bytes| bytes > 1),
        HirKind::Capture(capture) => is_wide(&capture.sub),
        HirKind::Repetition(repetition) => is_wide(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(is_wide),
    }
}

/// The same behind any text, and not behind any bytes: so no state of its has to begin within a character, which makes
/// some automata ten times as small.
fn anywhere(hir: Hir) -> Hir {
    if hir.properties().look_set_prefix().contains(Look::Start) {
        return hir;
    }
    let any = Repetition { min: 0, max: None, greedy: false, sub: Box::new(Hir::dot(Dot::AnyChar)) };
    Hir::concat(vec![Hir::look(Look::Start), Hir::repetition(any), hir])
}

/// Bytes that the automaton has at least, by far: what would burst the limit is seen before it is built.
/// As deep as the parentheses of the text, which [`super::parse`] bounds.
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
