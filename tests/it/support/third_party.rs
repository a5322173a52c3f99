//! Clients that others wrote: Python's `websockets`, `httpx-sse` and `sseclient-py`, Node's `ws`, `eventsource` and
//! `event-source-polyfill`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

/// Whose client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Python,
    Node,
}

/// A subscriber in a process of its own.
pub(crate) struct Subscriber {
    process: Child,
    errors: BufReader<ChildStderr>,
}

impl Subscriber {
    /// Connects, and returns once the connection is open. It ends when `count` events have come and
    /// half a second passed without surplus.
    pub(crate) fn start(by: By, url: &str, count: usize, send: &[Value]) -> Self {
        let send = send.iter().flat_map(|message| ["--send".to_owned(), message.to_string()]).collect();
        Self::run(by, "subscribe", url, count, send, &[])
    }

    /// The same by server-sent events. It reconnects by itself; each one is told as `{"event","id","data"}`.
    pub(crate) fn sse(by: By, url: &str, count: usize) -> Self {
        Self::run(by, "sse", url, count, Vec::new(), &[])
    }

    /// The same with another library for server-sent events.
    pub(crate) fn sse_with(by: By, library: &str, url: &str, count: usize) -> Self {
        Self::run(by, "sse", url, count, vec!["--library".to_owned(), library.to_owned()], &[])
    }

    /// One that comes back over WebSockets by itself, with this library of Python.
    pub(crate) fn returning(library: &str, url: &str, count: usize) -> Self {
        Self::run(By::Python, "returns", url, count, vec!["--library".to_owned(), library.to_owned()], &[])
    }

    /// `subscribe` or `sse` with these variables, which tell whose certificates to trust.
    pub(crate) fn trusting(by: By, script: &str, url: &str, count: usize, trust: &[(&str, String)]) -> Self {
        Self::run(by, script, url, count, Vec::new(), trust)
    }

    fn run(
        by: By,
        script: &str,
        url: &str,
        count: usize,
        more: Vec<String>,
        variables: &[(&str, String)],
    ) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = match by {
            By::Python => Command::new(root.join(".tools/venv/bin/python")),
            By::Node => Command::new("node"),
        };
        let suffix = match by {
            By::Python => "py",
            By::Node => "mjs",
        };
        command.arg(root.join("tests/clients").join(format!("{script}.{suffix}")));
        command.args([url, &count.to_string()]).args(more).envs(variables.iter().cloned());
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process =
            spawned.unwrap_or_else(|error| panic!("{by:?}: {error}; `make test-tools` installs it"));
        let mut errors = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut line = String::new();
        errors.read_line(&mut line).expect("it speaks");
        assert_eq!(line.trim(), "open", "{by:?} did not connect to {url}");
        Self { process, errors }
    }

    /// Waits for its end: every text message that it got.
    pub(crate) fn messages(mut self) -> Vec<Value> {
        let mut out = String::new();
        self.process.stdout.take().expect("it is piped").read_to_string(&mut out).expect("it speaks UTF-8");
        let status = self.process.wait().expect("it ends");
        let mut errors = String::new();
        let _ = self.errors.read_to_string(&mut errors);
        assert!(status.success(), "{status}: {errors}\n{out}");
        out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}
