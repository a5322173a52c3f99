//! Random filters on random events: the program says what the expression says by itself.

use proptest::prelude::*;

use crate::event::{Attributes, AttributesBuilder, EventType, Field};
use crate::filter::{Filter, Options};

/// A filter, evaluated here in the simplest way.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Leaf(Leaf),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

#[derive(Clone, Debug)]
pub(super) enum Leaf {
    Constant(bool),
    Has(&'static str, bool),
    Text { field: &'static str, function: &'static str, text: &'static str },
    In { field: &'static str, texts: Vec<&'static str> },
    Type { function: &'static str, text: &'static str },
    Int { size: &'static str, relation: &'static str, value: i64, flipped: bool },
    Ints { size: &'static str, values: Vec<i64> },
}

const FIELDS: [(&str, Field); 4] = [
    ("repository", Field::Repository),
    ("tag", Field::Tag),
    ("event.details.actor", Field::Actor),
    ("cloud_id", Field::Cloud),
];
const TEXTS: [&str; 8] = ["", "a", "b", "ab", "é", "aé", "ba", "a\"\\"];
const PATTERNS: [&str; 16] = [
    "",
    "a",
    "^a",
    "a$",
    "^a$",
    "^(a|ab)$",
    "a|b",
    "^a.*",
    ".*b$",
    "^.*a.*$",
    "^a+$",
    "[^a]",
    "^[ab]?é$",
    "b+|^$",
    "(?i)A",
    r"\\bA\\b",
];
const RELATIONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const SIZES: [&str; 5] = ["size", "-size", "size(tag)", "repository.size()", "event.size"];

fn field(name: &str) -> Field {
    FIELDS.iter().find(|(known, _)| *known == name).map_or(Field::Tag, |(_, field)| *field)
}

fn text_holds(value: &str, function: &str, text: &str) -> bool {
    match function {
        "==" => value == text,
        "!=" => value != text,
        "startsWith" => value.starts_with(text),
        "endsWith" => value.ends_with(text),
        "contains" => value.contains(text),
        _ => {
            let pattern = text.replace("\\\\", "\\").replace("\\b", "(?-u:\\b)");
            regex_automata::meta::Regex::new(&pattern).unwrap().is_match(value)
        }
    }
}

fn int(size: &str, event: &Attributes) -> i64 {
    let count = |field| i64::try_from(event.get(field).chars().count()).unwrap();
    match size {
        "-size" => -event.size(),
        "size(tag)" => count(Field::Tag),
        "repository.size()" => count(Field::Repository),
        _ => event.size(),
    }
}

impl Leaf {
    fn holds(&self, event: &Attributes) -> bool {
        match self {
            Self::Constant(constant) => *constant,
            Self::Has(name, _) => !event.get(field(name)).is_empty(),
            Self::Text { field: name, function, text } => text_holds(event.get(field(name)), function, text),
            Self::In { field: name, texts } => texts.contains(&event.get(field(name))),
            Self::Type { function, text } => text_holds(event.event_type().as_str(), function, text),
            Self::Int { size, relation, value, .. } => {
                let size = int(size, event);
                match *relation {
                    "==" => size == *value,
                    "!=" => size != *value,
                    "<" => size < *value,
                    "<=" => size <= *value,
                    ">" => size > *value,
                    _ => size >= *value,
                }
            }
            Self::Ints { size, values } => values.contains(&int(size, event)),
        }
    }

    fn print(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\"));
        let call = |name: &str, function: &str, text: &str| match function {
            "==" | "!=" => format!("{name} {function} {}", quoted(text)),
            "matches" => format!("{name}.matches('{text}')"),
            function => format!("{name}.{function}({})", quoted(text)),
        };
        match self {
            Self::Constant(constant) => constant.to_string(),
            Self::Has(name, long) if *long && !name.starts_with("event.") => format!("has(event.{name})"),
            Self::Has(name, _) => format!("{name} != ''"),
            Self::Text { field, function, text } => call(field, function, text),
            Self::In { field, texts } => {
                format!("{field} in [{}]", texts.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", "))
            }
            Self::Type { function, text } => call("type", function, text),
            Self::Int { size, relation, value, flipped: false } => format!("{size} {relation} {value}"),
            Self::Int { size, relation, value, .. } => {
                let flipped = match *relation {
                    "<" => ">",
                    "<=" => ">=",
                    ">" => "<",
                    ">=" => "<=",
                    same => same,
                };
                format!("{value} {flipped} {size}")
            }
            Self::Ints { size, values } => format!("{size} in {values:?}"),
        }
    }
}

impl Tree {
    fn holds(&self, event: &Attributes) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.holds(event),
            Self::Not(inner) => !inner.holds(event),
            Self::And(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(event)),
        }
    }

    pub(super) fn print(&self) -> String {
        let join = |parts: &[Self], between: &str| {
            let parts: Vec<_> = parts.iter().map(|part| format!("({})", part.print())).collect();
            parts.join(between)
        };
        match self {
            Self::Leaf(leaf) => leaf.print(),
            Self::Not(inner) => format!("!({})", inner.print()),
            Self::And(parts) => join(parts, " && "),
            Self::Or(parts) => join(parts, "||"),
        }
    }

    /// A filter has at most eight.
    fn patterns(&self) -> usize {
        match self {
            Self::Leaf(Leaf::Text { function, .. } | Leaf::Type { function, .. }) => {
                usize::from(*function == "matches")
            }
            Self::Leaf(_) => 0,
            Self::Not(inner) => inner.patterns(),
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::patterns).sum(),
        }
    }
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let name = || prop::sample::select(FIELDS.map(|(name, _)| name).to_vec());
    let text = || prop::sample::select(TEXTS.to_vec());
    let pattern = prop::sample::select(PATTERNS.to_vec());
    let function = prop::sample::select(vec!["==", "!=", "startsWith", "endsWith", "contains"]);
    let size = || prop::sample::select(SIZES.to_vec());
    let relation = prop::sample::select(RELATIONS.to_vec());
    let of_type = prop::sample::select(vec![
        ("==", "CreateImage"),
        ("!=", "PullImage"),
        ("startsWith", "Create"),
        ("endsWith", "Image"),
        ("contains", "Chart"),
        ("matches", "^(Create|Delete)Image$"),
        ("matches", "[a-z]Tag"),
    ]);
    prop_oneof![
        1 => any::<bool>().prop_map(Leaf::Constant),
        1 => (name(), any::<bool>()).prop_map(|(name, long)| Leaf::Has(name, long)),
        6 => (name(), function, text()).prop_map(|(field, function, text)| Leaf::Text { field, function, text }),
        3 => (name(), pattern).prop_map(|(field, text)| Leaf::Text { field, function: "matches", text }),
        3 => (name(), prop::collection::vec(text(), 0..4)).prop_map(|(field, texts)| Leaf::In { field, texts }),
        2 => of_type.prop_map(|(function, text)| Leaf::Type { function, text }),
        4 => (size(), relation, -3_i64..6, any::<bool>())
            .prop_map(|(size, relation, value, flipped)| Leaf::Int { size, relation, value, flipped }),
        1 => (size(), prop::collection::vec(-2_i64..6, 0..4)).prop_map(|(size, values)| Leaf::Ints { size, values }),
    ]
}

pub(super) fn tree() -> impl Strategy<Value = Tree> {
    let tree = leaf().prop_map(Tree::Leaf).prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|t| Tree::Not(Box::new(t))),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::And),
            2 => prop::collection::vec(inner, 1..4).prop_map(Tree::Or),
        ]
    });
    tree.prop_filter("at most eight regular expressions", |tree| tree.patterns() <= 8)
}

pub(super) fn an_event() -> impl Strategy<Value = Attributes> {
    let text = || prop::sample::select(TEXTS.to_vec());
    (prop::sample::select(EventType::ALL.to_vec()), [text(), text(), text(), text()], 0_i64..6).prop_map(
        |(event_type, texts, size)| {
            let mut builder = AttributesBuilder::new(event_type);
            for ((_, field), text) in FIELDS.iter().zip(texts) {
                builder.set(*field, text);
            }
            builder.size(size).build()
        },
    )
}

pub(super) fn parse(text: &str) -> Filter {
    let options = Options { max_text: 16 << 10, ..Options::default() };
    Filter::parse(text, &options).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_program_says_what_the_expression_says(
        tree in tree(),
        events in prop::collection::vec(an_event(), 12),
    ) {
        let filter = parse(&tree.print());
        for event in &events {
            let expected = tree.holds(event);
            prop_assert_eq!(filter.matches(event), expected, "{} as {} of {:?}", tree.print(), filter, event);
            prop_assert_eq!(filter.0.canon.holds(event), expected);
            prop_assert_eq!(filter.explain(event).matched, expected);
        }
    }

    #[test]
    fn printed_and_parsed_again_it_is_the_same(tree in tree()) {
        let filter = parse(&tree.print());
        let again = parse(filter.canonical());
        prop_assert_eq!(&again.0.canon, &filter.0.canon, "{} as {}", tree.print(), filter);
        prop_assert_eq!(again.canonical(), filter.canonical());
    }

    #[test]
    fn joined_filters_are_the_conjunction(a in tree(), b in tree(), event in an_event()) {
        let (left, right) = (parse(&a.print()), parse(&b.print()));
        let joined = left.and(&right).unwrap();
        prop_assert_eq!(joined.matches(&event), left.matches(&event) && right.matches(&event));
        prop_assert_eq!(joined.explain(&event).matched, joined.matches(&event));
        let same = right.and(&left).unwrap();
        prop_assert_eq!(joined.canonical(), same.canonical());
    }

    #[test]
    fn no_text_panics(text in r#"[a-z ()\[\]{}'"!&|=<>.,0-9\\/-]{0,60}"#) {
        check_any(&text)?;
    }

    #[test]
    fn no_mutilated_filter_panics(tree in tree(), at in any::<prop::sample::Index>(), c in any::<char>()) {
        let mut text: Vec<char> = tree.print().chars().collect();
        let index = at.index(text.len());
        text[index] = c;
        check_any(&text.into_iter().collect::<String>())?;
    }
}

/// Accepted or refused with a place in the text.
fn check_any(text: &str) -> Result<(), TestCaseError> {
    match Filter::parse(text, &Options { max_text: 16 << 10, ..Options::default() }) {
        Ok(filter) => prop_assert_eq!(parse(filter.canonical()), filter),
        Err(error) => {
            prop_assert!(error.offset + error.length <= text.chars().count(), "{}: {}", text, error);
            prop_assert!(error.line > 0 || error.pointer.is_some());
            let _ = (error.details(), error.caret(text));
        }
    }
    Ok(())
}
