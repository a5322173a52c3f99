//! Turns a regular expression that says no more than `==`, `in`, `startsWith`, `endsWith` or `contains` into those.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Texts that one condition may list.
const SET_LIMIT: usize = 256;
/// Conditions that one regular expression may become.
const ANY_LIMIT: usize = 8;
/// Combinations of parts that each have several forms: beyond, the regular expression says it shorter.
const PRODUCT_LIMIT: usize = 15;
/// Bytes of all texts together.
const BYTES_LIMIT: usize = 16 << 10;

/// How a value compares with texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Prefix,
    Suffix,
    Contained,
}

/// Comparisons with texts; the whole is true if one of them is true of one of its texts.
pub(super) type PlainParts = Vec<(Comparison, Vec<String>)>;

/// Plain conditions with the meaning of `hir`, if there are any. If values `may_break`, a `.*` between an anchor and text
/// is a condition of its own, because it stops at line breaks.
pub(super) fn lower(hir: &Hir, may_break: bool) -> Option<PlainParts> {
    let branches = match hir.kind() {
        HirKind::Alternation(branches) => &branches[..],
        _ => std::slice::from_ref(hir),
    };
    // Branches that are texts alone make one set of texts.
    if let Some(texts) = texts(hir) {
        return bounded(vec![(Comparison::Contained, texts)]);
    }
    branches.iter().map(|branch| lower_one(branch, may_break)).collect::<Option<_>>().and_then(bounded)
}

fn bounded(parts: PlainParts) -> Option<PlainParts> {
    let conditions: usize = parts
        .iter()
        .map(|(comparison, texts)| if *comparison == Comparison::Equal { 1 } else { texts.len() })
        .sum();
    (conditions <= ANY_LIMIT).then_some(parts)
}

fn lower_one(hir: &Hir, may_break: bool) -> Option<(Comparison, Vec<String>)> {
    let parts = flatten(hir);
    let mut parts = &parts[..];
    let start = matches!(parts, [first, ..] if is_look(first, Look::Start));
    if start {
        parts = &parts[1..];
    }
    let end = matches!(parts, [.., last] if is_look(last, Look::End));
    if end {
        parts = &parts[..parts.len() - 1];
    }
    let (mut open_start, mut open_end) = (!start, !end);
    // Beside an open end, any run is as good as none; beside an anchor, it opens that end.
    while let [first, rest @ ..] = parts
        && let Some(all) = is_any_run(first)
    {
        if !open_start && may_break && !all {
            break;
        }
        open_start = true;
        parts = rest;
    }
    while let [rest @ .., last] = parts
        && let Some(all) = is_any_run(last)
    {
        if !open_end && may_break && !all {
            break;
        }
        open_end = true;
        parts = rest;
    }
    let texts = product(parts)?;
    Some(match (open_start, open_end) {
        (false, false) => (Comparison::Equal, texts),
        (false, true) => (Comparison::Prefix, texts),
        (true, false) => (Comparison::Suffix, texts),
        (true, true) => (Comparison::Contained, texts),
    })
}

/// The text right behind an anchor at the start, and the one right before an anchor at the end.
pub(super) fn fixed_ends(hir: &Hir) -> (String, String) {
    let parts = flatten(hir);
    let literal = |part: &&&Hir| matches!(part.kind(), HirKind::Literal(_));
    let join = |parts: &mut dyn Iterator<Item = &&Hir>| -> String {
        parts.flat_map(|part| texts(part).unwrap_or_default()).collect()
    };
    let mut ends = (String::new(), String::new());
    if let [first, rest @ ..] = &parts[..]
        && is_look(first, Look::Start)
    {
        ends.0 = join(&mut rest.iter().take_while(literal));
    }
    if let [rest @ .., last] = &parts[..]
        && is_look(last, Look::End)
    {
        let count = rest.iter().rev().take_while(literal).count();
        ends.1 = join(&mut rest[rest.len() - count..].iter());
    }
    ends
}

/// The parts of a concatenation, groups opened.
fn flatten(hir: &Hir) -> Vec<&Hir> {
    let mut parts = Vec::new();
    let mut rest = vec![hir];
    while let Some(part) = rest.pop() {
        match part.kind() {
            HirKind::Capture(capture) => rest.push(&capture.sub),
            HirKind::Concat(inner) => rest.extend(inner.iter().rev()),
            HirKind::Empty => {}
            _ => parts.push(part),
        }
    }
    parts
}

fn is_look(hir: &Hir, look: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(found) if *found == look)
}

/// Whether it is `.*`, and if so whether line breaks are among it.
fn is_any_run(hir: &Hir) -> Option<bool> {
    let HirKind::Repetition(repetition) = hir.kind() else { return None };
    if repetition.min != 0 || repetition.max.is_some() {
        return None;
    }
    let mut sub = &*repetition.sub;
    while let HirKind::Capture(capture) = sub.kind() {
        sub = &capture.sub;
    }
    let HirKind::Class(Class::Unicode(class)) = sub.kind() else { return None };
    let ranges: Vec<(char, char)> = class.ranges().iter().map(|range| (range.start(), range.end())).collect();
    match ranges[..] {
        [('\0', char::MAX)] => Some(true),
        [('\0', '\t'), ('\u{b}', char::MAX)] => Some(false),
        _ => None,
    }
}

/// Every text that the parts one after the other can be.
fn product(parts: &[&Hir]) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    for part in parts {
        let forms = texts(part)?;
        if all.len() > 1 && forms.len() > 1 && all.len() * forms.len() > PRODUCT_LIMIT {
            return None;
        }
        all = all.iter().flat_map(|head| forms.iter().map(move |tail| format!("{head}{tail}"))).collect();
        check_size(&all)?;
    }
    Some(all)
}

/// Every text that `hir` can match, if those are few and it asks nothing of what stands beside it.
///
/// As deep as the parentheses of the text, which [`super::pattern::parse`] bounds.
fn texts(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => Some(vec![std::str::from_utf8(&literal.0).ok()?.to_owned()]),
        HirKind::Class(Class::Unicode(class)) => {
            let count: usize = class.ranges().iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum();
            (count <= PRODUCT_LIMIT)
                .then(|| class.ranges().iter().flat_map(|r| r.start()..=r.end()).map(String::from).collect())
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) => None,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.filter(|max| *max <= 8)?;
            let form = &*repetition.sub;
            let mut all = Vec::new();
            for count in repetition.min..=times {
                all.extend(product(&vec![form; count as usize])?);
                check_size(&all)?;
            }
            (all.len() <= PRODUCT_LIMIT).then_some(all)
        }
        HirKind::Capture(capture) => texts(&capture.sub),
        HirKind::Concat(_) => product(&flatten(hir)),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(texts(branch)?);
                check_size(&all)?;
            }
            Some(all)
        }
    }
}

fn check_size(texts: &[String]) -> Option<()> {
    (texts.len() <= SET_LIMIT && texts.iter().map(String::len).sum::<usize>() <= BYTES_LIMIT).then_some(())
}
