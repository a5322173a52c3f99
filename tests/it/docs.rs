//! What the documents promise, held against the program.

use std::path::Path;

use tagcast::parts::protocol::Code;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
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
