//! The checked filter, in the order of its text. `explain` walks it, and the canonical form is made of it.
//!
//! It is a list in which children come before parents, so nothing here recurses.

use super::canon::Canon;
use super::error::{FilterError, Span};
use super::limits;

pub(super) type Id = usize;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) place: Location,
    depth: Depth,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// One condition of the text. One regular expression or glob may be several to the program.
    Leaf(Canon),
    Not(Id),
    And(Id, Id),
    Or(Id, Id),
}

/// Where a node stands in what the client wrote.
#[derive(Clone, Debug)]
pub(super) enum Location {
    Text(Span),
    /// In a shorthand object.
    Pointer(Box<str>),
}

/// Changes between and, or and not below, and what changes next.
#[derive(Clone, Copy, Debug)]
struct Depth {
    top: Top,
    levels: usize,
    /// Levels below a `!`, so that a second one undoes it.
    below: (Top, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Top {
    Leaf,
    Not,
    And,
    Or,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Expr {
    pub(super) nodes: Vec<Node>,
}

impl Expr {
    /// Adds a node; its children are there already. The error has no place yet.
    pub(super) fn add(&mut self, kind: Kind, place: Location) -> Result<Id, FilterError> {
        if self.nodes.len() == limits::CONDITIONS {
            return Err(limits::too_many());
        }
        let depth = self.depth(&kind);
        // A `!` may be undone by another before it.
        if depth.levels > limits::DEPTH && !matches!(kind, Kind::Not(_)) {
            return Err(limits::too_deep());
        }
        self.nodes.push(Node { kind, place, depth });
        Ok(self.nodes.len() - 1)
    }

    /// Checks what is known of the whole only. `text` is what places are in.
    pub(super) fn finish(&self, text: &str) -> Result<(), FilterError> {
        match self.nodes.last() {
            Some(root) if root.depth.levels > limits::DEPTH => Err(match &root.place {
                Location::Text(span) => limits::too_deep().at(text, *span),
                Location::Pointer(pointer) => limits::too_deep().point(pointer),
            }),
            _ => Ok(()),
        }
    }

    fn depth(&self, kind: &Kind) -> Depth {
        let of = |id: Id| self.nodes[id].depth;
        let join = |top, a: Id, b: Id| {
            let levels = |d: Depth| d.levels + usize::from(d.top != top);
            let levels = levels(of(a)).max(levels(of(b)));
            Depth { top, levels, below: (Top::Leaf, 0) }
        };
        match *kind {
            Kind::Leaf(_) => Depth { top: Top::Leaf, levels: 0, below: (Top::Leaf, 0) },
            Kind::And(a, b) => join(Top::And, a, b),
            Kind::Or(a, b) => join(Top::Or, a, b),
            Kind::Not(id) => {
                let inner = of(id);
                match inner.top {
                    Top::Not => {
                        Depth { top: inner.below.0, levels: inner.below.1, below: (Top::Not, inner.levels) }
                    }
                    top => Depth { top: Top::Not, levels: inner.levels + 1, below: (top, inner.levels) },
                }
            }
        }
    }

    /// The canonical form; `true` for no nodes.
    pub(super) fn canon(&self) -> Canon {
        let Some(root) = self.nodes.len().checked_sub(1) else { return Canon::Constant(true) };
        let negated = self.negated();
        let mut done: Vec<Option<Canon>> = Vec::with_capacity(self.nodes.len());
        // Chains of one operator are joined once, at their top, so that they cost their length.
        let joined = self.joined();
        for (id, node) in self.nodes.iter().enumerate() {
            let canon = match &node.kind {
                Kind::Leaf(canon) => Some(if negated[id] { canon.clone().negate() } else { canon.clone() }),
                Kind::Not(inner) => done[*inner].take(),
                Kind::And(..) | Kind::Or(..) if joined[id] => None,
                Kind::And(..) | Kind::Or(..) => {
                    let parts = self.parts(id, &joined).into_iter().filter_map(|part| done[part].take());
                    let all = matches!(node.kind, Kind::And(..)) != negated[id];
                    Some(if all { Canon::all(parts) } else { Canon::any(parts) })
                }
            };
            done.push(canon);
        }
        done[root].take().unwrap_or(Canon::Constant(true))
    }

    /// Which nodes stand below an odd number of `!`.
    fn negated(&self) -> Vec<bool> {
        let mut negated = vec![false; self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate().rev() {
            match node.kind {
                Kind::Leaf(_) => {}
                Kind::Not(inner) => negated[inner] = !negated[id],
                Kind::And(a, b) | Kind::Or(a, b) => {
                    negated[a] = negated[id];
                    negated[b] = negated[id];
                }
            }
        }
        negated
    }

    /// Which nodes are part of a longer chain of the same operator.
    fn joined(&self) -> Vec<bool> {
        let mut joined = vec![false; self.nodes.len()];
        for node in &self.nodes {
            let (Kind::And(a, b) | Kind::Or(a, b)) = node.kind else { continue };
            for child in [a, b] {
                let same =
                    std::mem::discriminant(&self.nodes[child].kind) == std::mem::discriminant(&node.kind);
                joined[child] = same;
            }
        }
        joined
    }

    /// The operands of the chain that ends at `id`.
    fn parts(&self, id: Id, joined: &[bool]) -> Vec<Id> {
        let mut parts = Vec::new();
        let mut rest = vec![id];
        while let Some(next) = rest.pop() {
            match self.nodes[next].kind {
                Kind::And(a, b) | Kind::Or(a, b) if next == id || joined[next] => rest.extend([b, a]),
                _ => parts.push(next),
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Location {
        Location::Text(Span::default())
    }

    #[test]
    fn double_negation_is_no_depth() {
        let mut expr = Expr::default();
        let mut top = expr.add(Kind::Leaf(Canon::Constant(true)), place()).unwrap();
        for _ in 0..100 {
            top = expr.add(Kind::Not(top), place()).unwrap();
        }
        assert_eq!(expr.nodes[top].depth.levels, 0);
        assert_eq!(expr.canon(), Canon::Constant(true));
    }
}
