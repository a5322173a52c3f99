//! Which way the arrows point: reads the `use crate::…` lines and compares them with the layers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each layer may use those before it, and not its neighbours, unless `MAY` says so.
const LAYERS: [&[&str]; 9] = [
    &["event", "message", "header", "collections"],
    &["source", "catalog", "filter", "window", "protocol"],
    &["trigger"],
    &["log", "auth", "limits", "vital", "transport", "metrics", "outgoing", "registry"],
    &["ingest", "bus"],
    &["delivery"],
    &["http"],
    &["config"],
    &["gateway", "shutdown", "cli", "parts"],
];

/// Neighbours that may meet, and why.
const MAY: [(&str, &str); 6] = [
    // Look-ups of names take turns.
    ("outgoing", "limits"),
    // A gateway may be asked by its Unix socket.
    ("outgoing", "transport"),
    // What is asked of a registry goes out as everything does.
    ("registry", "outgoing"),
    // The assembly is where neighbours meet.
    ("cli", "gateway"),
    ("cli", "shutdown"),
    ("shutdown", "gateway"),
];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("{module} is in no layer"))
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in
        std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// The modules that a file uses; what its comments speak of is not used.
fn used(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut used = BTreeSet::new();
    for after in code.join("\n").split("crate::").skip(1) {
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        assert!(!after.starts_with('{'), "write `use crate::module::…`, one module a line");
        used.insert(match name.as_str() {
            "Gateway" | "StartError" => "gateway".to_owned(),
            _ => name,
        });
    }
    used
}

#[test]
fn modules_use_only_what_stands_before_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    assert!(found.len() > 50);
    let mut wrong = Vec::new();
    for file in found {
        let inside = file.strip_prefix(&source).expect("inside").to_string_lossy().into_owned();
        let module = inside.split(['/', '.']).next().expect("a name").to_owned();
        if module == "lib" || module == "main" || inside.contains("tests") {
            continue;
        }
        for other in used(&std::fs::read_to_string(&file).expect("text")) {
            let allowed = other == module
                || layer(&other) < layer(&module)
                || MAY.contains(&(module.as_str(), other.as_str()));
            if !allowed {
                wrong.push(format!("{inside} uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One library, one home.
#[test]
fn libraries_have_one_home() {
    // A server and a client are two homes.
    let homes: [(&str, &[&str]); 8] = [
        ("axum", &["http"]),
        ("hyper", &["http", "outgoing"]),
        ("fjall", &["log/disk"]),
        ("governor", &["limits"]),
        ("dashmap", &["delivery/connection/connections", "http/memory"]),
        ("prometheus_client", &["metrics"]),
        ("clap", &["cli"]),
        ("rust_embed", &["http/dashboard"]),
    ];
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let mut wrong = Vec::new();
    for file in found {
        let inside = file.strip_prefix(&source).expect("inside").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("text");
        for (library, homes) in homes {
            let uses = text.contains(&format!("use {library}::")) || text.contains(&format!(" {library}::"));
            if uses && !homes.iter().any(|home| inside.starts_with(home)) {
                wrong.push(format!("{inside} uses {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What may end, or panic, alone: a connection's, a subscription's, a trigger's, a request's, a listing's. Everything else
/// that runs is a `Vital`, whose end is the process's.
const MAY_DIE_ALONE: [&str; 18] = [
    "bus.rs: tokio::spawn(replay::run",
    // Its end is the command's.
    "cli.rs: tokio::spawn(command.run",
    // Without them it is silent, and serves all the same.
    "cli/diagnostics.rs: thread::Builder",
    "cli/diagnostics/queue.rs: thread::Builder",
    "delivery/connection/serve.rs: tokio::spawn(stay",
    "delivery/connection/stream.rs: runtime.spawn",
    "delivery/trigger/task.rs: tokio::spawn(task.run",
    "http/extract/handshake.rs: tokio::spawn(async",
    "http/metrics_listener.rs: open.spawn(timeout",
    "http/server.rs: open.spawn(until_cut",
    "ingest.rs: tokio::spawn(registry_api::warm",
    "ingest.rs: tokio::spawn(async move { outgoing.ask",
    "ingest/key_cache.rs: tokio::spawn(async",
    "ingest/writer.rs: .spawn(|| Repeats::load",
    // It has its pulse within.
    "ingest/writer/handle.rs: thread::Builder",
    "outgoing/target.rs: tokio::spawn(connection",
    "outgoing/upgrade.rs: tokio::spawn(connection",
    "shutdown.rs: tokio::spawn(async",
];

#[test]
fn what_runs_as_long_as_the_process_is_vital() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let mut unknown = Vec::new();
    for file in found {
        let inside = file.strip_prefix(&source).expect("inside").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("text");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            // What blocks ends with its call, and who waits for it hears of it.
            let is_spawned = line.contains("spawn(");
            let is_vital = ["Vital::spawn(", "pulse.spawn("].iter().any(|it| line.contains(it));
            let is_known = MAY_DIE_ALONE.iter().any(|known| {
                let (file, start) = known.split_once(": ").expect("a file and a call");
                inside == file && line.contains(start)
            });
            if is_spawned && !is_vital && !is_known && !inside.contains("tests") && inside != "vital.rs" {
                unknown.push(format!("{inside}: {line}"));
            }
        }
    }
    assert!(unknown.is_empty(), "vital, or may it die alone? {unknown:#?}");
}
