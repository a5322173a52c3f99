//! The transcripts of `docs/http.md`, run as they stand there: what they show is what is answered.

use std::path::Path;
use std::process::Command;

use regex_automata::meta::Regex;

use crate::support::gateway::Gateway;

/// What is another one each time, and what stands for it.
const CHANGING: [(&str, &str); 5] = [
    ("crt[0-9a-v]{17}", "<id>"),
    ("retry: [0-9]+", "<retry>"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "<time>"),
    (r#""(trace|span|parent_span)_id": ?"[0-9a-f]*""#, "<trace>"),
    // Batches are cut where a window closes, and a line where the page is full.
    (r#""messages":\[.*"#, "<messages>"),
];

fn normalised(text: &str) -> String {
    let mut text = text.trim_end().to_owned();
    for (pattern, name) in CHANGING {
        let pattern = Regex::new(pattern).expect("a pattern");
        let mut out = String::new();
        let mut last = 0;
        for found in pattern.find_iter(&text) {
            out.push_str(&text[last..found.start()]);
            out.push_str(name);
            last = found.end();
        }
        out.push_str(&text[last..]);
        text = out;
    }
    text
}

/// Commands and their answers, in the order of the page.
fn transcripts(page: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line.strip_prefix("$ ") {
            _ if line.starts_with("```") => inside = line == "```console",
            Some(command) if inside => found.push((command.to_owned(), String::new())),
            None if inside => {
                let (_, answer) = found.last_mut().expect("a block begins with a command");
                answer.push_str(line);
                answer.push('\n');
            }
            _ => {}
        }
    }
    found
}

#[test]
fn what_the_page_shows_is_what_is_answered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/http.md")).expect("the page");
    let transcripts = transcripts(&page);
    assert!(transcripts.len() > 15, "{}", transcripts.len());
    let gateway = Gateway::start();
    for (command, answer) in transcripts {
        if command.starts_with("TAGCAST=") {
            continue;
        }
        let mut shell = Command::new("bash");
        shell.current_dir(root).env("TAGCAST", gateway.url()).args(["-c", &command]);
        let output = shell.output().expect("bash");
        assert!(output.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8_lossy(&output.stdout);
        // Not every curl ends its answer with a line of its own.
        assert_eq!(normalised(&told), normalised(&answer), "{command}");
    }
}
