//! The groups in `lib.rs` are layers: a module uses only modules of groups above its own, so there are no circles.

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a module: its own, and those in its folder.
fn files(source: &Path, module: &str) -> Vec<PathBuf> {
    let inside = fs::read_dir(source.join(module)).into_iter().flatten();
    let inside = inside.map(|entry| entry.expect("an entry").path());
    std::iter::once(source.join(format!("{module}.rs"))).chain(inside).collect()
}

#[test]
fn modules_use_only_layers_above_their_own() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = fs::read_to_string(source.join("lib.rs")).expect("lib.rs");
    let groups = text.split("\n\n").filter(|group| group.starts_with("pub mod"));
    let name = |line: &str| line.trim_start_matches("pub mod ").trim_end_matches(';').to_owned();
    let layers: Vec<Vec<String>> = groups.map(|group| group.lines().map(name).collect()).collect();
    assert!(layers.len() > 3 && layers.iter().flatten().count() > 40);
    let mut wrong = Vec::new();
    for (depth, layer) in layers.iter().enumerate() {
        let above: Vec<_> = layers[..depth].iter().flatten().collect();
        for module in layer {
            for file in files(&source, module) {
                let code = fs::read_to_string(&file).expect("a module has its file");
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                for used in code.flat_map(|line| line.split("crate::").skip(1)) {
                    let used: String =
                        used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if used != *module && !above.contains(&&used) {
                        wrong.push(format!("{module} uses {used}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
