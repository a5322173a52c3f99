//! Lowered regular expressions and globs say what the regular expression itself says.

use proptest::prelude::*;

use crate::event::{AttributesBuilder, EventType, Field};
use crate::filter::fields::Name;
use crate::filter::lower::{Comparison, lower};
use crate::filter::pattern::{Pattern, Reading, parse};
use crate::filter::{Filter, Options};

/// Pieces that make lowered and real regular expressions about equally often.
fn regex() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "é",
        r"\.",
        "ab",
        "(a|b)",
        "(?:a|ab|é)",
        "[ab]",
        "a?",
        "(ab){2}",
        ".",
        ".*",
        ".*?",
        "a*",
        "(?s:.*)",
        r"\d",
        "()",
        "(a)",
        "$",
        "^",
        r"[^a]",
        "(?i:a)",
        "|",
        r"\b",
        r"\B",
        "1",
    ]);
    (any::<bool>(), prop::collection::vec(piece, 0..5), any::<bool>()).prop_map(|(start, pieces, end)| {
        format!("{}{}{}", if start { "^" } else { "" }, pieces.concat(), if end { "$" } else { "" })
    })
}

fn value(alphabet: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(alphabet), 0..6).prop_map(|parts| parts.concat())
}

const ALPHABET: &[&str] = &["a", "b", "A", "é", ".", "1", "ab"];
const WITH_BREAKS: &[&str] = &["a", "b", "A", "é", ".", "1", "ab", "\n"];

fn assert_lowered(regex: &str, value: &str, may_break: bool) -> Result<(), TestCaseError> {
    let Ok(parsed) = parse(regex, Reading::Strict) else { return Ok(()) };
    let Some(parts) = lower(&parsed.hir, may_break) else { return Ok(()) };
    let itself = Pattern::new(regex, &parsed.hir).unwrap();
    let lowered = parts.iter().any(|(how, texts)| {
        texts.iter().any(|text| match how {
            Comparison::Equal => value == text,
            Comparison::Prefix => value.starts_with(text),
            Comparison::Suffix => value.ends_with(text),
            Comparison::Contained => value.contains(text),
        })
    });
    prop_assert_eq!(lowered, itself.is_match(value), "{} of {:?}: {:?}", regex, value, parts);
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Run,
    AnyRun,
    One,
    Char(char),
}

/// The parts of a glob without alternatives.
fn parts(glob: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = glob.chars().peekable();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' if chars.next_if_eq(&'*').is_some() => Part::AnyRun,
            '*' => Part::Run,
            '?' => Part::One,
            c => Part::Char(c),
        });
    }
    parts
}

/// A glob by its definition: every choice among its alternatives is tried.
fn globs(before: &[Part], glob: &str, value: &[char], path: bool) -> bool {
    let (Some(open), Some(close)) = (glob.find('{'), glob.find('}')) else {
        return glob_matches(&[before, &parts(glob)].concat(), value, path);
    };
    glob[open + 1..close].split(',').any(|choice| {
        let before = [before, &parts(&glob[..open]), &parts(choice)].concat();
        globs(&before, &glob[close + 1..], value, path)
    })
}

fn glob_matches(glob: &[Part], value: &[char], path: bool) -> bool {
    let Some((part, rest)) = glob.split_first() else { return value.is_empty() };
    let run = |stop: bool| {
        (0..=value.len())
            .take_while(|n| !(stop && value[..*n].contains(&'/')))
            .any(|n| glob_matches(rest, &value[n..], path))
    };
    match part {
        Part::AnyRun => run(false),
        Part::Run => run(path),
        Part::One => {
            matches!(value, [c, ..] if !(path && *c == '/')) && glob_matches(rest, &value[1..], path)
        }
        Part::Char(c) => value.first() == Some(c) && glob_matches(rest, &value[1..], path),
    }
}

fn glob() -> impl Strategy<Value = String> {
    let piece =
        prop::sample::select(vec!["a", "b", "é", "/", ".", "*", "**", "?", "{a,b}", "{a,*}", "{,é/}", "\n"]);
    prop::collection::vec(piece, 0..5).prop_map(|parts| parts.concat())
}

const PATHS: &[&str] = &["a", "b", "é", "/", "."];
const LINES: &[&str] = &["a", "b", "é", "/", ".", "\n"];

fn assert_glob(name: Name, glob: &str, value: &str) -> Result<(), TestCaseError> {
    let mut builder = AttributesBuilder::new(EventType::PullImage);
    let field = name.field().unwrap_or(Field::Tag);
    let event = builder.set(field, value).build();
    let filter =
        Filter::from_json(&serde_json::json!({name.as_str(): {"glob": glob}}), &Options::default()).unwrap();
    prop_assert_eq!(
        filter.matches(&event),
        globs(&[], glob, &value.chars().collect::<Vec<_>>(), name.is_path()),
        "{} of {:?}",
        filter,
        value
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn lowered_is_the_regex_itself(regex in regex(), value in value(ALPHABET)) {
        assert_lowered(&regex, &value, false)?;
    }

    #[test]
    fn lowered_is_the_regex_itself_across_lines(regex in regex(), value in value(WITH_BREAKS)) {
        assert_lowered(&regex, &value, true)?;
    }

    #[test]
    fn a_group_more_or_less_changes_nothing(regex in regex(), value in value(WITH_BREAKS)) {
        if let Ok(parsed) = parse(&regex, Reading::Strict) {
            let again = parse(&parsed.text, Reading::Strict).unwrap();
            prop_assert_eq!(&again.text, &parsed.text);
            let found = |hir| Pattern::new("", hir).unwrap().is_match(&value);
            prop_assert_eq!(found(&again.hir), found(&parsed.hir));
        }
    }

    #[test]
    fn globs_mean_what_they_say(glob in glob(), path in value(PATHS), lines in value(LINES)) {
        assert_glob(Name::Repository, &glob, &path)?;
        assert_glob(Name::Tag, &glob, &path)?;
        assert_glob(Name::Actor, &glob, &lines)?;
    }

    /// Both engines are asked: patterns that grow are run lazily.
    #[test]
    fn patterns_agree_with_the_general_engine(regex in regex(), value in value(WITH_BREAKS)) {
        if let Ok(parsed) = parse(&regex, Reading::Strict) {
            let bytes = regex_automata::meta::Config::new().utf8_empty(false);
            let general = regex_automata::meta::Builder::new().configure(bytes).build_from_hir(&parsed.hir).unwrap();
            prop_assert_eq!(Pattern::new("", &parsed.hir).unwrap().is_match(&value), general.is_match(&value));
        }
    }
}
