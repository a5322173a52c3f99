//! Tokens to a tree. No recursion: what is open stands on a stack, and the tree is a list in which
//! children come before parents.

use std::borrow::Cow;

use super::error::{Code, FilterError, Reason, Span, shorten};
use super::ints::Relation;
use super::lex::{Kind, Lexer, Token, too_large};
use super::{fields, limits};

mod refuse;

/// Bytes of a path: beyond, it is no field, and need not be read to its end.
const PATH_BYTES: usize = 128;

/// Index of a node.
pub(super) type Id = usize;

#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) kind: Syntax<'a>,
    /// Without parentheses around it.
    pub(super) span: Span,
    /// With them.
    pub(super) outer: Span,
}

#[derive(Clone, Debug)]
pub(super) enum Syntax<'a> {
    /// Names with dots between, without blanks.
    Path(Cow<'a, str>),
    Text(Cow<'a, str>),
    Int(i64),
    Bool(bool),
    List(Vec<Id>),
    Not(Id),
    Negative(Id),
    Binary(Binary, Id, Id),
    Call(Function, Vec<Id>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Or,
    And,
    In,
    Related(Relation),
}

impl Binary {
    /// How close it binds.
    const fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::In | Self::Related(_) => 3,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    StartsWith,
    EndsWith,
    Contains,
    Matches,
    Size,
    Has,
}

impl Function {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Contains => "contains",
            Self::Matches => "matches",
            Self::Size => "size",
            Self::Has => "has",
        }
    }

    fn method(name: &str) -> Option<Self> {
        [Self::StartsWith, Self::EndsWith, Self::Contains, Self::Matches, Self::Size]
            .into_iter()
            .find(|function| function.as_str() == name)
    }

    fn global(name: &str) -> Option<Self> {
        [Self::Matches, Self::Size, Self::Has].into_iter().find(|function| function.as_str() == name)
    }
}

/// What has been opened and waits for its end.
enum Frame {
    Unary {
        not: bool,
        span: Span,
    },
    Binary {
        op: Binary,
        left: Id,
    },
    Paren(Span),
    List(Span, Vec<Id>),
    /// A receiver is the first argument.
    Call {
        function: Function,
        start: Span,
        args: Vec<Id>,
    },
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Token<'a>,
    nodes: Vec<Node<'a>>,
    frames: Vec<Frame>,
    operators: usize,
    parentheses: usize,
}

/// The nodes of `text`, the last of which is the whole; none if there is nothing but blanks.
pub(super) fn parse(text: &str) -> Result<Vec<Node<'_>>, FilterError> {
    let mut lexer = Lexer::new(text);
    let token = lexer.next()?;
    let (nodes, frames) = (Vec::new(), Vec::new());
    let mut parser = Parser { text, lexer, token, nodes, frames, operators: 0, parentheses: 0 };
    if parser.token.kind == Kind::End {
        return Ok(Vec::new());
    }
    loop {
        let Some(operand) = parser.operand()? else { continue };
        if parser.operator(operand)? {
            return Ok(parser.nodes);
        }
    }
}

impl<'a> Parser<'a> {
    fn advance(&mut self) -> Result<Token<'a>, FilterError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn add(&mut self, kind: Syntax<'a>, span: Span) -> Id {
        self.nodes.push(Node { kind, span, outer: span });
        self.nodes.len() - 1
    }

    fn open(&mut self, span: Span) -> Result<(), FilterError> {
        self.parentheses += 1;
        if self.parentheses > limits::PARENTHESES {
            let message = format!("more than {} parentheses within each other", limits::PARENTHESES);
            return Err(FilterError::over(Code::FilterTooComplex, message).at(self.text, span));
        }
        Ok(())
    }

    /// Counts `&&`, `||`, `!` and `-` early, so that no text of them costs more than a good filter.
    fn count_operator(&mut self, span: Span) -> Result<(), FilterError> {
        self.operators += 1;
        if self.operators > limits::CONDITIONS { Err(limits::too_many().at(self.text, span)) } else { Ok(()) }
    }

    /// Reads what may stand before an operator. `None` where something was opened and its operand is next.
    fn operand(&mut self) -> Result<Option<Id>, FilterError> {
        let token = self.token.clone();
        let span = token.span;
        let id = match token.kind {
            Kind::Sign("!" | "-") => {
                self.advance()?;
                self.count_operator(span)?;
                self.frames.push(Frame::Unary { not: token.kind == Kind::Sign("!"), span });
                return Ok(None);
            }
            Kind::Sign("(") => {
                self.advance()?;
                self.open(span)?;
                self.frames.push(Frame::Paren(span));
                return Ok(None);
            }
            Kind::Sign("[") => {
                if matches!(self.frames.last(), Some(Frame::List(..))) {
                    return Err(self.refuse(span, "lists within lists are not part of filters"));
                }
                self.advance()?;
                self.frames.push(Frame::List(span, Vec::new()));
                return Ok(None);
            }
            Kind::Sign("]") if matches!(self.frames.last(), Some(Frame::List(..))) => {
                self.advance()?;
                self.close_list(span)?
            }
            Kind::Sign(")") if matches!(self.frames.last(), Some(Frame::Call { args, .. }) if args.is_empty()) =>
            {
                self.advance()?;
                self.close_call(span)?
            }
            Kind::Text(text) => {
                self.advance()?;
                self.add(Syntax::Text(text), span)
            }
            Kind::Int(magnitude) => {
                self.advance()?;
                self.int(magnitude, span)?
            }
            Kind::Ident(name) => {
                self.advance()?;
                match self.word(name, span)? {
                    Some(id) => id,
                    None => return Ok(None),
                }
            }
            _ => return Err(self.unexpected_operand()),
        };
        self.members(id)
    }

    /// An int with the sign right before it, which belongs to it: the least int has no positive.
    fn int(&mut self, magnitude: u64, span: Span) -> Result<Id, FilterError> {
        if let Some(Frame::Unary { not: false, span: sign }) = self.frames.last() {
            let span = sign.to(span);
            let value = 0_i64.checked_sub_unsigned(magnitude);
            self.frames.pop();
            let value = value.ok_or_else(|| too_large(self.text, span.start, span.end))?;
            return Ok(self.add(Syntax::Int(value), span));
        }
        let value = i64::try_from(magnitude).map_err(|_| too_large(self.text, span.start, span.end))?;
        Ok(self.add(Syntax::Int(value), span))
    }

    /// A literal, a function or the start of a path.
    fn word(&mut self, name: &'a str, span: Span) -> Result<Option<Id>, FilterError> {
        match name {
            "true" | "false" => return Ok(Some(self.add(Syntax::Bool(name == "true"), span))),
            "null" => {
                return Err(
                    self.refuse(span, "null is not part of filters; a field that is not set is \"\" or 0")
                );
            }
            "in" => return Err(self.unexpected(span, "unexpected 'in'; expected a field or a literal")),
            _ => {}
        }
        if self.token.kind == Kind::Sign("(") {
            let Some(function) = Function::global(name) else {
                return Err(self.unknown_function(name, span));
            };
            self.open_call(function, span, Vec::new())?;
            return Ok(None);
        }
        if name.eq_ignore_ascii_case("not") && self.begins_operand() {
            let message = format!("unexpected '{name}'; write '!'");
            return Err(self.unexpected(span, message).hint("!"));
        }
        Ok(Some(self.add(Syntax::Path(name.into()), span)))
    }

    fn open_call(&mut self, function: Function, start: Span, args: Vec<Id>) -> Result<(), FilterError> {
        let token = self.advance()?;
        self.open(token.span)?;
        self.frames.push(Frame::Call { function, start, args });
        // A receiver counts as argument; what stands in the parentheses is checked with the types.
        Ok(())
    }

    /// What follows an operand with a dot: more of a path, or a call.
    fn members(&mut self, mut id: Id) -> Result<Option<Id>, FilterError> {
        while self.token.kind == Kind::Sign(".") {
            let dot = self.advance()?.span;
            let Kind::Ident(name) = self.token.kind else {
                return Err(self.unexpected_here("a name"));
            };
            let span = self.advance()?.span;
            if self.token.kind == Kind::Sign("(") {
                let Some(function) = Function::method(name) else {
                    return Err(self.unknown_function(name, span));
                };
                let start = self.nodes[id].outer;
                self.open_call(function, start, vec![id])?;
                return self.empty_call();
            }
            id = self.extend_path(id, dot, name, span)?;
        }
        Ok(Some(id))
    }

    /// A method may have no argument: `tag.size()`.
    fn empty_call(&mut self) -> Result<Option<Id>, FilterError> {
        if self.token.kind != Kind::Sign(")") {
            return Ok(None);
        }
        let end = self.advance()?.span;
        let id = self.close_call(end)?;
        // A call that ends at once is not a receiver of another: it is a number.
        Ok(Some(id))
    }

    fn extend_path(&mut self, id: Id, dot: Span, name: &str, span: Span) -> Result<Id, FilterError> {
        let node = &mut self.nodes[id];
        let Syntax::Path(path) = &mut node.kind else {
            return Err(self.refuse(dot.to(span), "only fields of the event have parts"));
        };
        let joined = node.span.end == dot.start && dot.end == span.start && matches!(path, Cow::Borrowed(_));
        *path = if joined {
            Cow::Borrowed(&self.text[node.span.start..span.end])
        } else {
            Cow::Owned(format!("{path}.{name}"))
        };
        node.span.end = span.end;
        node.outer = node.span;
        if path.len() > PATH_BYTES {
            return Err(fields::unknown(path, Reason::UnknownName).at(self.text, node.span));
        }
        Ok(id)
    }

    /// Reads what may follow an operand. True at the end of the text.
    fn operator(&mut self, mut operand: Id) -> Result<bool, FilterError> {
        loop {
            let span = self.token.span;
            let Some(op) = self.binary() else {
                operand = self.reduce(operand, 0);
                match self.close(operand)? {
                    Continuation::Operand(id) => operand = id,
                    Continuation::Next => return Ok(false),
                    Continuation::End => return Ok(true),
                }
                let Some(id) = self.members(operand)? else { return Ok(false) };
                operand = id;
                continue;
            };
            self.advance()?;
            if matches!(op, Binary::And | Binary::Or) {
                self.count_operator(span)?;
            }
            let left = self.reduce(operand, op.precedence());
            self.frames.push(Frame::Binary { op, left });
            return Ok(false);
        }
    }

    fn binary(&self) -> Option<Binary> {
        Some(match self.token.kind {
            Kind::Sign("||") => Binary::Or,
            Kind::Sign("&&") => Binary::And,
            Kind::Sign("==") => Binary::Related(Relation::Equal),
            Kind::Sign("!=") => Binary::Related(Relation::NotEqual),
            Kind::Sign("<") => Binary::Related(Relation::Less),
            Kind::Sign("<=") => Binary::Related(Relation::LessOrEqual),
            Kind::Sign(">") => Binary::Related(Relation::Greater),
            Kind::Sign(">=") => Binary::Related(Relation::GreaterOrEqual),
            Kind::Ident("in") => Binary::In,
            _ => return None,
        })
    }

    /// Ends the operators that bind at least as close as `precedence`; the last one's node.
    fn reduce(&mut self, mut right: Id, precedence: u8) -> Id {
        loop {
            let outer = self.nodes[right].outer;
            match self.frames.last() {
                Some(Frame::Unary { not, span }) => {
                    let kind = if *not { Syntax::Not(right) } else { Syntax::Negative(right) };
                    let span = span.to(outer);
                    self.frames.pop();
                    right = self.add(kind, span);
                }
                Some(Frame::Binary { op, left }) if op.precedence() >= precedence => {
                    let span = self.nodes[*left].outer.to(outer);
                    let kind = Syntax::Binary(*op, *left, right);
                    self.frames.pop();
                    right = self.add(kind, span);
                }
                _ => return right,
            }
        }
    }

    /// Handles what ends an operand: `)`, `]`, `,` or the end of the text.
    fn close(&mut self, operand: Id) -> Result<Continuation, FilterError> {
        let span = self.token.span;
        match (&self.token.kind, self.frames.last_mut()) {
            (Kind::End, None) => Ok(Continuation::End),
            (Kind::Sign(")"), Some(Frame::Paren(start))) => {
                self.nodes[operand].outer = start.to(span);
                self.frames.pop();
                self.parentheses -= 1;
                self.advance()?;
                Ok(Continuation::Operand(operand))
            }
            (Kind::Sign(")"), Some(Frame::Call { args, .. })) => {
                args.push(operand);
                self.advance()?;
                self.close_call(span).map(Continuation::Operand)
            }
            (Kind::Sign(","), Some(Frame::Call { args, .. })) => {
                args.push(operand);
                self.advance()?;
                Ok(Continuation::Next)
            }
            (Kind::Sign("," | "]"), Some(Frame::List(_, items))) => {
                items.push(operand);
                if items.len() > limits::ITEMS {
                    return Err(limits::too_long_list().at(self.text, self.nodes[operand].outer));
                }
                let ends = self.token.kind == Kind::Sign("]");
                self.advance()?;
                if ends { self.close_list(span).map(Continuation::Operand) } else { Ok(Continuation::Next) }
            }
            _ => Err(self.unexpected_operator()),
        }
    }

    fn close_call(&mut self, end: Span) -> Result<Id, FilterError> {
        let Some(Frame::Call { function, start, args }) = self.frames.pop() else {
            return Err(self.unexpected_operand());
        };
        self.parentheses -= 1;
        Ok(self.add(Syntax::Call(function, args), start.to(end)))
    }

    fn close_list(&mut self, end: Span) -> Result<Id, FilterError> {
        let Some(Frame::List(start, items)) = self.frames.pop() else {
            return Err(self.unexpected_operand());
        };
        Ok(self.add(Syntax::List(items), start.to(end)))
    }

    /// A span without further words, for messages.
    fn shown(&self, span: Span) -> Cow<'a, str> {
        shorten(&self.text[span.start..span.end])
    }

    fn refuse(&self, span: Span, message: impl Into<String>) -> FilterError {
        FilterError::invalid(Reason::NotSupported, message).at(self.text, span)
    }

    fn unexpected(&self, span: Span, message: impl Into<String>) -> FilterError {
        FilterError::invalid(Reason::Syntax, message).at(self.text, span)
    }
}

/// What follows an operand that [`Parser::close`] has taken in.
enum Continuation {
    /// An operand is complete; an operator may follow.
    Operand(Id),
    /// The next operand of a list or call follows.
    Next,
    End,
}
