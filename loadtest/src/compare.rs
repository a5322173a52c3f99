//! Two reports side by side: each figure of both, and the second as a part of the first.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use crate::report::shown;

/// Compares two reports in JSON.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The first, against which the second is measured.
    first: PathBuf,
    /// The second.
    second: PathBuf,
}

/// A figure that both have.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    first: f64,
    second: f64,
}

/// The figures that both have, and settings in which they differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    rows: Vec<Row>,
    differ: Vec<String>,
}

/// Reads both and compares them.
///
/// # Errors
///
/// If one can't be read.
pub fn run(options: &Options) -> anyhow::Result<Comparison> {
    let read = |file: &Path| {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        serde_json::from_str::<Value>(&text).with_context(|| format!("{} is no report", file.display()))
    };
    Ok(compare(&read(&options.first)?, &read(&options.second)?))
}

fn compare(first: &Value, second: &Value) -> Comparison {
    let (ours, theirs) = (numbers(first), numbers(second));
    let rows = ours.into_iter().filter_map(|(name, first)| {
        let second = theirs.iter().find(|(other, _)| *other == name)?.1;
        Some(Row { name, first, second })
    });
    let setting = |report: &Value, name: &str| report["settings"][name].clone();
    let names = first["settings"].as_object().into_iter().chain(second["settings"].as_object());
    let mut names: Vec<_> = names.flat_map(|settings| settings.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differ = names.into_iter().filter(|name| setting(first, name) != setting(second, name));
    let differ = differ.map(|name| format!("{name}: {}, {}", setting(first, name), setting(second, name)));
    Comparison { rows: rows.collect(), differ: differ.collect() }
}

/// Every number of a report, under the name that a table gives it.
fn numbers(report: &Value) -> Vec<(String, f64)> {
    let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    let mut all = Vec::new();
    for figure in list("figures") {
        let name = figure["name"].as_str().unwrap_or_default().to_owned();
        all.extend(figure["value"].as_f64().map(|value| (name, value)));
    }
    for times in list("latencies") {
        let name = times["name"].as_str().unwrap_or_default();
        for percentile in ["p50", "p99", "p999", "max"] {
            let value = times["summary"][percentile].as_f64();
            all.extend(value.map(|value| (format!("{name}, {percentile}, ms"), value)));
        }
    }
    all
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.differ.iter().try_for_each(|line| writeln!(f, "set differently: {line}"))?;
        writeln!(f, "{:<44} {:>14} {:>14} {:>8}", "", "first", "second", "ratio")?;
        for Row { name, first, second } in &self.rows {
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

    #[test]
    fn tells_what_both_have() {
        let report = |speed: f64, p99: f64, connections: u64| {
            json!({"settings": {"connections": connections, "cutoff": "0"},
                "figures": [{"name": "deliveries/s", "value": speed, "unit": ""}, {"name": format!("only {speed}"), "value": 1}],
                "latencies": [{"name": "a", "summary": {"p99": p99}, "curve": []}]})
        };
        let comparison = compare(&report(100.0, 4.0, 7), &report(150.0, 3.0, 8));
        let row = |name: &str, first, second| Row { name: name.into(), first, second };
        assert_eq!(comparison.rows, [row("deliveries/s", 100.0, 150.0), row("a, p99, ms", 4.0, 3.0)]);
        assert_eq!(comparison.differ, ["connections: 7, 8"]);
        let text = comparison.to_string();
        assert!(text.contains("1.500") && text.contains("0.750"), "{text}");
    }
}
