//! From text to the parser's tree, as RE2 would read it.

use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassPerlKind, ClassSetItem, ClassUnicode, ClassUnicodeKind, Flag, Flags,
    FlagsItemKind, GroupKind, HexLiteralKind, Literal, LiteralKind, RepetitionKind, RepetitionRange, Visitor,
};
use regex_syntax::hir::{Hir, translate::Translator};

/// Parentheses within each other, of one regular expression.
const NEST_LIMIT: u32 = 40;
/// RE2's own limit for `{n,m}`.
const REPEAT_LIMIT: u32 = 1000;

/// Code points in classes under `(?i)`, each of which is looked up: about 300 µs.
const FOLD_LIMIT: u32 = 1 << 16;
/// What a category or script counts as, being already sorted.
const FOLD_PROPERTY: u32 = 30_000;

/// A regular expression that can't be read, and which bytes of it are at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::filter) struct BadPattern {
    pub(in crate::filter) message: String,
    pub(in crate::filter) start: usize,
    pub(in crate::filter) end: usize,
}

impl BadPattern {
    fn new(message: impl Into<String>, span: &ast::Span) -> Self {
        Self { message: message.into(), start: span.start.offset, end: span.end.offset }
    }
}

/// What a text was read as.
#[derive(Clone, Debug)]
pub(in crate::filter) struct Parsed {
    pub(in crate::filter) hir: Hir,
    /// The text without a group around everything between `^` and `$`, which changes nothing.
    pub(in crate::filter) text: String,
}

/// Reads `text`, refusing what RE2 refuses or reads otherwise.
pub(in crate::filter) fn parse(text: &str) -> Result<Parsed, BadPattern> {
    let ast = syntax(text)?;
    let edits = ast::visit(&ast, Check::default())?;
    let hir = if edits.is_empty() {
        Translator::new().translate(text, &ast).map_err(|e| BadPattern::new(e.kind().to_string(), e.span()))
    } else {
        translate_edited(text, &edits)
    };
    Ok(Parsed { hir: hir?, text: unwrapped(text, &ast) })
}

fn syntax(text: &str) -> Result<Ast, BadPattern> {
    let mut parser = ast::parse::ParserBuilder::new().nest_limit(NEST_LIMIT).build();
    parser.parse(text).map_err(|e| BadPattern::new(e.kind().to_string(), e.span()))
}

/// A part of the text that has to be written otherwise to mean what RE2 means by it.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

fn translate_edited(text: &str, edits: &[Edit]) -> Result<Hir, BadPattern> {
    let mut edited = String::with_capacity(text.len() * 2);
    let mut at = 0;
    for edit in edits {
        edited.push_str(&text[at..edit.start]);
        edited.push_str(&edit.text);
        at = edit.end;
    }
    edited.push_str(&text[at..]);
    let ast = syntax(&edited).map_err(|e| restore(edits, e))?;
    Translator::new()
        .translate(&edited, &ast)
        .map_err(|e| restore(edits, BadPattern::new(e.kind().to_string(), e.span())))
}

/// The same fault, placed in the text before the edits.
fn restore(edits: &[Edit], bad: BadPattern) -> BadPattern {
    let place = |offset: usize| {
        let (mut before, mut after) = (0, 0);
        for edit in edits {
            let starts = after + edit.start - before;
            if offset < starts {
                break;
            }
            if offset < starts + edit.text.len() {
                return (edit.start, edit.end);
            }
            (before, after) = (edit.end, starts + edit.text.len());
        }
        (before + offset - after, before + offset - after)
    };
    BadPattern { start: place(bad.start).0, end: place(bad.end).1, ..bad }
}

/// Refuses what is not RE2's; gathers what has to be edited, in the order of the text.
#[derive(Default)]
struct Check {
    edits: Vec<Edit>,
    /// Whether `(?i)` stood before; how far it reaches does not matter.
    folds: bool,
    folded: u32,
}

impl Check {
    fn edit(&mut self, span: &ast::Span, text: impl Into<String>) {
        self.edits.push(Edit { start: span.start.offset, end: span.end.offset, text: text.into() });
    }

    /// Counts the code points of a class under `(?i)`.
    fn fold(&mut self, count: u32, span: &ast::Span) -> Result<(), BadPattern> {
        self.folded = self.folded.saturating_add(if self.folds { count } else { 0 });
        if self.folded > FOLD_LIMIT {
            return Err(BadPattern::new("too many characters in classes under (?i)", span));
        }
        Ok(())
    }

    fn range(&mut self, range: &ast::ClassSetRange) -> Result<(), BadPattern> {
        check_literal(&range.start)?;
        check_literal(&range.end)?;
        self.fold(u32::from(range.end.c).saturating_sub(u32::from(range.start.c)), &range.span)
    }

    fn flags(&mut self, flags: &Flags) -> Result<(), BadPattern> {
        self.folds |= flags.items.iter().any(|i| i.kind == FlagsItemKind::Flag(Flag::CaseInsensitive));
        check_flags(flags)
    }

    fn perl(&mut self, class: &ast::ClassPerl) {
        let text = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            // RE2's has no vertical tab.
            (ClassPerlKind::Space, false) => r"[\t\n\f\r ]",
            (ClassPerlKind::Space, true) => r"[^\t\n\f\r ]",
            (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
            (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
        };
        self.edit(&class.span, text);
    }

    /// RE2 knows general categories (but `C`, whose meaning varies) and scripts.
    fn unicode(&mut self, class: &ClassUnicode) -> Result<(), BadPattern> {
        self.fold(FOLD_PROPERTY, &class.span)?;
        let name = match &class.kind {
            ClassUnicodeKind::OneLetter(letter) if *letter != 'C' => return Ok(()),
            ClassUnicodeKind::Named(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => name,
            _ => {
                return Err(BadPattern::new("unknown property; RE2 has categories and scripts", &class.span));
            }
        };
        if name.len() > 2 && name != "Any" {
            self.edit(&class.span, format!(r"\{}{{sc={name}}}", if class.negated { 'P' } else { 'p' }));
        }
        Ok(())
    }

    fn assertion(&mut self, assertion: &ast::Assertion) -> Result<(), BadPattern> {
        match assertion.kind {
            AssertionKind::WordBoundary => self.edit(&assertion.span, r"(?-u:\b)"),
            AssertionKind::NotWordBoundary => self.edit(&assertion.span, r"(?-u:\B)"),
            AssertionKind::StartLine
            | AssertionKind::EndLine
            | AssertionKind::StartText
            | AssertionKind::EndText => {}
            _ => return Err(BadPattern::new(r"only \b and \B are word boundaries in RE2", &assertion.span)),
        }
        Ok(())
    }
}

impl Visitor for Check {
    type Output = Vec<Edit>;
    type Err = BadPattern;

    fn finish(self) -> Result<Vec<Edit>, BadPattern> {
        Ok(self.edits)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), BadPattern> {
        match ast {
            Ast::Literal(literal) => check_literal(literal),
            Ast::Assertion(assertion) => self.assertion(assertion),
            Ast::ClassPerl(class) => {
                self.perl(class);
                Ok(())
            }
            Ast::ClassUnicode(class) => self.unicode(class),
            Ast::Repetition(repetition) => check_repetition(repetition),
            Ast::Flags(set) => self.flags(&set.flags),
            Ast::Group(group) => match &group.kind {
                GroupKind::NonCapturing(flags) => self.flags(flags),
                _ => Ok(()),
            },
            Ast::Empty(_) | Ast::Dot(_) | Ast::ClassBracketed(_) | Ast::Alternation(_) | Ast::Concat(_) => {
                Ok(())
            }
        }
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), BadPattern> {
        match item {
            ClassSetItem::Literal(literal) => check_literal(literal),
            ClassSetItem::Range(range) => self.range(range),
            ClassSetItem::Perl(class) => {
                self.perl(class);
                Ok(())
            }
            ClassSetItem::Unicode(class) => self.unicode(class),
            ClassSetItem::Bracketed(class) => {
                Err(BadPattern::new(r"a '[' in a class is written \[ in a filter", &class.span))
            }
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) | ClassSetItem::Union(_) => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, op: &ast::ClassSetBinaryOp) -> Result<(), BadPattern> {
        Err(BadPattern::new("'&&', '--' and '~~' in a class are not RE2; escape one of the two", &op.span))
    }
}

fn check_literal(literal: &Literal) -> Result<(), BadPattern> {
    match literal.kind {
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            Err(BadPattern::new(r"a code point is written \x{…} in RE2", &literal.span))
        }
        _ => Ok(()),
    }
}

fn check_repetition(repetition: &ast::Repetition) -> Result<(), BadPattern> {
    if matches!(*repetition.ast, Ast::Repetition(_)) {
        return Err(BadPattern::new(
            "repetition of a repetition; put the inner one into (?:…)",
            &repetition.op.span,
        ));
    }
    let most = match repetition.op.kind {
        RepetitionKind::Range(RepetitionRange::Exactly(n) | RepetitionRange::AtLeast(n)) => n,
        RepetitionKind::Range(RepetitionRange::Bounded(n, m)) => n.max(m),
        _ => 0,
    };
    if most > REPEAT_LIMIT {
        let message = format!("repetition of more than {REPEAT_LIMIT}");
        return Err(BadPattern::new(message, &repetition.op.span));
    }
    Ok(())
}

fn check_flags(flags: &Flags) -> Result<(), BadPattern> {
    let foreign = flags.items.iter().find(|item| {
        matches!(item.kind, FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace))
    });
    match foreign {
        Some(item) => Err(BadPattern::new("unknown flag; RE2 has i, m, s and U", &item.span)),
        None => Ok(()),
    }
}

/// `^(?:p)$` as `^p$`, as often as it goes, where `p` is no alternation and sets no flags.
fn unwrapped(text: &str, ast: &Ast) -> String {
    let Ast::Concat(concat) = ast else { return text.to_owned() };
    let [Ast::Assertion(start), Ast::Group(group), Ast::Assertion(end)] = &concat.asts[..] else {
        return text.to_owned();
    };
    let anchored = start.kind == AssertionKind::StartLine && end.kind == AssertionKind::EndLine;
    let plain = matches!(&group.kind, GroupKind::NonCapturing(flags) if flags.items.is_empty());
    let open = match &*group.ast {
        Ast::Alternation(_) | Ast::Flags(_) => false,
        Ast::Concat(concat) => !concat.asts.iter().any(|part| matches!(part, Ast::Flags(_))),
        _ => true,
    };
    if !(anchored && plain && open) {
        return text.to_owned();
    }
    let inner = group.ast.span();
    let inner = format!("^{}$", &text[inner.start.offset..inner.end.offset]);
    match syntax(&inner) {
        Ok(ast) => unwrapped(&inner, &ast),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_re2_lacks_is_refused_at_its_place() {
        for (text, start, end) in [
            ("release-(", 8, 9),
            ("[a&&b]", 1, 5),
            ("a[b[c]]", 3, 6),
            (r"\u0041", 0, 6),
            ("a**", 2, 3),
            ("(?x)a", 2, 3),
            ("(?i-u:a)", 4, 5),
            (r"a\<b", 1, 3),
            (r"\pC", 0, 3),
            (r"\p{Alphabetic}", 0, 14),
            (r"\d\d\p{Alphabetic}", 4, 18),
            ("a{1001}", 1, 7),
            (r"(a)\1", 3, 5),
            (r"(?i)[a-\x{ffff}][a-\x{ffff}]", 17, 27),
            (r"(?i:\pL)\pL\pL", 11, 14),
            ("a{2,1}", 1, 6),
            ("(?=a)", 0, 3),
        ] {
            let bad = parse(text).unwrap_err();
            assert_eq!((bad.start, bad.end), (start, end), "{text}: {}", bad.message);
        }
    }

    #[test]
    fn a_group_around_everything_is_dropped() {
        for (text, unwrapped) in [
            ("^(?:a+)$", "^a+$"),
            ("^(?:(?:a+))$", "^a+$"),
            ("^(?:a|b+)$", "^(?:a|b+)$"),
            ("^(?:(?i)a)$", "^(?:(?i)a)$"),
            ("^(a+)$", "^(a+)$"),
            ("^(?:a)(?:b)$", "^(?:a)(?:b)$"),
        ] {
            assert_eq!(parse(text).unwrap().text, unwrapped);
        }
    }
}
