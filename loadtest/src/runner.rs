//! This program run by itself: each run has memory and CPU of its own, and tells what it found in its report.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use crate::figure::Id;
use crate::report::Report;
use crate::server::{Server, folder};

/// Stands behind a figure that is the client's limit, not the server's.
pub const CLIENT: &str = "*";
/// A reader that naps between looks at its sockets never quite fills its core.
const FULL: f64 = 0.9;

/// Where servers and clients run, apart from each other.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Cores {
    /// CPUs of the server: of all that are compared alike.
    #[arg(long, value_name = "CPUS", value_delimiter = ',', default_value = "0")]
    pub server_cpus: Vec<usize>,
    /// CPUs of the client.
    #[arg(long, value_name = "CPUS", value_delimiter = ',', default_value = "1")]
    pub client_cpus: Vec<usize>,
}

impl Cores {
    /// Runs a workload on a server.
    ///
    /// # Errors
    ///
    /// If the run could not be made. One in which something was lost tells so in its report.
    pub fn run(&self, arguments: &[&str], server: &Server) -> anyhow::Result<Report> {
        let folder = folder()?;
        let file = folder.path().join("report.json");
        let cpus: Vec<_> = self.client_cpus.iter().map(usize::to_string).collect();
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).args(["--quiet", "--url", &server.url.to_string()]);
        command.args(["--server-pid", &server.pid().to_string()]).arg("--json").arg(&file);
        if !cpus.is_empty() {
            command.args(["--pin", &cpus.join(",")]);
        }
        let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        if !matches!(output.status.code(), Some(0 | 1)) {
            bail!("loadtest {}: {}", arguments.join(" "), errors.trim());
        }
        let text = fs::read_to_string(&file).with_context(|| format!("no report: {}", errors.trim()))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Whether the client had no CPU left, so that the server may have had.
pub fn client_is_full(report: &Report) -> bool {
    report.value(Id::ClientCpu).is_some_and(|cores| cores >= FULL)
}

/// The middle one of some values; of two in the middle the lower.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<_> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_client_is_full_when_its_core_is() {
        let full = |cores: f64| {
            let mut report = Report::new("fanout", &json!({})).unwrap();
            report.figure(Id::ClientCpu, cores, "cores");
            client_is_full(&report)
        };
        assert!(full(0.95) && !full(0.5));
    }

    #[test]
    fn the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([3.0, 1.0].into_iter()), Some(1.0));
        assert_eq!(median([].into_iter()), None);
    }
}
