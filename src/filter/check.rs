//! Checks names and types: turns the tree of an expression into conditions, or finds the first fault in it.

use super::build::{Builder, PatternFault, Subject};
use super::canon::Canon;
use super::condition::{Test, length};
use super::error::{FilterError, Reason, Span, shorten};
use super::expr::{self, Kind, Location};
use super::fields::{self, Name};
use super::ints::{IntSet, Relation};
use super::lex::inside;
use super::parse::{Binary, Function, Id, Node, Syntax};

/// The value of a node.
#[derive(Clone, Copy, Debug)]
enum Value<'t> {
    Field(Name),
    /// `size`, or `size(name)` where a name is given, or the negative of either.
    Number {
        of: Option<Name>,
        negative: bool,
    },
    Text(&'t str),
    Int(i64),
    Bool(bool),
    List(&'t [Id]),
    Condition(expr::Id),
}

impl Value<'_> {
    const fn type_name(self) -> &'static str {
        match self {
            Self::Field(_) | Self::Text(_) => "a string",
            Self::Number { .. } | Self::Int(_) => "an int",
            Self::Bool(_) | Self::Condition(_) => "a bool",
            Self::List(_) => "a list",
        }
    }

    const fn is_literal(self) -> bool {
        matches!(self, Self::Text(_) | Self::Int(_) | Self::Bool(_))
    }
}

struct Checker<'t, 'b, 'o> {
    text: &'t str,
    nodes: &'t [Node<'t>],
    builder: &'b mut Builder<'o>,
    values: Vec<Value<'t>>,
    /// Stands before the conditions of an expression within a shorthand object.
    pointer: Option<&'t str>,
}

/// Checks the nodes of `text` into the builder; the node of the whole, or none if there are none.
pub(super) fn check<'t>(
    text: &'t str,
    nodes: &'t [Node<'t>],
    builder: &mut Builder<'_>,
    pointer: Option<&'t str>,
) -> Result<Option<expr::Id>, FilterError> {
    let Some(root) = nodes.len().checked_sub(1) else { return Ok(None) };
    let values = Vec::with_capacity(nodes.len());
    let mut checker = Checker { text, nodes, builder, values, pointer };
    for id in 0..nodes.len() {
        let value = checker.node(id)?;
        checker.values.push(value);
    }
    if let Some(condition) = checker.condition(root)? {
        return Ok(Some(condition));
    }
    let message = format!("a filter must be true or false, this is {}", checker.values[root].type_name());
    Err(checker.wrong_type(root, message))
}

impl<'t> Checker<'t, '_, '_> {
    fn node(&mut self, id: Id) -> Result<Value<'t>, FilterError> {
        let nodes = self.nodes;
        Ok(match &nodes[id].kind {
            Syntax::Path(path) => self.field(id, path)?,
            Syntax::Text(text) => Value::Text(text),
            Syntax::Int(int) => Value::Int(*int),
            Syntax::Bool(bool) => Value::Bool(*bool),
            Syntax::List(items) => self.list(items)?,
            Syntax::Not(inner) => self.not(id, *inner)?,
            Syntax::Negative(inner) => self.negative(*inner)?,
            Syntax::Binary(op @ (Binary::And | Binary::Or), a, b) => self.join(*op, id, *a, *b)?,
            Syntax::Binary(Binary::In, value, list) => {
                let canon = self.is_in(*value, *list)?;
                self.leaf(id, canon)?
            }
            Syntax::Binary(Binary::Related(relation), a, b) => {
                let canon = self.related(*relation, id, *a, *b)?;
                self.leaf(id, canon)?
            }
            Syntax::Call(function, args) => self.call(*function, id, args)?,
        })
    }

    fn at(&self, span: Span, error: FilterError) -> FilterError {
        error.at(self.text, span)
    }

    fn wrong_type(&self, id: Id, message: impl Into<String>) -> FilterError {
        self.at(self.nodes[id].span, FilterError::invalid(Reason::WrongType, message))
    }

    fn not_supported(&self, span: Span, message: impl Into<String>) -> FilterError {
        self.at(span, FilterError::invalid(Reason::NotSupported, message))
    }

    /// The node as it was written.
    fn shown(&self, id: Id) -> String {
        let span = self.nodes[id].span;
        shorten(&self.text[span.start..span.end]).into_owned()
    }

    /// "tag is a string".
    fn described(&self, id: Id) -> String {
        match self.values[id] {
            Value::Condition(_) => "this is a bool".to_owned(),
            value => format!("{} is {}", self.shown(id), value.type_name()),
        }
    }

    fn field(&self, id: Id, path: &str) -> Result<Value<'t>, FilterError> {
        match Name::find(path) {
            Some(Name::Size) => Ok(Value::Number { of: None, negative: false }),
            Some(name) => Ok(Value::Field(name)),
            None => {
                let Span { start, end } = self.nodes[id].span;
                // The place is the wrong part; with blanks in between it is all of it.
                let part = fields::unknown_part(path).len();
                let start = if end - start == path.len() { end - part } else { start };
                Err(self.at(Span::new(start, end), fields::unknown(path, Reason::UnknownName)))
            }
        }
    }

    fn list(&self, items: &'t [Id]) -> Result<Value<'t>, FilterError> {
        match items.iter().find(|item| !self.values[**item].is_literal()) {
            None => Ok(Value::List(items)),
            Some(item) => Err(self.not_supported(self.nodes[*item].span, "items of a list are literals")),
        }
    }

    fn place(&self, id: Id) -> Location {
        match self.pointer {
            Some(pointer) => Location::Pointer(pointer.into()),
            None => Location::Text(self.nodes[id].span),
        }
    }

    fn add(&mut self, id: Id, kind: Kind) -> Result<expr::Id, FilterError> {
        let place = self.place(id);
        self.builder.expr.add(kind, place).map_err(|error| error.at(self.text, self.nodes[id].span))
    }

    fn leaf(&mut self, id: Id, canon: Canon) -> Result<Value<'t>, FilterError> {
        self.add(id, Kind::Leaf(canon)).map(Value::Condition)
    }

    /// The node as a condition, if it is true or false.
    fn condition(&mut self, id: Id) -> Result<Option<expr::Id>, FilterError> {
        match self.values[id] {
            Value::Condition(condition) => Ok(Some(condition)),
            Value::Bool(bool) => self.add(id, Kind::Leaf(Canon::Constant(bool))).map(Some),
            _ => Ok(None),
        }
    }

    fn join(&mut self, op: Binary, id: Id, a: Id, b: Id) -> Result<Value<'t>, FilterError> {
        let sign = if op == Binary::And { "&&" } else { "||" };
        let mut operands = [0; 2];
        for (operand, node) in operands.iter_mut().zip([a, b]) {
            *operand = self.condition(node)?.ok_or_else(|| {
                self.wrong_type(node, format!("'{sign}' needs true or false, {}", self.described(node)))
            })?;
        }
        let [a, b] = operands;
        let kind = if op == Binary::And { Kind::And(a, b) } else { Kind::Or(a, b) };
        self.add(id, kind).map(Value::Condition)
    }

    fn not(&mut self, id: Id, inner: Id) -> Result<Value<'t>, FilterError> {
        if let Some(condition) = self.condition(inner)? {
            return self.add(id, Kind::Not(condition)).map(Value::Condition);
        }
        // Of `!tag == "v1"` the whole comparison was meant.
        let meant = self.nodes.iter().find_map(|node| match node.kind {
            Syntax::Binary(_, left, right) if left == id => {
                let text = &self.text[self.nodes[inner].outer.start..self.nodes[right].outer.end];
                Some(format!("!({})", shorten(text)))
            }
            _ => None,
        });
        Err(match meant {
            Some(meant) => {
                self.wrong_type(inner, format!("'!' needs true or false; write {meant}")).hint(meant)
            }
            None => self.wrong_type(inner, format!("'!' needs true or false, {}", self.described(inner))),
        })
    }

    fn negative(&self, inner: Id) -> Result<Value<'t>, FilterError> {
        match self.values[inner] {
            Value::Int(int) => int.checked_neg().map(Value::Int).ok_or_else(|| {
                let error = FilterError::invalid(Reason::BadValue, "the number does not fit in 64 bits");
                self.at(self.nodes[inner].span, error)
            }),
            Value::Number { of, negative } => Ok(Value::Number { of, negative: !negative }),
            _ => Err(self.wrong_type(inner, format!("'-' needs an int, {}", self.described(inner)))),
        }
    }

    /// Comparing a condition with true or false is CEL, but one can write it alone.
    fn refuse_conditions(&self, a: Id, b: Id) -> Result<(), FilterError> {
        match [a, b].into_iter().find(|id| matches!(self.values[*id], Value::Condition(_))) {
            Some(id) => {
                let message = "a condition can't be compared; write it alone, or with '!' before it";
                Err(self.not_supported(self.nodes[id].span, message))
            }
            None => Ok(()),
        }
    }

    fn related(&self, relation: Relation, id: Id, a: Id, b: Id) -> Result<Canon, FilterError> {
        self.refuse_conditions(a, b)?;
        let (left, right) = (self.values[a], self.values[b]);
        if left.type_name() != right.type_name() {
            return Err(self.unlike(a, b));
        }
        let equal = matches!(relation, Relation::Equal | Relation::NotEqual);
        if !equal && !matches!(left, Value::Number { .. } | Value::Int(_)) {
            return Err(self.unordered(id, a, b));
        }
        let wanted = relation == Relation::Equal;
        let of_field = |canon: Canon| if wanted { canon } else { canon.negate() };
        Ok(match (left, right) {
            (Value::Text(x), Value::Text(y)) => Canon::Constant((x == y) == wanted),
            (Value::Bool(x), Value::Bool(y)) => Canon::Constant((x == y) == wanted),
            (Value::Int(x), Value::Int(y)) => Canon::Constant(IntSet::related(relation, y).contains(x)),
            (Value::Field(name), Value::Text(text)) => of_field(self.one_of(name, &[b], [text])?),
            (Value::Text(text), Value::Field(name)) => of_field(self.one_of(name, &[a], [text])?),
            (Value::Number { of, negative }, Value::Int(int)) => {
                self.number(of, negative, IntSet::related(relation, int))
            }
            (Value::Int(int), Value::Number { of, negative }) => {
                self.number(of, negative, IntSet::related(relation.flipped(), int))
            }
            (Value::List(_), _) => {
                return Err(self.not_supported(self.nodes[id].span, "lists can't be compared; use 'in'"));
            }
            _ => {
                let message = "a field can be compared with literals only, not with another field";
                return Err(self.not_supported(self.nodes[b].span, message));
            }
        })
    }

    /// Two sides of different types. The place is the literal, for its type is easier to mend.
    fn unlike(&self, a: Id, b: Id) -> FilterError {
        let (field, literal) =
            if self.values[a].is_literal() && !self.values[b].is_literal() { (b, a) } else { (a, b) };
        let message = format!("{}, {}", self.described(field), self.described(literal));
        match self.values[literal] {
            Value::List(_) => self.wrong_type(literal, format!("{message}; write 'in'")).hint("in"),
            _ => self.wrong_type(literal, message),
        }
    }

    /// `<` on what has no useful order.
    fn unordered(&self, id: Id, a: Id, b: Id) -> FilterError {
        match self.values[a] {
            Value::Field(_) | Value::Text(_) => {
                let message = "text order is not version order ('v10' is before 'v2'); use 'matches'";
                self.not_supported(self.nodes[id].span, message).hint("matches")
            }
            _ => {
                let place = Span::new(self.nodes[a].outer.start, self.nodes[b].outer.end);
                let message = format!("'<', '<=', '>' and '>=' need ints, {}", self.described(a));
                self.at(place, FilterError::invalid(Reason::WrongType, message))
            }
        }
    }

    /// A field in texts; a wrong type's place is the literal that names it.
    fn one_of<const N: usize>(&self, name: Name, ids: &[Id], texts: [&str; N]) -> Result<Canon, FilterError> {
        self.builder.one_of(name, texts).map_err(|error| self.at(self.nodes[ids[0]].span, error))
    }

    fn number(&self, of: Option<Name>, negative: bool, ints: IntSet) -> Canon {
        let ints = if negative { ints.negative() } else { ints };
        match of {
            None => Canon::of(Name::Size, Test::Ints(ints)),
            Some(name) => self.builder.any(Subject::Field(name), vec![Test::Length(ints)]),
        }
    }

    fn is_in(&self, value: Id, list: Id) -> Result<Canon, FilterError> {
        let Value::List(items) = self.values[list] else {
            return Err(self.wrong_type(list, format!("'in' needs a list, {}", self.described(list))));
        };
        self.refuse_conditions(value, list)?;
        let left = self.values[value];
        if let Some(item) = items.iter().find(|item| self.values[**item].type_name() != left.type_name()) {
            return Err(self.unlike(value, *item));
        }
        let texts = || {
            items
                .iter()
                .filter_map(|item| if let Value::Text(t) = self.values[*item] { Some(t) } else { None })
        };
        let ints = || {
            items
                .iter()
                .filter_map(|item| if let Value::Int(i) = self.values[*item] { Some(i) } else { None })
        };
        Ok(match left {
            Value::Field(Name::Type) => {
                for item in items {
                    if let Value::Text(text) = self.values[*item] {
                        self.one_of(Name::Type, &[*item], [text])?;
                    }
                }
                self.builder.any(Subject::Field(Name::Type), vec![Test::set(texts())])
            }
            Value::Field(name) => self.builder.any(Subject::Field(name), vec![Test::set(texts())]),
            Value::Text(text) => Canon::Constant(texts().any(|item| item == text)),
            Value::Number { of, negative } => self.number(of, negative, IntSet::points(ints())),
            Value::Int(int) => Canon::Constant(ints().any(|item| item == int)),
            Value::Bool(bool) => Canon::Constant(
                items.iter().any(|item| matches!(self.values[*item], Value::Bool(other) if other == bool)),
            ),
            Value::List(_) | Value::Condition(_) => {
                return Err(
                    self.not_supported(self.nodes[value].span, "lists within lists are not part of filters")
                );
            }
        })
    }

    fn call(&mut self, function: Function, id: Id, args: &'t [Id]) -> Result<Value<'t>, FilterError> {
        let name = function.as_str();
        let canon = match (function, args) {
            (Function::Size, [arg]) => return self.size(*arg),
            (Function::Has, [arg]) => self.has(*arg)?,
            (Function::Size | Function::Has, _) => {
                return Err(self.arguments(id, format!("{name}() takes one argument")));
            }
            (_, [receiver, arg]) => self.test(function, *receiver, *arg)?,
            _ => return Err(self.arguments(id, format!("{name}() takes one literal"))),
        };
        self.leaf(id, canon)
    }

    fn arguments(&self, id: Id, message: String) -> FilterError {
        self.at(self.nodes[id].span, FilterError::invalid(Reason::Syntax, message))
    }

    fn size(&self, arg: Id) -> Result<Value<'t>, FilterError> {
        match self.values[arg] {
            Value::Text(text) => Ok(Value::Int(length(text))),
            Value::Field(name) => Ok(Value::Number { of: Some(name), negative: false }),
            Value::List(_) => {
                Err(self.not_supported(self.nodes[arg].span, "size() of a list is not part of filters"))
            }
            _ => Err(self.wrong_type(
                arg,
                format!("size() needs a string, {}; the field is 'size'", self.described(arg)),
            )),
        }
    }

    fn has(&self, arg: Id) -> Result<Canon, FilterError> {
        let Syntax::Path(path) = &self.nodes[arg].kind else {
            let error =
                FilterError::invalid(Reason::Syntax, "has() needs a field's path, such as has(event.tag)");
            return Err(self.at(self.nodes[arg].span, error.hint("has(event.tag)")));
        };
        let value = self.values[arg];
        if !path.contains('.') {
            let other = if matches!(value, Value::Field(_)) { "\"\"" } else { "0" };
            let hint = format!("has(event.{path})");
            let message = format!("has() needs a path with a dot; write {hint} or {path} != {other}");
            let error = FilterError::invalid(Reason::Syntax, message).hint(hint);
            return Err(self.at(self.nodes[arg].span, error));
        }
        Ok(match value {
            Value::Field(name) => self.builder.any(Subject::Field(name), vec![Test::set([""]).negate()]),
            _ => self.number(None, false, IntSet::related(Relation::NotEqual, 0)),
        })
    }

    fn test(&mut self, function: Function, receiver: Id, arg: Id) -> Result<Canon, FilterError> {
        let name = function.as_str();
        let subject = match self.values[receiver] {
            Value::Field(name) => Subject::Field(name),
            Value::Text(text) => Subject::Literal(text),
            _ => {
                return Err(self
                    .wrong_type(receiver, format!("{name}() needs a string, {}", self.described(receiver))));
            }
        };
        let text = match self.values[arg] {
            Value::Text(text) => text,
            Value::Field(_) => {
                return Err(self
                    .not_supported(self.nodes[arg].span, format!("{name}() takes a literal, not a field")));
            }
            _ => {
                return Err(self.wrong_type(arg, format!("{name}() takes a string, {}", self.described(arg))));
            }
        };
        let wanted = match function {
            Function::StartsWith => Test::Prefix { negated: false, text: text.into() },
            Function::EndsWith => Test::Suffix { negated: false, text: text.into() },
            Function::Contains => Test::Contained { negated: false, text: text.into() },
            _ => {
                let matched = self.builder.matches(subject, text);
                return matched.map_err(|fault| self.bad_pattern(arg, fault));
            }
        };
        Ok(self.builder.any(subject, vec![wanted]))
    }

    /// A wrong regular expression's place is inside its literal.
    fn bad_pattern(&self, arg: Id, fault: PatternFault) -> FilterError {
        let literal = self.nodes[arg].span;
        let span = match &fault {
            PatternFault::Bad(bad) => inside(self.text, literal.start, bad.start, bad.end),
            PatternFault::Limit(_) => literal,
        };
        self.at(span, fault.into())
    }
}
