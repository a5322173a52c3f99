//! This program run by itself: each run has memory and CPU of its own, and tells what it found as JSON.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::address::Target;
use crate::server::Folder;

/// Stands behind a figure that is the client's limit, not the server's.
pub const CLIENT: &str = "*";
/// A reader that naps between looks at its sockets never quite fills its core.
const FULL: f64 = 0.9;

/// What a run told.
#[derive(Clone, Debug)]
pub struct Ran {
    report: Value,
}

/// Runs a workload on a server, on these CPUs.
///
/// # Errors
///
/// If the run could not be made. One in which something was lost tells so in its report.
pub fn run(arguments: &[&str], url: &Target, server: u32, cpus: &[usize]) -> anyhow::Result<Ran> {
    let folder = Folder::new()?;
    let file = folder.path().join("report.json");
    let cpus: Vec<_> = cpus.iter().map(usize::to_string).collect();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).args(["--quiet", "--url", &String::from(url.clone())]);
    command.args(["--server-pid", &server.to_string()]).arg("--json").arg(&file);
    if !cpus.is_empty() {
        command.args(["--pin", &cpus.join(",")]);
    }
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0 | 1) => {}
        _ => bail!("loadtest {}: {}", arguments.join(" "), said.trim()),
    }
    let text = fs::read_to_string(&file).with_context(|| format!("no report: {}", said.trim()))?;
    Ok(Ran { report: serde_json::from_str(&text)? })
}

impl Ran {
    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let figures = self.report["figures"].as_array()?;
        figures.iter().find(|figure| figure["name"] == name)?["value"].as_f64()
    }

    /// A percentile, as `p99`, of times by their name; in milliseconds.
    pub fn percentile(&self, name: &str, percentile: &str) -> Option<f64> {
        let times = self.report["latencies"].as_array()?;
        times.iter().find(|times| times["name"] == name)?["summary"][percentile].as_f64()
    }

    /// Whether the client had no CPU left, so that the server may have had.
    pub fn client_is_full(&self) -> bool {
        self.figure("client CPU").is_some_and(|cores| cores >= FULL)
    }

    /// What is wrong.
    pub fn faults(&self) -> Vec<String> {
        let faults = self.report["faults"].as_array();
        faults.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The whole report.
    pub fn report(&self) -> &Value {
        &self.report
    }
}

/// The middle one of some values; of two in the middle the lower.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_what_a_report_tells() {
        let ran = Ran {
            report: json!({"figures": [{"name": "a", "value": 3.5}], "faults": ["lost 1"],
                "latencies": [{"name": "b", "summary": {"p99": 7.0}}]}),
        };
        assert_eq!((ran.figure("a"), ran.figure("b")), (Some(3.5), None));
        assert_eq!(ran.percentile("b", "p99"), Some(7.0));
        assert_eq!(ran.faults(), ["lost 1"]);
        let cpu = |cores: f64| Ran { report: json!({"figures": [{"name": "client CPU", "value": cores}]}) };
        assert!(cpu(0.95).client_is_full() && !cpu(0.5).client_is_full() && !ran.client_is_full());
    }

    #[test]
    fn the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[3.0, 1.0]), Some(1.0));
        assert_eq!(median(&[]), None);
    }
}
