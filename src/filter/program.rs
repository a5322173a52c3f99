//! The canonical form as flat bytes. It runs on an event without stack, recursion or allocation.
//!
//! Each instruction is a test and where to go on: operation (1 byte), field (1), if true (4), if false
//! (4), then what the operation asks for. Jumps lead forward only, so a run ends.

use crate::event::{Attributes, Field};

use super::canon::Canon;
use super::condition::{Condition, Test, length};
use super::fields::Name;
use super::meter::{Bill, Meter, SEARCH};
use super::pattern::Pattern;

/// Targets that end the run.
const ACCEPT: u32 = u32::MAX;
const REJECT: u32 = u32::MAX - 1;
/// Bytes before an instruction's argument.
const HEAD: usize = 10;

/// Operations. `EQUAL`, `PREFIX`, `SUFFIX` and `CONTAINED` are followed by the text's length (4) and the
/// text; `SET` by the count (4), where each text ends (4 each) and the texts, sorted; `TYPES` by one byte
/// of bits; `INTS` and `LENGTH` by the count (4) and the bounds (8 each); `PATTERN` by its index (4).
mod op {
    pub(super) const EQUAL: u8 = 0;
    pub(super) const PREFIX: u8 = 1;
    pub(super) const SUFFIX: u8 = 2;
    pub(super) const CONTAINED: u8 = 3;
    pub(super) const SET: u8 = 4;
    pub(super) const TYPES: u8 = 5;
    pub(super) const INTS: u8 = 6;
    pub(super) const LENGTH: u8 = 7;
    pub(super) const PATTERN: u8 = 8;
}

/// A filter, ready to run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    start: u32,
    pub(super) code: Box<[u8]>,
    /// By the numbers that stand in the code.
    pub(super) patterns: Box<[Pattern]>,
}

impl Program {
    pub(super) fn new(canon: &Canon) -> Self {
        let mut emitter = Emitter::default();
        let start = match canon {
            Canon::Constant(true) => ACCEPT,
            Canon::Constant(false) => REJECT,
            canon => {
                emitter.emit(canon, Target::At(ACCEPT), Target::At(REJECT));
                0
            }
        };
        emitter.patch();
        Self { start, code: emitter.code.into(), patterns: emitter.patterns.into() }
    }

    /// Whether the event passes; what that costs goes on the bill.
    pub(super) fn run(&self, event: &Attributes, bill: &mut Bill<'_>) -> bool {
        let mut meter = Own { patterns: &self.patterns, bill };
        self.start == 0 && run(&self.code, event, &mut meter) || self.start == ACCEPT
    }

    /// How many conditions it has.
    pub(super) fn conditions(&self) -> usize {
        instructions(&self.code).count()
    }

    /// Whether it searches texts, which costs by their length.
    pub(super) fn searches(&self) -> bool {
        instructions(&self.code)
            .any(|(operation, _)| matches!(operation, op::CONTAINED | op::LENGTH | op::PATTERN))
    }
}

/// A program's own patterns.
struct Own<'p, 'b, 'a> {
    patterns: &'p [Pattern],
    bill: &'b mut Bill<'a>,
}

impl Meter for Own<'_, '_, '_> {
    fn is_match(&mut self, number: u32, _: u8, value: &str) -> bool {
        let (found, cost) = self.patterns[number as usize].search(value);
        self.bill.add(cost) && found
    }

    fn pay(&mut self, cost: u64) -> bool {
        self.bill.add(cost)
    }
}

/// Runs code that is not empty.
pub(super) fn run(code: &[u8], event: &Attributes, meter: &mut impl Meter) -> bool {
    let mut at = 0;
    while at < REJECT {
        let (head, argument) = code[at as usize..].split_at(HEAD);
        let passed = test(head[0], head[1], argument, event, meter);
        at = read_u32(head, if passed { 2 } else { 6 });
    }
    at == ACCEPT
}

fn test(operation: u8, field: u8, argument: &[u8], event: &Attributes, meter: &mut impl Meter) -> bool {
    let bytes = || bytes(event, field);
    let value = || Name::from_code(field).map_or("", |name| name.text(event));
    let text = || {
        let length = read_u32(argument, 0) as usize;
        &argument[4..4 + length]
    };
    match operation {
        op::EQUAL => bytes() == text(),
        op::PREFIX => bytes().starts_with(text()),
        op::SUFFIX => bytes().ends_with(text()),
        op::CONTAINED => {
            let value = value();
            meter.pay(SEARCH + value.len() as u64)
                && std::str::from_utf8(text()).is_ok_and(|text| value.contains(text))
        }
        op::SET => in_set(argument, bytes()),
        op::TYPES => argument[0] & (1 << event.event_type().code()) != 0,
        op::INTS => in_ranges(argument, event.size()),
        op::LENGTH => {
            let value = value();
            meter.pay(SEARCH + value.len() as u64) && in_ranges(argument, length(value))
        }
        _ => meter.is_match(read_u32(argument, 0), field, value()),
    }
}

/// The text of the field with this code.
fn bytes(event: &Attributes, code: u8) -> &[u8] {
    const FIELDS: [Option<Field>; 256] = {
        let mut fields = [None; 256];
        let mut code = 0;
        while let Some(name) = Name::from_code(code) {
            fields[code as usize] = name.field();
            code += 1;
        }
        fields
    };
    match FIELDS[usize::from(code)] {
        Some(field) => event.bytes(field),
        None => Name::from_code(code).map_or(&[], |name| name.text(event).as_bytes()),
    }
}

/// The places in `code` that hold the number of a pattern.
pub(super) fn pattern_places(code: &[u8]) -> impl Iterator<Item = usize> {
    instructions(code).filter(|(operation, _)| *operation == op::PATTERN).map(|(_, argument)| argument)
}

/// Each operation of `code`, and the place of its argument.
fn instructions(code: &[u8]) -> impl Iterator<Item = (u8, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (operation, argument) = (*code.get(at)?, at + HEAD);
        at = argument + argument_size(operation, &code[argument..]);
        Some((operation, argument))
    })
}

/// The number at a place in the code.
pub(super) fn number(code: &[u8], place: usize) -> u32 {
    read_u32(code, place)
}

fn argument_size(operation: u8, argument: &[u8]) -> usize {
    let count = || read_u32(argument, 0) as usize;
    match operation {
        op::TYPES => 1,
        op::INTS | op::LENGTH => 4 + 16 * count(),
        op::PATTERN => 4,
        op::SET => match count() {
            0 => 4,
            count => 4 + 4 * count + read_u32(argument, 4 * count) as usize,
        },
        _ => 4 + count(),
    }
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].try_into().map_or(0, u32::from_le_bytes)
}

fn read_i64(bytes: &[u8], at: usize) -> i64 {
    bytes[at..at + 8].try_into().map_or(0, i64::from_le_bytes)
}

/// Binary search in the sorted texts of a set.
fn in_set(argument: &[u8], value: &[u8]) -> bool {
    let count = read_u32(argument, 0) as usize;
    let (ends, texts) = argument[4..].split_at(count * 4);
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        let start = if middle == 0 { 0 } else { read_u32(ends, (middle - 1) * 4) };
        let text = &texts[start as usize..read_u32(ends, middle * 4) as usize];
        match text.cmp(value) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    false
}

fn in_ranges(argument: &[u8], value: i64) -> bool {
    let count = read_u32(argument, 0) as usize;
    (0..count).map(|index| 4 + index * 16).any(|at| {
        let (low, high) = (read_i64(argument, at), read_i64(argument, at + 8));
        low <= value && value <= high
    })
}

/// Where a jump leads: to a known place, or to a label whose place comes later.
#[derive(Clone, Copy)]
enum Target {
    At(u32),
    Label(usize),
}

#[derive(Default)]
struct Emitter {
    code: Vec<u8>,
    patterns: Vec<Pattern>,
    labels: Vec<u32>,
    /// Places in the code that hold a label's target.
    jumps: Vec<(usize, usize)>,
}

impl Emitter {
    /// As deep as the filter, which is bounded.
    fn emit(&mut self, canon: &Canon, if_true: Target, if_false: Target) {
        match canon {
            Canon::Constant(_) => {}
            Canon::Condition(condition) => self.condition(condition, if_true, if_false),
            Canon::All(parts) | Canon::Any(parts) => {
                let all = matches!(canon, Canon::All(_));
                // Cheap ones first; among equals the order of the canonical form.
                let mut order: Vec<&Canon> = parts.iter().collect();
                order.sort_by_key(|part| cost(part));
                let last = order.len() - 1;
                for (index, part) in order.into_iter().enumerate() {
                    let next =
                        if index == last { if all { if_true } else { if_false } } else { self.label() };
                    let (on_true, on_false) = if all { (next, if_false) } else { (if_true, next) };
                    self.emit(part, on_true, on_false);
                    if index != last {
                        self.place(next);
                    }
                }
            }
        }
    }

    fn label(&mut self) -> Target {
        self.labels.push(0);
        Target::Label(self.labels.len() - 1)
    }

    fn place(&mut self, target: Target) {
        if let Target::Label(label) = target {
            self.labels[label] = size(self.code.len());
        }
    }

    fn patch(&mut self) {
        for (at, label) in &self.jumps {
            self.code[*at..*at + 4].copy_from_slice(&self.labels[*label].to_le_bytes());
        }
    }

    fn jump(&mut self, target: Target) {
        let place = match target {
            Target::At(place) => place,
            Target::Label(label) => {
                self.jumps.push((self.code.len(), label));
                0
            }
        };
        self.push(place);
    }

    fn push(&mut self, number: u32) {
        self.code.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.push(size(text.len()));
        self.code.extend(text.as_bytes());
    }

    fn condition(&mut self, condition: &Condition, if_true: Target, if_false: Target) {
        let (operation, negated) = match &condition.test {
            Test::Types(_) => (op::TYPES, false),
            Test::Ints(_) => (op::INTS, false),
            Test::Length(_) => (op::LENGTH, false),
            Test::Set { negated, texts } if texts.len() == 1 => (op::EQUAL, *negated),
            Test::Set { negated, .. } => (op::SET, *negated),
            Test::Prefix { negated, .. } => (op::PREFIX, *negated),
            Test::Suffix { negated, .. } => (op::SUFFIX, *negated),
            Test::Contained { negated, .. } => (op::CONTAINED, *negated),
            Test::Pattern { negated, .. } => (op::PATTERN, *negated),
        };
        self.code.push(operation);
        self.code.push(condition.name as u8);
        let (if_true, if_false) = if negated { (if_false, if_true) } else { (if_true, if_false) };
        self.jump(if_true);
        self.jump(if_false);
        self.argument(&condition.test);
    }

    fn argument(&mut self, test: &Test) {
        match test {
            Test::Types(types) => self.code.push(types.bits()),
            Test::Ints(ints) | Test::Length(ints) => {
                self.push(size(ints.ranges().len()));
                for (low, high) in ints.ranges() {
                    self.code.extend(low.to_le_bytes());
                    self.code.extend(high.to_le_bytes());
                }
            }
            Test::Set { texts, .. } if texts.len() == 1 => self.text(&texts[0]),
            Test::Set { texts, .. } => {
                self.push(size(texts.len()));
                let mut end = 0;
                for text in texts {
                    end += text.len();
                    self.push(size(end));
                }
                for text in texts {
                    self.code.extend(text.as_bytes());
                }
            }
            Test::Prefix { text, .. } | Test::Suffix { text, .. } | Test::Contained { text, .. } => {
                self.text(text);
            }
            Test::Pattern { pattern, .. } => {
                let known = self.patterns.iter().position(|other| other == pattern);
                let index = known.unwrap_or_else(|| {
                    self.patterns.push(pattern.clone());
                    self.patterns.len() - 1
                });
                self.push(size(index));
            }
        }
    }
}

/// Lengths are far below 4 GiB: a text is at most 16 KiB, a filter a few of them.
fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(REJECT - 1)
}

/// Rank of a part by what it costs: equality, then what compares bytes, then what searches.
fn cost(canon: &Canon) -> u8 {
    match canon {
        Canon::Constant(_) => 0,
        Canon::Condition(condition) => match &condition.test {
            Test::Types(_) => 0,
            Test::Set { texts, .. } if texts.len() == 1 => 1,
            Test::Set { .. } | Test::Ints(_) | Test::Prefix { .. } | Test::Suffix { .. } => 2,
            Test::Length(_) => 3,
            Test::Contained { .. } => 4,
            Test::Pattern { .. } => 5,
        },
        Canon::All(parts) | Canon::Any(parts) => parts.iter().map(cost).max().unwrap_or(0),
    }
}
