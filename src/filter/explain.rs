//! Finds the condition that decided an event, in the order in which the client wrote them.

use crate::event::Attributes;

use super::canon::Canon;
use super::expr::{Expr, Kind, Location};
use super::fields::Name;
use super::print;

/// The condition that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The condition as the client wrote it; for a shorthand object, as an expression.
    pub text: String,
    /// Code points before it; 0 for a shorthand object.
    pub offset: usize,
    /// Code points of it; 0 for a shorthand object.
    pub length: usize,
    /// JSON pointer into a shorthand object.
    pub pointer: Option<String>,
    /// The event's value of the field that it tests; empty for a constant.
    pub value: String,
    /// Whether the event passes the filter.
    pub matched: bool,
}

/// What a client wrote, for explanations.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) text: Box<str>,
    pub(super) expr: Expr,
}

impl Source {
    /// Whether the event passes, and the condition that decided: of `&&` the first that failed or, if all
    /// held, the first; of `||` the first that held or, if none did, the first.
    pub(super) fn explain(&self, event: &Attributes) -> Explanation {
        let mut results: Vec<(bool, usize)> = Vec::with_capacity(self.expr.nodes.len());
        for (id, node) in self.expr.nodes.iter().enumerate() {
            let result = match &node.kind {
                Kind::Leaf(canon) => (canon.holds(event), id),
                Kind::Not(inner) => (!results[*inner].0, results[*inner].1),
                Kind::And(a, b) if results[*a].0 && !results[*b].0 => results[*b],
                Kind::Or(a, b) if !results[*a].0 && results[*b].0 => results[*b],
                Kind::And(a, _) | Kind::Or(a, _) => results[*a],
            };
            results.push(result);
        }
        match results.last() {
            Some((matched, leaf)) => self.explanation(*leaf, *matched, event),
            None => Explanation {
                text: "true".to_owned(),
                offset: 0,
                length: 0,
                pointer: None,
                value: String::new(),
                matched: true,
            },
        }
    }

    fn explanation(&self, leaf: usize, matched: bool, event: &Attributes) -> Explanation {
        let node = &self.expr.nodes[leaf];
        let canon = match &node.kind {
            Kind::Leaf(canon) => canon,
            _ => &Canon::Constant(matched),
        };
        let value = value(canon, event);
        match &node.place {
            Location::Text(span) => Explanation {
                text: self.text.get(span.start..span.end).unwrap_or_default().to_owned(),
                offset: self.text.get(..span.start).unwrap_or_default().chars().count(),
                length: self.text.get(span.start..span.end).unwrap_or_default().chars().count(),
                pointer: None,
                value,
                matched,
            },
            Location::Pointer(pointer) => Explanation {
                text: print::filter(canon),
                offset: 0,
                length: 0,
                pointer: Some(pointer.to_string()),
                value,
                matched,
            },
        }
    }
}

/// The event's value of the field that the condition tests.
fn value(canon: &Canon, event: &Attributes) -> String {
    match canon {
        Canon::Constant(_) => String::new(),
        Canon::Condition(condition) if condition.name == Name::Size => event.size().to_string(),
        Canon::Condition(condition) => condition.name.text(event).to_owned(),
        // A leaf of several conditions tests one field.
        Canon::All(parts) | Canon::Any(parts) => {
            parts.first().map(|part| value(part, event)).unwrap_or_default()
        }
    }
}
