//! A real registry: Debian's `docker-registry` on a free port, posting to a gateway.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a registry may take to answer; it is far quicker unless the machine is busy.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How many free ports are tried: another process may take one before the registry listens on it.
const PORT_TRIES: usize = 5;

/// A running registry and its storage; both go when it is dropped.
pub(crate) struct Registry {
    /// Host and port, as image references name the registry.
    pub(crate) host: String,
    directory: TempDir,
    process: Child,
}

impl Registry {
    /// Starts an empty registry that posts its notifications to the source `distribution` of the gateway
    /// at `gateway_url`, such as `http://127.0.0.1:8080`. Returns once it answers.
    pub(crate) fn start(gateway_url: &str) -> Registry {
        let directory = tempfile::tempdir().expect("a temporary directory for the registry");
        for _ in 0..PORT_TRIES {
            let address = free_address();
            let config = configuration(address, &directory.path().join("storage"), gateway_url);
            fs::write(directory.path().join("config.yml"), config).expect("the registry's configuration");
            if let Some(process) = spawn(&directory.path().join("config.yml"), address) {
                return Registry { host: address.to_string(), directory, process };
            }
        }
        panic!("docker-registry ended at once on {PORT_TRIES} ports: {}", log_of(&directory));
    }

    /// Kills the registry and starts it again with the same storage, on the same port. What it had not
    /// yet delivered is lost with it: it queues notifications in memory.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let address = self.host.parse().expect("`host` is an address");
        self.process = spawn(&self.directory.path().join("config.yml"), address)
            .unwrap_or_else(|| panic!("docker-registry did not come back: {}", log_of(&self.directory)));
    }

    /// Where it posts to after its next start.
    pub(crate) fn set_gateway(&self, gateway_url: &str) {
        let address = self.host.parse().expect("`host` is an address");
        let config = configuration(address, &self.directory.path().join("storage"), gateway_url);
        fs::write(self.directory.path().join("config.yml"), config).expect("the registry's configuration");
    }

    fn stop(&mut self) {
        // Fails only where the process has ended by itself, which is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs the registry until it answers on `address`; nothing if it ends before that.
fn spawn(config: &Path, address: SocketAddr) -> Option<Child> {
    let log = fs::File::create(config.with_file_name("log")).expect("the registry's log file");
    let mut process = Command::new("docker-registry")
        .arg("serve")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log file"))
        .stderr(log)
        .spawn()
        .expect("`docker-registry` is installed by `make test-tools`");
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if process.try_wait().expect("the registry is our child").is_some() {
            return None;
        }
        if answers(address) {
            return Some(process);
        }
        thread::sleep(Duration::from_millis(20));
    }
    // Nobody else would end it: a `Child` outlives its handle.
    let _ = process.kill();
    let _ = process.wait();
    panic!("docker-registry did not answer on {address} within {START_TIMEOUT:?}");
}

/// Whether `GET /v2/`, by which the protocol tells a registry, is answered with 200.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(format!("GET /v2/ HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.0 200"))
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port on loopback")
}

/// Settings are JSON, which YAML includes, so that any path is quoted right.
fn configuration(address: SocketAddr, storage: &Path, gateway_url: &str) -> String {
    serde_json::json!({
        "version": "0.1",
        "log": { "level": "warn", "accesslog": { "disabled": true } },
        "storage": { "filesystem": { "rootdirectory": storage }, "delete": { "enabled": true } },
        "http": { "addr": address },
        "notifications": { "endpoints": [{
            "name": "tagcast",
            "url": format!("{gateway_url}/v1/sources/distribution/events"),
            "timeout": "1s",
            // A gateway that was killed is found again soon: after three failures, one try each backoff.
            "threshold": 3,
            "backoff": "100ms",
        }] },
    })
    .to_string()
}

fn log_of(directory: &TempDir) -> String {
    fs::read_to_string(directory.path().join("log")).unwrap_or_default()
}
