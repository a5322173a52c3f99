//! The real program on a free port, with a directory of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::http::{Answer, request};

/// A running gateway; killed, and its directory removed, when dropped.
pub(crate) struct Gateway {
    /// Host and port.
    pub(crate) address: String,
    directory: TempDir,
    data: PathBuf,
    environment: Vec<(String, String)>,
    launch: Launch,
    process: Child,
}

/// What is unusual about the way in which the program is started.
#[derive(Clone, Copy, Default)]
pub(crate) struct Launch {
    /// What a shell does first, such as `ulimit -n 256`.
    pub(crate) first: &'static str,
    /// Whether its standard error is a pipe that nobody reads.
    pub(crate) unread: bool,
}

impl Gateway {
    /// Starts one with the default settings.
    pub(crate) fn start() -> Self {
        Self::with_settings("")
    }

    /// Starts one with these settings over the defaults.
    pub(crate) fn with_settings(settings: &str) -> Self {
        Self::within(settings, None, &[])
    }

    /// The same with its data elsewhere, and with variables in its environment.
    pub(crate) fn within(settings: &str, data: Option<&Path>, environment: &[(&str, &str)]) -> Self {
        Self::launched(settings, data, environment, Launch::default())
    }

    /// The same, started in another way.
    pub(crate) fn launched(
        settings: &str,
        data: Option<&Path>,
        environment: &[(&str, &str)],
        launch: Launch,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("settings.toml"), settings).expect("the settings");
        let data = data.map_or_else(|| directory.path().join("data"), Path::to_owned);
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (process, address) = spawn(&directory, &data, &environment, launch, "127.0.0.1:0");
        Self { address, directory, data, environment, launch, process }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn websocket_url(&self, query: &str) -> String {
        format!("ws://{}/v1/ws{query}", self.address)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data.clone()
    }

    /// Other data, for the next start.
    pub(crate) fn set_data_dir(&mut self, data: &Path) {
        data.clone_into(&mut self.data);
    }

    /// Other variables, for the next start.
    pub(crate) fn set_environment(&mut self, environment: &[(&str, &str)]) {
        self.environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    }

    /// Its standard error, where nobody reads that; to be read at last.
    pub(crate) fn take_diagnostics(&mut self) -> ChildStderr {
        self.process.stderr.take().expect("it is a pipe")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal by its name, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill");
        assert!(sent.success(), "{name}");
    }

    /// Waits until it ends by itself, and tells how.
    pub(crate) fn exit_code(&mut self, patience: Duration) -> Option<i32> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the gateway does not end");
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    /// Starts it again with the same directory, on the same port.
    pub(crate) fn start_again(&mut self) {
        let (process, address) =
            spawn(&self.directory, &self.data, &self.environment, self.launch, &self.address);
        assert_eq!(address, self.address);
        self.process = process;
    }

    /// Other settings, for the next start.
    pub(crate) fn set_settings(&self, settings: &str) {
        std::fs::write(self.directory.path().join("settings.toml"), settings).expect("the settings");
    }

    /// Sends each signal that it tells of and outlives.
    pub(crate) fn poke(&self) {
        for signal in [Signal::HUP, Signal::USR1, Signal::USR2] {
            kill_process(Pid::from_child(&self.process), signal).expect("it runs");
        }
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.exit_code(Duration::from_secs(30))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        request(&self.address, "GET", path, &[], b"")
    }

    /// Posts a body to the source `distribution`.
    pub(crate) fn notify(&self, body: impl AsRef<[u8]>) -> Answer {
        self.post("/v1/sources/distribution/events", body)
    }

    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        request(&self.address, "POST", path, &[("Content-Type", "application/json")], body.as_ref())
    }

    /// A client connected to `/v1/ws` with this query, `?…` or nothing.
    pub(crate) fn connect(&self, query: &str) -> Client {
        Client::connect(&self.websocket_url(query))
    }

    /// The value of a metric, its labels included in the name. One with labels is there from its first count on.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        metric(&self.get("/metrics").body, name)
    }

    /// The same of a metric that counts.
    pub(crate) fn count(&self, name: &str) -> u64 {
        whole(self.metric(name))
    }

    /// The same where there are readers, and this is an operator's token.
    pub(crate) fn count_as(&self, token: &str, name: &str) -> u64 {
        let bearer = format!("Bearer {token}");
        let answer = request(&self.address, "GET", "/metrics", &[("Authorization", &bearer)], b"");
        whole(metric(&answer.body, name))
    }
}

fn metric(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    assert!(line.is_some() || name.contains('{'), "there is no metric {name}");
    line.map_or(0.0, |value| value.trim().parse().expect("a number"))
}

fn whole(value: f64) -> u64 {
    value.to_string().parse().expect("a whole number")
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(
    directory: &TempDir,
    data: &Path,
    environment: &[(String, String)],
    launch: Launch,
    listen: &str,
) -> (Child, String) {
    let program = env!("CARGO_BIN_EXE_tagcast");
    let mut command = if launch.first.is_empty() {
        Command::new(program)
    } else {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{} && exec \"$0\" \"$@\"", launch.first), program]);
        shell
    };
    let mut process = command
        .arg("serve")
        .args(["--listen", listen, "--data-dir"])
        .arg(data)
        .arg("--config")
        .arg(directory.path().join("settings.toml"))
        .envs(environment.iter().cloned())
        .stdout(Stdio::piped())
        .stderr(if launch.unread { Stdio::piped() } else { Stdio::inherit() })
        .spawn()
        .expect("the gateway is built");
    let out = process.stdout.take().expect("it is piped");
    let first = BufReader::new(out).lines().next().and_then(Result::ok).unwrap_or_default();
    let address = first.rsplit("http://").next().expect("split has a last part").to_owned();
    assert!(address.starts_with("127.0.0.1:"), "the gateway did not start: {first:?}");
    (process, address)
}
