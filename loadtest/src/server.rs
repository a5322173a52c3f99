//! Servers that the harness starts itself: the bare sender, a gateway, or any command. They end with it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tempfile::TempDir;

use crate::address::Target;
use crate::options::Common;
use crate::process;

/// A server must listen, or be gone, after so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which way the bare sender writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BareSender {
    /// All that waits, in one write to each socket.
    Limit,
    /// A write for each message.
    LimitPerMessage,
}

/// Killed on drop.
#[derive(Debug)]
struct Process(Child);

/// A running server, killed on drop.
#[derive(Debug)]
pub struct Server {
    child: Process,
    /// Where it listens.
    pub url: Target,
    /// Its data, which go once it is gone and nobody else has them.
    _folder: Option<Arc<TempDir>>,
}

impl Server {
    /// Starts the bare sender, which stands beside this program, on these CPUs.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub fn limit(against: BareSender, cpus: &[usize]) -> anyhow::Result<Self> {
        let mut command = Command::new(beside("limit")?);
        if against == BareSender::LimitPerMessage {
            command.arg("--per-message");
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = Process(child.context("can't start the bare sender")?);
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().context("no output")?).read_line(&mut line)?;
        let url = format!("http://{}", line.trim());
        let url = url.parse().with_context(|| format!("the bare sender said '{line}'"))?;
        process::pin(Some(child.0.id()), cpus)?;
        Ok(Self { child, url, _folder: None })
    }

    /// Runs a shell command, which replaces the shell, and waits until it listens on `port`. Its data are in `folder`.
    ///
    /// # Errors
    ///
    /// If it ends, or does not listen in time.
    pub fn command(
        command: &str,
        port: u16,
        cpus: &[usize],
        folder: Option<Arc<TempDir>>,
    ) -> anyhow::Result<Self> {
        let shell = format!("exec {command}");
        let child =
            Command::new("sh").args(["-c", &shell]).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut child = Process(child.context("can't start sh")?);
        // Before it starts threads, which inherit it.
        process::pin(Some(child.0.id()), cpus)?;
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = child.0.try_wait()? {
                bail!("'{command}' ended with {status}");
            }
            ensure!(begun.elapsed() < PATIENCE, "'{command}' does not listen on port {port}");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { child, url: format!("http://127.0.0.1:{port}").parse()?, _folder: folder })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// The options for a run on it.
    pub fn common(&self, common: &Common) -> Common {
        Common { url: self.url.clone(), server_pid: Some(self.pid()), ..common.clone() }
    }

    /// Kills it, as a power cut would.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.0.kill()?;
        self.child.0.wait()?;
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("no process")?;
        kill_process(pid, Signal::TERM)?;
        let begun = Instant::now();
        while self.child.0.try_wait()?.is_none() {
            ensure!(begun.elapsed() < PATIENCE, "the server does not stop");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that stands beside this one.
///
/// # Errors
///
/// If it does not.
pub fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.exists(), "{} is missing: build it first", path.display());
    Ok(path)
}

/// A port that is free now.
///
/// # Errors
///
/// The system's.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A folder among the system's temporary files, which goes when this is dropped.
///
/// # Errors
///
/// The system's.
pub fn folder() -> anyhow::Result<Arc<TempDir>> {
    Ok(Arc::new(tempfile::Builder::new().prefix("tagcast-loadtest-").tempdir()?))
}

/// A gateway of our own: how to start it, again and again over the same data.
#[derive(Debug)]
pub struct Gateway {
    command: String,
    port: u16,
    cpus: Vec<usize>,
    /// Its data, if they are ours.
    folder: Option<Arc<TempDir>>,
}

impl Gateway {
    /// A gateway with fresh data and the settings for load; or `command`, which must listen where `url` says.
    ///
    /// # Errors
    ///
    /// If the program is missing.
    pub fn new(command: Option<&str>, url: &Target, cpus: &[usize]) -> anyhow::Result<Self> {
        let cpus = cpus.to_vec();
        if let Some(command) = command {
            return Ok(Self { command: command.to_owned(), port: url.address.port(), cpus, folder: None });
        }
        let folder = folder()?;
        let settings = folder.path().join("gateway.toml");
        fs::write(&settings, include_str!("../gateway.toml"))?;
        let port = free_port()?;
        let command = format!(
            "'{}' serve --log warn --config '{}' --data-dir '{}' --listen 127.0.0.1:{port}",
            beside("tagcast")?.display(),
            settings.display(),
            folder.path().join("data").display()
        );
        Ok(Self { command, port, cpus, folder: Some(folder) })
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it ends, or does not listen in time.
    pub fn start(&self) -> anyhow::Result<Server> {
        Server::command(&self.command, self.port, &self.cpus, self.folder.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_ends_is_told() {
        let why = Server::command("true", 1, &[], None).unwrap_err().to_string();
        assert!(why.contains("'true' ended"), "{why}");
    }
}
