//! What a run tells: a table for people, JSON for programs, and a folder where results are kept.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::figure::{Id, Name};
use crate::latency::{Latency, Summary};
use crate::page;

/// Where a report goes beside standard output.
#[derive(Args, Clone, Debug)]
pub struct Output {
    /// Write the report here as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report here as a page with plots, which needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Keep the report, both forms of it, under loadtest/results/.
    #[arg(long)]
    pub keep: bool,
}

/// One run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    workload: String,
    started: String,
    machine: Machine,
    settings: Map<String, Value>,
    figures: Vec<Figure>,
    latencies: Vec<Times>,
    /// What changed over time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    series: Vec<Series>,
    /// What was checked, and what came of it.
    checks: Vec<(String, String)>,
    /// Empty: the run is good.
    faults: Vec<String>,
    /// Other runs that this one is compared with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attached: Vec<(String, Report)>,
}

/// A number.
#[derive(Debug, Serialize, Deserialize)]
pub struct Figure {
    /// Of what.
    #[serde(flatten)]
    pub name: Name,
    /// How much.
    pub value: f64,
    /// Of which unit.
    pub unit: String,
}

/// Times of one sort.
#[derive(Debug, Serialize, Deserialize)]
pub struct Times {
    /// From what to what.
    #[serde(flatten)]
    pub name: Name,
    /// Percentiles.
    pub summary: Summary,
    /// Milliseconds by quantile, for a plot.
    pub curve: Vec<(f64, f64)>,
}

/// One curve over time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Series {
    /// Of what.
    #[serde(flatten)]
    pub name: Name,
    /// In what.
    pub unit: String,
    /// Seconds since the start, and the value.
    pub points: Vec<(f64, f64)>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Machine {
    name: String,
    system: String,
    processor: String,
    processors: usize,
}

impl Report {
    /// An empty report of a run that starts now, with these options.
    ///
    /// # Errors
    ///
    /// If the options are no members of an object.
    pub fn new(workload: &str, options: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self {
            workload: workload.to_owned(),
            started: format!("{:.0}", jiff::Timestamp::now()),
            machine: Machine::this(),
            settings: flat(serde_json::from_value(serde_json::to_value(options)?)?),
            ..Self::default()
        })
    }

    /// What was run.
    pub fn workload(&self) -> &str {
        &self.workload
    }

    /// How the run was set up, where the options do not say it.
    pub fn setting(&mut self, name: &str, value: impl Into<Value>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    /// A measured number.
    pub fn figure(&mut self, name: impl Into<Name>, value: f64, unit: &str) {
        self.figures.push(Figure { name: name.into(), value, unit: unit.to_owned() });
    }

    /// A number that was told before.
    pub fn value(&self, id: Id) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name.id == Some(id)).map(|figure| figure.value)
    }

    /// Keeps another run with this one; its faults count.
    pub fn attach(&mut self, name: &str, other: Self) {
        self.blame(name, &other);
        self.attached.push((name.to_owned(), other));
    }

    /// What is wrong in another run is wrong.
    pub fn blame(&mut self, name: &str, other: &Self) {
        self.faults.extend(other.faults.iter().map(|fault| format!("{name}: {fault}")));
    }

    /// Measured times; none if there are none.
    pub fn latency(&mut self, name: impl Into<Name>, latency: &Latency) {
        let summary = latency.summary();
        if summary.count > 0 {
            self.latencies.push(Times { name: name.into(), summary, curve: latency.curve() });
        }
    }

    /// Percentiles that were told before.
    pub fn summary(&self, id: Id) -> Option<Summary> {
        self.latencies.iter().find(|times| times.name.id == Some(id)).map(|times| times.summary)
    }

    /// Something that changed over time.
    pub fn series(&mut self, series: Series) {
        self.series.push(series);
    }

    /// The points of what changed over time and was told before.
    pub fn points(&self, id: Id) -> &[(f64, f64)] {
        self.series.iter().find(|series| series.name.id == Some(id)).map_or(&[], |series| &series.points)
    }

    /// Something checked; a fault if it is not `good`.
    pub fn check(&mut self, name: &str, result: &impl fmt::Display, good: bool) {
        self.note(name, &result.to_string());
        if !good {
            self.faults.push(format!("{name}: {result}"));
        }
    }

    /// Words about the checks.
    pub fn note(&mut self, name: &str, text: &str) {
        self.checks.push((name.to_owned(), text.to_owned()));
    }

    /// What is wrong; nothing: the run is good.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Every number, under the name that a table gives it.
    pub fn numbers(&self) -> Vec<(String, f64)> {
        let figures = self.figures.iter().map(|figure| (figure.name.label.clone(), figure.value));
        let percentiles = self.latencies.iter().flat_map(|times| {
            let Summary { p50, p99, p999, max, .. } = times.summary;
            let all = [("p50", p50), ("p99", p99), ("p999", p999), ("max", max)];
            all.map(|(percentile, value)| (format!("{}, {percentile}, ms", times.name.label), value))
        });
        figures.chain(percentiles).collect()
    }

    /// How the run was set up.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// Prints the table and writes the files that were asked for.
    ///
    /// # Errors
    ///
    /// If a file can't be written.
    pub fn publish(&self, output: &Output) -> anyhow::Result<()> {
        print!("{self}");
        let kept = output.keep.then(|| self.kept());
        for file in output.json.iter().chain(&kept) {
            save(file, &(serde_json::to_string_pretty(self)? + "\n"))?;
        }
        let kept = kept.map(|file| file.with_extension("html"));
        for file in output.html.iter().chain(&kept) {
            save(file, &self.page()?)?;
        }
        Ok(())
    }

    fn kept(&self) -> PathBuf {
        let (date, time) = self.started.split_once('T').unwrap_or((&self.started, ""));
        let time: String = time.chars().filter(char::is_ascii_digit).collect();
        let folder = PathBuf::from("loadtest/results").join(format!("{date}-{}", self.machine.name));
        folder.join(format!("{}-{time}.json", self.workload))
    }

    /// A page: the table of each run, and plots of its times and of what changed.
    fn page(&self) -> anyhow::Result<String> {
        let mut page = page::begin(&self.workload);
        for report in std::iter::once(self).chain(self.attached.iter().map(|(_, report)| report)) {
            page::text(&report.to_string(), &mut page);
            let curves = report.latencies.iter().map(|times| (times.name.label.as_str(), &*times.curve));
            page::by_percentile(&curves.collect::<Vec<_>>(), &mut page)?;
            // Curves of one unit share a plot.
            for same in report.series.chunk_by(|a, b| a.unit == b.unit) {
                let curves = same.iter().map(|series| (series.name.label.as_str(), &*series.points));
                page::over_time(&curves.collect::<Vec<_>>(), &same[0].unit, &mut page)?;
            }
        }
        Ok(page)
    }
}

/// Options without their groups.
fn flat(options: Map<String, Value>) -> Map<String, Value> {
    let members = options.into_iter().flat_map(|(name, value)| match value {
        Value::Object(group) => flat(group),
        value => Map::from_iter([(name, value)]),
    });
    members.collect()
}

fn save(file: &Path, text: &str) -> anyhow::Result<()> {
    let write = || {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)
    };
    write().with_context(|| format!("can't write {}", file.display()))
}

/// A number as a table shows it: two digits behind the point where they say something.
pub fn shown(value: f64) -> String {
    let digits = if value.abs() < 100.0 && value.fract() != 0.0 { 2 } else { 0 };
    format!("{value:.digits$}")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { name, system, processor, processors } = &self.machine;
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        writeln!(f, "{}  {}  {name}: {processors} x {processor}, {system}", self.workload, self.started)?;
        writeln!(f, "{}\n", settings.join("  "))?;
        for Figure { name, value, unit } in &self.figures {
            writeln!(f, "{:<34} {:>14} {unit}", name.label, shown(*value))?;
        }
        if !self.latencies.is_empty() {
            let heads = ["count", "p50", "p90", "p99", "p99.9", "max"];
            write!(f, "\n{:<34}", "milliseconds")?;
            heads.iter().try_for_each(|head| write!(f, " {head:>10}"))?;
            writeln!(f)?;
        }
        for Times { name, summary: s, .. } in &self.latencies {
            write!(f, "{:<34} {:>10}", name.label, s.count)?;
            [s.p50, s.p90, s.p99, s.p999, s.max].iter().try_for_each(|value| write!(f, " {value:>10.3}"))?;
            writeln!(f)?;
        }
        writeln!(f)?;
        self.checks.iter().try_for_each(|(name, result)| writeln!(f, "{name}: {result}"))?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "FAULT {fault}"))
    }
}

impl Machine {
    fn this() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default().trim().to_owned();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(": ")).map(|(_, model)| model.to_owned());
        Self {
            name: read("/proc/sys/kernel/hostname"),
            system: format!("{} {}", read("/proc/sys/kernel/ostype"), read("/proc/sys/kernel/osrelease")),
            processor: model.unwrap_or_default(),
            // Those of the machine: this process may be pinned to fewer.
            processors: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report() -> Report {
        let mut report = Report::new("fanout", &json!({"readers": {"connections": 7}})).unwrap();
        report.figure(Id::DeliveriesPerSecond, 1234.0, "");
        let mut latency = Latency::default();
        (1..100).for_each(|i| latency.record(i * 1_000_000));
        report.latency(Id::Arrival, &latency);
        let (name, points) = (Id::ServerMemory.into(), vec![(0.0, 1.0), (1.0, 2.0)]);
        report.series(Series { name, unit: "MB".into(), points });
        report.check("a <check>", &"lost 3", false);
        report
    }

    #[test]
    fn what_is_looked_for_is_found_by_identity_also_by_another_process() {
        let text = serde_json::to_string(&report()).unwrap();
        for report in [report(), serde_json::from_str(&text).unwrap()] {
            assert_eq!(report.value(Id::DeliveriesPerSecond), Some(1234.0));
            assert_eq!(report.value(Id::ServerMemory), None);
            assert!(report.summary(Id::Arrival).is_some() && report.summary(Id::BeyondWindow).is_none());
            assert_eq!(report.points(Id::ServerMemory).len(), 2);
            assert_eq!(report.faults(), ["a <check>: lost 3"]);
        }
    }

    #[test]
    fn a_page_has_everything_and_needs_nothing() {
        let page = report().page().unwrap();
        for part in
            ["connections=7", "1234", "intended send to arrival", "server memory", "a &lt;check&gt;: lost 3"]
        {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert_eq!(page.matches("<svg").count(), 2);
        for foreign in ["src=", "href=", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}
