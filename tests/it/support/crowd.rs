//! Many clients of others behind one address, in one process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// How many of each kind.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) event_sources: usize,
    pub(crate) polyfills: usize,
    pub(crate) websockets: usize,
}

/// They come back by themselves, however often they lose the gateway.
pub(crate) struct Crowd {
    process: Child,
    answers: BufReader<ChildStdout>,
    pub(crate) count: usize,
}

impl Crowd {
    /// Begins to connect to the gateway at this URL.
    pub(crate) fn start(url: &str, address: &str, count: Count) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/returns.mjs");
        let Count { event_sources, polyfills, websockets } = count;
        let mut process = Command::new("node")
            .arg(script)
            .args([url, address])
            .args([event_sources, polyfills, websockets].map(|count| count.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`make test-tools` installs it");
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, answers, count: event_sources + polyfills + websockets }
    }

    /// How they are.
    pub(crate) fn report(&mut self) -> Value {
        let ask = self.process.stdin.as_mut().expect("it is piped");
        ask.write_all(b"\n").expect("it reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it speaks");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Whether all are connected.
    pub(crate) fn is_back(&mut self) -> bool {
        self.report()["open"] == self.count
    }

    /// Whether each has so many events.
    pub(crate) fn has(&mut self, events: u64) -> bool {
        let report = self.report();
        report["least"] == events && report["most"] == events
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
