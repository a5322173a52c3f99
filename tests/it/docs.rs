//! What the documents promise, held against the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tagcast::parts::protocol::Code;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    let path = root().join("docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_code_is_explained() {
    let errors = page("errors.md");
    let missing: Vec<_> = Code::ALL
        .iter()
        .map(|code| code.as_str())
        .filter(|code| !errors.contains(&format!("`{code}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_kind_of_source_has_its_page() {
    let index = page("sources/index.md");
    for kind in tagcast::parts::source::Kind::ALL {
        let name = kind.as_str();
        assert!(page(&format!("sources/{name}.md")).contains(&format!("kind = \"{name}\"")), "{name}");
        assert!(index.contains(&format!("{name}.md")), "{name}");
    }
}

/// Names of rows of the truth table in a text: `A1`, `C4t`, `L3'`.
fn rows(text: &str) -> BTreeSet<&str> {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '\'')
        .map(|word| word.trim_start_matches('\''));
    let is_row = |word: &&str| match word.as_bytes() {
        [b'A'..=b'F' | b'L', b'1'..=b'9', rest @ ..] => matches!(rest, [] | [b't' | b'l' | b'b' | b'\'']),
        _ => false,
    };
    words.filter(is_row).collect()
}

/// Every source below a folder, read; but for this one.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("docs.rs") {
            found.push(fs::read_to_string(path).expect("a source"));
        }
    }
}

#[test]
fn the_truth_table_has_the_rows_of_the_code() {
    let table = page("catalog.md");
    let first = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let table: BTreeSet<_> = first.flat_map(|(first, _)| rows(first)).collect();
    assert!(table.len() > 30, "{table:?}");
    let mut code = Vec::new();
    // E1 happens before the catalog is asked.
    for folder in ["src/catalog", "src/ingest"] {
        sources(&root().join(folder), &mut code);
    }
    let named: BTreeSet<_> = code.iter().flat_map(|text| rows(text)).collect();
    assert_eq!(named, table, "named in the code, and in docs/catalog.md");
    let mut tests = Vec::new();
    for folder in ["src/catalog/tests", "tests/it"] {
        sources(&root().join(folder), &mut tests);
    }
    let tested: BTreeSet<_> = tests.iter().flat_map(|text| rows(text)).collect();
    assert!(tested.is_superset(&table), "not tested: {:?}", table.difference(&tested));
}

/// The code spans of a text.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn what_architecture_says_is_kept_is_there() {
    let architecture = page("architecture.md");
    let mut code = Vec::new();
    for folder in ["src", "tests/it"] {
        sources(&root().join(folder), &mut code);
    }
    let is_there = |name: &str| {
        let forms = ["fn", "struct", "enum", "trait", "type"].map(|kind| format!("{kind} {name}"));
        code.iter().any(|text| {
            forms.iter().any(|form| {
                let behind = text.match_indices(form.as_str()).map(|(at, _)| &text[at + form.len()..]);
                behind.into_iter().any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            })
        })
    };
    let kept: Vec<_> = architecture.split("Kept by ").skip(1).collect();
    assert!(kept.len() >= 10, "{}", kept.len());
    let names = kept.iter().flat_map(|text| spans(text.split("\n\n").next().expect("a paragraph")));
    let missing: Vec<_> = names.filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_map_shows_every_module() {
    let architecture = page("architecture.md");
    let map =
        architecture.split("## The map").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a map");
    let rows = map.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let shown: BTreeSet<_> = rows.map(|(module, _)| module).collect();
    let library = fs::read_to_string(root().join("src/lib.rs")).expect("the library");
    let modules = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';'));
    assert_eq!(shown, modules.collect::<BTreeSet<_>>(), "docs/architecture.md and src/lib.rs");
}

#[test]
fn files_that_architecture_names_are_there() {
    let architecture = page("architecture.md");
    let is_source = |name: &&str| Path::new(name).extension().is_some_and(|extension| extension == "rs");
    let files: BTreeSet<_> =
        spans(&architecture).filter(is_source).filter(|name| *name != "src/x.rs").collect();
    assert!(files.len() > 20, "{files:?}");
    let missing: Vec<_> = files
        .iter()
        .filter(|file| !root().join("src").join(file).exists() && !root().join(file).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
