//! The canonical form as an expression: what was understood.

use std::fmt::Write as _;

use super::canon::Canon;
use super::condition::{Condition, Test, TypeSet};
use super::ints::IntSet;

/// Points of a set of ints that are listed rather than bounded.
const POINTS_LIMIT: u64 = 256;

/// The filter as text. Parsed again it is the same canonical form.
pub(super) fn filter(canon: &Canon) -> String {
    let mut out = String::new();
    write_canon(&mut out, canon, Context::Whole);
    out
}

/// What a part stands in, which decides on its parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Whole,
    All,
    Any,
}

/// As deep as the filter, which is bounded.
fn write_canon(out: &mut String, canon: &Canon, context: Context) {
    match canon {
        Canon::Constant(constant) => out.push_str(if *constant { "true" } else { "false" }),
        Canon::Condition(condition) => write_condition(out, condition, context),
        Canon::All(parts) => join(out, parts, " && ", |out, part| write_canon(out, part, Context::All)),
        Canon::Any(parts) => {
            let parentheses = context == Context::All;
            out.push_str(if parentheses { "(" } else { "" });
            join(out, parts, " || ", |out, part| write_canon(out, part, Context::Any));
            out.push_str(if parentheses { ")" } else { "" });
        }
    }
}

fn join<T>(out: &mut String, parts: &[T], between: &str, mut write: impl FnMut(&mut String, &T)) {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        write(out, part);
    }
}

fn write_condition(out: &mut String, condition: &Condition, context: Context) {
    let name = condition.name.as_str();
    match &condition.test {
        Test::Types(types) => write_types(out, *types),
        Test::Ints(ints) => write_ints(out, name, ints, context),
        Test::Length(ints) => write_ints(out, &format!("size({name})"), ints, context),
        Test::Set { negated, texts } => write_set(out, name, texts, *negated),
        Test::Prefix { negated, text } => write_call(out, name, "startsWith", text, *negated),
        Test::Suffix { negated, text } => write_call(out, name, "endsWith", text, *negated),
        Test::Contained { negated, text } => write_call(out, name, "contains", text, *negated),
        Test::Pattern { negated, pattern } => write_call(out, name, "matches", pattern.text(), *negated),
    }
}

fn write_types(out: &mut String, types: TypeSet) {
    let negated = types.bits().count_ones() > 4;
    let names = if negated { types.complement() } else { types }.names();
    write_set(out, "type", &names, negated);
}

fn write_set<T: AsRef<str>>(out: &mut String, name: &str, texts: &[T], negated: bool) {
    if let [text] = texts {
        out.push_str(name);
        out.push_str(if negated { " != " } else { " == " });
        write_text(out, text.as_ref());
        return;
    }
    write_list(out, name, texts, negated, |out, text| write_text(out, text.as_ref()));
}

fn write_list<T>(
    out: &mut String,
    name: &str,
    items: &[T],
    negated: bool,
    write: impl FnMut(&mut String, &T),
) {
    out.push_str(if negated { "!(" } else { "" });
    out.push_str(name);
    out.push_str(" in [");
    join(out, items, ",", write);
    out.push_str(if negated { "])" } else { "]" });
}

fn write_call(out: &mut String, name: &str, function: &str, text: &str, negated: bool) {
    out.push_str(if negated { "!" } else { "" });
    out.push_str(name);
    out.push('.');
    out.push_str(function);
    out.push('(');
    write_text(out, text);
    out.push(')');
}

/// A string literal in double quotes, control characters escaped.
pub(super) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c.is_control()) {
        out.push_str(&rest[..at]);
        let mut behind = rest[at..].chars();
        match behind.next() {
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            Some(c) => out.extend(['\\', c]),
            None => {}
        }
        rest = behind.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn write_ints(out: &mut String, value: &str, ints: &IntSet, context: Context) {
    let rest = ints.complement();
    if is_list(ints) {
        write_points(out, value, ints, false);
    } else if is_list(&rest) {
        write_points(out, value, &rest, true);
    } else {
        let ranges = ints.ranges();
        let parentheses = ranges.len() > 1 && context == Context::All;
        out.push_str(if parentheses { "(" } else { "" });
        let (listed, bounded) = split(ints);
        if !listed.is_empty() {
            write_points(out, value, &listed, false);
            out.push_str(" || ");
        }
        join(out, &bounded, " || ", |out, range| write_range(out, value, *range));
        out.push_str(if parentheses { ")" } else { "" });
    }
}

/// Whether it is best written as one `==` or `in`.
fn is_list(ints: &IntSet) -> bool {
    let (count, ranges) = ints.finite();
    ranges == ints.ranges().len() && count <= POINTS_LIMIT && (ranges > 1 || count == 1)
}

/// The ranges that are listed together, and those that are written with bounds.
fn split(ints: &IntSet) -> (IntSet, Vec<(i64, i64)>) {
    let (count, ranges) = ints.finite();
    let finite = |range: &&(i64, i64)| range.0 != i64::MIN && range.1 != i64::MAX;
    if count > POINTS_LIMIT || (ranges == 1 && count > 1) {
        return (IntSet::new(Vec::new()), ints.ranges().to_vec());
    }
    let listed = ints.ranges().iter().filter(finite).copied().collect();
    (IntSet::new(listed), ints.ranges().iter().filter(|range| !finite(range)).copied().collect())
}

fn write_points(out: &mut String, value: &str, ints: &IntSet, negated: bool) {
    let points: Vec<i64> = ints.ranges().iter().flat_map(|(low, high)| *low..=*high).collect();
    if let [point] = points[..] {
        let _ = write!(out, "{value} {} {point}", if negated { "!=" } else { "==" });
        return;
    }
    write_list(out, value, &points, negated, |out, point| {
        let _ = write!(out, "{point}");
    });
}

fn write_range(out: &mut String, value: &str, (low, high): (i64, i64)) {
    if low == high {
        let _ = write!(out, "{value} == {low}");
        return;
    }
    if low != i64::MIN {
        // The rounder of the two numbers that say it: `> 1000`, but `>= 500`.
        let strict = low - 1;
        let _ = if roundness(strict) >= roundness(low) {
            write!(out, "{value} > {strict}")
        } else {
            write!(out, "{value} >= {low}")
        };
        out.push_str(if high == i64::MAX { "" } else { " && " });
    }
    if high != i64::MAX {
        let strict = high + 1;
        let _ = if roundness(strict) >= roundness(high) {
            write!(out, "{value} < {strict}")
        } else {
            write!(out, "{value} <= {high}")
        };
    }
}

/// Twice the zeros at the end, and one more before them for a 5; multiples of 256 are as round as 100.
fn roundness(number: i64) -> u32 {
    if number == 0 {
        return u32::MAX;
    }
    let mut tens = 0;
    let mut rest = number;
    while rest % 10 == 0 {
        rest /= 10;
        tens += 1;
    }
    let round = 2 * tens + u32::from(rest % 5 == 0);
    if number % 256 == 0 { round.max(4) } else { round }
}
