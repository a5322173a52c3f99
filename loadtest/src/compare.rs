//! Two reports side by side: each figure of both, and the second as a part of the first.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::report::{Report, shown};

/// Compares two reports in JSON.
#[derive(Args, Clone, Debug)]
pub struct Files {
    /// The first, against which the second is measured.
    first: PathBuf,
    /// The second.
    second: PathBuf,
}

/// The figures that both have, and settings in which they differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    rows: Vec<(String, f64, f64)>,
    differ: Vec<String>,
}

impl Files {
    /// Reads both and compares them.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub fn compare(&self) -> anyhow::Result<Comparison> {
        let read = |file: &Path| {
            let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
            serde_json::from_str(&text).with_context(|| format!("{} is no report", file.display()))
        };
        Ok(Comparison::of(&read(&self.first)?, &read(&self.second)?))
    }
}

impl Comparison {
    fn of(first: &Report, second: &Report) -> Self {
        let theirs = second.numbers();
        let rows = first.numbers().into_iter().filter_map(|(name, value)| {
            let other = theirs.iter().find(|(other, _)| *other == name)?.1;
            Some((name, value, other))
        });
        let names: BTreeSet<_> = first.settings().keys().chain(second.settings().keys()).collect();
        let setting = |report: &Report, name: &str| report.settings().get(name).cloned().unwrap_or_default();
        let values = names.into_iter().map(|name| (name, setting(first, name), setting(second, name)));
        let differ = values.filter(|(_, ours, theirs)| ours != theirs);
        let differ = differ.map(|(name, ours, theirs)| format!("{name}: {ours}, {theirs}"));
        Self { rows: rows.collect(), differ: differ.collect() }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.differ.iter().try_for_each(|line| writeln!(f, "set differently: {line}"))?;
        writeln!(f, "{:<44} {:>14} {:>14} {:>8}", "", "first", "second", "ratio")?;
        for (name, first, second) in &self.rows {
            let ratio = if *first == 0.0 { "-".to_owned() } else { format!("{:.3}", second / first) };
            writeln!(f, "{name:<44} {:>14} {:>14} {ratio:>8}", shown(*first), shown(*second))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::figure::Id;
    use crate::latency::Latency;

    #[test]
    fn tells_what_both_have() {
        let report = |speed: f64, millis: u64, options: serde_json::Value| {
            let mut report = Report::new("fanout", &options).unwrap();
            report.figure(Id::DeliveriesPerSecond, speed, "");
            report.figure(format!("only {speed}"), 1.0, "");
            let mut latency = Latency::default();
            latency.record(millis * 1_000_000);
            report.latency("a", &latency);
            report
        };
        let first = report(100.0, 4, json!({"connections": 7, "cutoff": "0"}));
        let second = report(150.0, 3, json!({"connections": 8, "cutoff": "0", "nap": 1}));
        let comparison = Comparison::of(&first, &second);
        let names: Vec<_> = comparison.rows.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(names, ["deliveries/s", "a, p50, ms", "a, p99, ms", "a, p999, ms", "a, max, ms"]);
        assert_eq!(comparison.differ, ["connections: 7, 8", "nap: null, 1"]);
        let text = comparison.to_string();
        assert!(text.contains("1.500") && text.contains("0.750"), "{text}");
    }
}
