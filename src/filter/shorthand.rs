//! The JSON shorthand: objects become the conditions that an expression would.

use serde_json::{Map, Value};

use super::build::{Builder, Subject};
use super::canon::Canon;
use super::check::check;
use super::condition::Test;
use super::error::{FilterError, Reason, Span, shorten};
use super::expr::{Id, Kind, Location};
use super::fields::{self, Name, closest};
use super::ints::{IntSet, Relation};
use super::{limits, parse};
use crate::message::Whole;

const OPERATORS: [&str; 13] = [
    "equals",
    "in",
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "glob",
    "exists",
    "lt",
    "lte",
    "gt",
    "gte",
    "not",
];

/// Reads `true`, a string or an object into the builder; the node of the whole, none for a text of blanks.
pub(super) fn read(value: &Value, builder: &mut Builder<'_>) -> Result<Option<Id>, FilterError> {
    let mut reader = Reader { builder, pointer: String::new(), nesting: 0 };
    match value {
        Value::Null => Ok(None),
        Value::String(text) => {
            let nodes = parse::parse(text)?;
            check(text, &nodes, reader.builder, None)
        }
        value => reader.filter(value).map(Some),
    }
}

struct Reader<'b, 'o> {
    builder: &'b mut Builder<'o>,
    /// Where it reads, as a JSON pointer.
    pointer: String,
    /// Objects and lists that are open; bounds the recursion.
    nesting: usize,
}

impl Reader<'_, '_> {
    /// Reads a part of an object or list, pointing at it meanwhile.
    fn within<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        self.nesting += 1;
        if self.nesting > limits::PARENTHESES {
            return Err(limits::too_nested().point(&self.pointer));
        }
        let result = read(self)?;
        self.nesting -= 1;
        self.pointer.truncate(length);
        Ok(result)
    }

    fn fault(&self, message: impl Into<String>) -> FilterError {
        FilterError::invalid(Reason::BadValue, message).point(&self.pointer)
    }

    fn wrong(&self, expected: &str, found: &Value) -> FilterError {
        self.fault(format!("expected {expected}, found {}", kind_of(found)))
            .found(shown(found))
            .expected([expected])
    }

    fn add(&mut self, kind: Kind) -> Result<Id, FilterError> {
        let place = Location::Pointer(self.pointer.as_str().into());
        self.builder.expr.add(kind, place).map_err(|error| error.point(&self.pointer))
    }

    fn leaf(&mut self, canon: Canon) -> Result<Id, FilterError> {
        self.add(Kind::Leaf(canon))
    }

    /// Joins parts by `&&` or `||`; none are true.
    fn join(&mut self, parts: &[Id], join: fn(Id, Id) -> Kind) -> Result<Id, FilterError> {
        let Some((first, rest)) = parts.split_first() else { return self.leaf(Canon::Constant(true)) };
        rest.iter().try_fold(*first, |whole, part| self.add(join(whole, *part)))
    }

    fn filter(&mut self, value: &Value) -> Result<Id, FilterError> {
        match value {
            Value::Bool(true) => self.leaf(Canon::Constant(true)),
            Value::String(text) => self.expression(text),
            Value::Object(members) => self.object(members),
            _ => Err(self.wrong("true, an expression or an object", value)),
        }
    }

    /// An expression within an object: its errors have the pointer and the place in its text.
    fn expression(&mut self, text: &str) -> Result<Id, FilterError> {
        let pointer = self.pointer.clone();
        let nodes = parse::parse(text).map_err(|error| error.point(&pointer))?;
        let whole =
            check(text, &nodes, self.builder, Some(&pointer)).map_err(|error| error.point(&pointer))?;
        whole.map_or_else(|| self.leaf(Canon::Constant(true)), Ok)
    }

    fn object(&mut self, members: &Map<String, Value>) -> Result<Id, FilterError> {
        let mut parts = Vec::with_capacity(members.len());
        for (key, value) in members {
            parts.push(self.within(key, |reader| reader.member(key, value))?);
        }
        self.join(&parts, Kind::And)
    }

    fn member(&mut self, key: &str, value: &Value) -> Result<Id, FilterError> {
        match key {
            "all" => self.filters(value, Kind::And),
            "any" => self.filters(value, Kind::Or),
            "not" => {
                let inner = self.filter(value)?;
                self.add(Kind::Not(inner))
            }
            _ => match Name::find(key) {
                Some(name) => self.test(name, value),
                None => Err(fields::unknown(key, Reason::BadValue).point(&self.pointer)),
            },
        }
    }

    fn filters(&mut self, value: &Value, join: fn(Id, Id) -> Kind) -> Result<Id, FilterError> {
        let items = self.items(value, "a list of filters")?;
        let mut parts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            parts.push(self.within(&index.to_string(), |reader| reader.filter(item))?);
        }
        self.join(&parts, join)
    }

    fn items<'v>(&self, value: &'v Value, expected: &str) -> Result<&'v [Value], FilterError> {
        let Value::Array(items) = value else { return Err(self.wrong(expected, value)) };
        if items.is_empty() {
            return Err(self.fault("an empty list").expected([expected]));
        }
        if items.len() > limits::ITEMS {
            return Err(limits::too_long_list().point(&self.pointer));
        }
        Ok(items)
    }

    fn test(&mut self, name: Name, value: &Value) -> Result<Id, FilterError> {
        match value {
            Value::Array(_) => {
                let canon = self.one_of(name, value)?;
                self.leaf(canon)
            }
            Value::Object(operators) => {
                let mut parts = Vec::with_capacity(operators.len());
                for (operator, argument) in operators {
                    parts.push(self.within(operator, |reader| reader.operator(name, operator, argument))?);
                }
                self.join(&parts, Kind::And)
            }
            scalar => {
                let canon = self.equals(name, scalar)?;
                self.leaf(canon)
            }
        }
    }

    fn operator(&mut self, name: Name, operator: &str, argument: &Value) -> Result<Id, FilterError> {
        match operator {
            "not" => {
                let inner = self.test(name, argument)?;
                return self.add(Kind::Not(inner));
            }
            "startsWith" | "endsWith" | "contains" | "matches" | "glob" => {
                return self.texts(name, operator, argument);
            }
            _ => {}
        }
        let canon = match operator {
            "equals" => self.equals(name, argument)?,
            "in" => self.one_of(name, argument)?,
            "exists" => self.exists(name, argument)?,
            "lt" => self.bound(name, Relation::Less, argument)?,
            "lte" => self.bound(name, Relation::LessOrEqual, argument)?,
            "gt" => self.bound(name, Relation::Greater, argument)?,
            "gte" => self.bound(name, Relation::GreaterOrEqual, argument)?,
            _ => return Err(self.unknown_operator(operator)),
        };
        self.leaf(canon)
    }

    fn unknown_operator(&self, operator: &str) -> FilterError {
        let shown = shorten(operator);
        match closest(operator, OPERATORS.iter().map(|known| (*known, *known))) {
            Some(likely) => {
                self.fault(format!("unknown operator '{shown}'; did you mean '{likely}'?")).hint(likely)
            }
            None => self.fault(format!("unknown operator '{shown}'; operators are {}", OPERATORS.join(", "))),
        }
        .found(shown)
        .expected(OPERATORS)
    }

    fn equals(&self, name: Name, value: &Value) -> Result<Canon, FilterError> {
        if name == Name::Size {
            return Ok(Canon::of(name, Test::Ints(IntSet::points([self.int(value)?]))));
        }
        self.builder.one_of(name, [self.text(value)?]).map_err(|error| error.point(&self.pointer))
    }

    fn one_of(&mut self, name: Name, value: &Value) -> Result<Canon, FilterError> {
        let items = self.items(value, "a list")?;
        let mut texts = Vec::with_capacity(items.len());
        let mut ints = Vec::new();
        for (index, item) in items.iter().enumerate() {
            self.within(&index.to_string(), |reader| {
                // Tells the place of what is no value of the field, such as an unknown type.
                reader.equals(name, item)?;
                if name == Name::Size {
                    ints.push(reader.int(item)?);
                } else {
                    texts.push(reader.text(item)?);
                }
                Ok(())
            })?;
        }
        if name == Name::Size {
            return Ok(Canon::of(name, Test::Ints(IntSet::points(ints))));
        }
        self.builder.one_of(name, texts).map_err(|error| error.point(&self.pointer))
    }

    fn exists(&self, name: Name, value: &Value) -> Result<Canon, FilterError> {
        let Value::Bool(wanted) = value else { return Err(self.wrong("true or false", value)) };
        let canon = if name == Name::Size {
            Canon::of(name, Test::Ints(IntSet::related(Relation::NotEqual, 0)))
        } else {
            self.builder.any(Subject::Field(name), vec![Test::set([""]).negate()])
        };
        Ok(if *wanted { canon } else { canon.negate() })
    }

    fn bound(&self, name: Name, relation: Relation, value: &Value) -> Result<Canon, FilterError> {
        if name != Name::Size {
            return Err(self.fault(format!("{name} is a string; only 'size' has bounds")));
        }
        Ok(Canon::of(name, Test::Ints(IntSet::related(relation, self.int(value)?))))
    }

    /// An operator on one text, or on a list of which one must hold.
    fn texts(&mut self, name: Name, operator: &str, argument: &Value) -> Result<Id, FilterError> {
        if !name.is_text() {
            return Err(self.fault(format!("{name} is an int; '{operator}' is for strings")));
        }
        if !argument.is_array() {
            let canon = self.one_text(name, operator, argument)?;
            return self.leaf(canon);
        }
        let items = self.items(argument, "a string or a list of strings")?;
        let mut parts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            parts.push(self.within(&index.to_string(), |reader| {
                let canon = reader.one_text(name, operator, item)?;
                reader.leaf(canon)
            })?);
        }
        self.join(&parts, Kind::Or)
    }

    fn one_text(&mut self, name: Name, operator: &str, argument: &Value) -> Result<Canon, FilterError> {
        let text = self.text(argument)?;
        let subject = Subject::Field(name);
        let wanted = match operator {
            "startsWith" => Test::Prefix { negated: false, text: text.into() },
            "endsWith" => Test::Suffix { negated: false, text: text.into() },
            "contains" => Test::Contained { negated: false, text: text.into() },
            "glob" => return self.builder.glob(name, text).map_err(|error| error.point(&self.pointer)),
            _ => {
                let matched = self.builder.matches_whole(subject, text);
                return matched
                    .map_err(|fault| FilterError::from(fault).found(shorten(text)).point(&self.pointer));
            }
        };
        Ok(self.builder.any(subject, vec![wanted]))
    }

    fn text<'v>(&self, value: &'v Value) -> Result<&'v str, FilterError> {
        value.as_str().ok_or_else(|| self.wrong("a string", value))
    }

    fn int(&self, value: &Value) -> Result<i64, FilterError> {
        Whole::of(value).ok_or_else(|| self.wrong("a whole number of 64 bits", value))
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "[…]".to_owned(),
        Value::Object(_) => "{…}".to_owned(),
        Value::String(text) => shorten(text).into_owned(),
        value => value.to_string(),
    }
}

/// A text that is no JSON, though it begins as an object does.
pub(super) fn bad_json(text: &str, error: &serde_json::Error) -> FilterError {
    let line_start =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let mut at = (line_start + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    // The message of the parser ends with its own count of the place.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    FilterError::invalid(Reason::Syntax, format!("not JSON: {message}")).at(text, Span::new(at, end))
}
