//! What a run tells: a table for people, JSON for programs, and a folder where results are kept.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock;
use crate::cpu::{self, Usage};
use crate::latency::{Latency, Summary};
use crate::options::Common;
use crate::page;
use crate::sampler::{Processes, Series};

/// One run.
#[derive(Debug, Serialize)]
pub struct Report {
    workload: &'static str,
    started: String,
    machine: Machine,
    settings: Map<String, Value>,
    figures: Vec<Figure>,
    latencies: Vec<Times>,
    /// What changed over time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    series: Vec<Series>,
    /// What was checked, and what came of it.
    checks: Vec<(String, String)>,
    /// Empty: the run is good.
    faults: Vec<String>,
    /// Other runs that this one is compared with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached: Vec<(&'static str, Report)>,
}

/// A number.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// Of what.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of which unit.
    pub unit: &'static str,
}

/// Times of one sort.
#[derive(Debug, Serialize)]
pub struct Times {
    /// From what to what.
    pub name: String,
    /// Percentiles.
    pub summary: Summary,
    /// Milliseconds by quantile, for a plot.
    pub curve: Vec<(f64, f64)>,
}

#[derive(Debug, Serialize)]
struct Machine {
    name: String,
    system: String,
    processor: String,
    processors: usize,
}

impl Report {
    /// An empty report of a run that starts now.
    pub fn new(workload: &'static str) -> Self {
        Self {
            workload,
            started: format!("{:.0}", jiff::Timestamp::now()),
            machine: Machine::this(),
            settings: Map::new(),
            figures: Vec::new(),
            latencies: Vec::new(),
            series: Vec::new(),
            checks: Vec::new(),
            faults: Vec::new(),
            attached: Vec::new(),
        }
    }

    /// How the run was set up.
    pub fn setting(&mut self, name: &str, value: impl Into<Value>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    /// A measured number.
    pub fn figure(&mut self, name: &str, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.to_owned(), value, unit });
    }

    /// A number that was told before.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Keeps another run with this one; its faults count.
    pub fn attach(&mut self, name: &'static str, other: Report) {
        self.faults.extend(other.faults.iter().map(|fault| format!("{name}: {fault}")));
        self.attached.push((name, other));
    }

    /// What is wrong in another round is wrong.
    pub fn blame(&mut self, other: &Self) {
        self.faults.extend(other.faults.iter().map(|fault| format!("another round: {fault}")));
    }

    /// Measured times; none if there are none.
    pub fn latency(&mut self, name: &str, latency: &Latency) {
        let summary = latency.summary();
        if summary.count > 0 {
            self.latencies.push(Times { name: name.to_owned(), summary, curve: latency.curve() });
        }
    }

    /// Percentiles that were told before.
    pub fn summary(&self, name: &str) -> Option<Summary> {
        self.latencies.iter().find(|times| times.name == name).map(|times| times.summary)
    }

    /// Something that changed over time.
    pub fn series(&mut self, series: Series) {
        self.series.push(series);
    }

    /// Something checked; a fault if it is not `good`.
    pub fn check(&mut self, name: &str, result: &impl fmt::Display, good: bool) {
        self.checks.push((name.to_owned(), result.to_string()));
        if !good {
            self.faults.push(format!("{name}: {result}"));
        }
    }

    /// Words about the checks.
    pub fn note(&mut self, name: &str, text: &str) {
        self.checks.push((name.to_owned(), text.to_owned()));
    }

    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// Prints the table and writes the files that were asked for.
    ///
    /// # Errors
    ///
    /// If a file can't be written.
    pub fn publish(&self, common: &Common) -> anyhow::Result<()> {
        print!("{self}");
        let kept = common.keep.then(|| self.kept());
        for file in common.json.iter().chain(&kept) {
            save(file, &(serde_json::to_string_pretty(self)? + "\n"))?;
        }
        let kept = kept.map(|file| file.with_extension("html"));
        for file in common.html.iter().chain(&kept) {
            save(file, &page::page(self))?;
        }
        Ok(())
    }

    fn kept(&self) -> PathBuf {
        let (date, time) = self.started.split_once('T').unwrap_or((&self.started, ""));
        let time: String = time.chars().filter(char::is_ascii_digit).collect();
        let folder = PathBuf::from("loadtest/results").join(format!("{date}-{}", self.machine.name));
        folder.join(format!("{}-{time}.json", self.workload))
    }

    /// The heading of the table: what was run, when and where.
    pub fn heading(&self) -> String {
        let Machine { name, system, processor, processors } = &self.machine;
        format!("{}  {}  {name}: {processors} x {processor}, {system}", self.workload, self.started)
    }

    /// How the run was set up, in one line.
    pub fn set_up(&self) -> String {
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        settings.join("  ")
    }

    /// The numbers.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// The times.
    pub fn latencies(&self) -> &[Times] {
        &self.latencies
    }

    /// What changed over time.
    pub fn all_series(&self) -> &[Series] {
        &self.series
    }

    /// What was checked, and what came of it.
    pub fn checks(&self) -> &[(String, String)] {
        &self.checks
    }

    /// What is wrong.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Runs that were kept with this one.
    pub fn attached(&self) -> impl Iterator<Item = &Self> {
        self.attached.iter().map(|(_, report)| report)
    }
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
        writeln!(f, "{}\n{}\n", self.heading(), self.set_up())?;
        for Figure { name, value, unit } in &self.figures {
            writeln!(f, "{name:<34} {:>14} {unit}", shown(*value))?;
        }
        if !self.latencies.is_empty() {
            let heads = ["count", "p50", "p90", "p99", "p99.9", "max"];
            write!(f, "\n{:<34}", "milliseconds")?;
            heads.iter().try_for_each(|head| write!(f, " {head:>10}"))?;
            writeln!(f)?;
        }
        for Times { name, summary: s, .. } in &self.latencies {
            write!(f, "{name:<34} {:>10}", s.count)?;
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

/// CPU time of this program and of the gateway, over a part of a run.
#[derive(Debug)]
pub struct Meter {
    since: u64,
    processes: Processes,
    own: f64,
    server: Option<(u32, Usage)>,
}

/// What was used while it was measured.
#[derive(Debug)]
pub struct Used {
    seconds: f64,
    own: f64,
    /// CPU time, and the memory at the end.
    server: Option<(f64, Usage)>,
}

impl Meter {
    /// Begins to measure.
    ///
    /// # Errors
    ///
    /// If the gateway's process is not there.
    pub fn start(processes: &Processes) -> anyhow::Result<Self> {
        let usage = |pid| Ok::<_, anyhow::Error>((pid, cpu::usage(Some(pid))?));
        Ok(Self {
            since: clock::now(),
            processes: processes.clone(),
            own: processes.own_cpu(),
            server: processes.server().map(usage).transpose()?,
        })
    }

    /// Ends to measure.
    ///
    /// # Errors
    ///
    /// If the gateway's process is gone.
    pub fn stop(&self) -> anyhow::Result<Used> {
        let seconds = clock::seconds(clock::now() - self.since);
        let own = self.processes.own_cpu() - self.own;
        let server = self.server.map(|(pid, before)| {
            let now = cpu::usage(Some(pid))?;
            Ok::<_, anyhow::Error>((now.cpu - before.cpu, now))
        });
        Ok(Used { seconds, own, server: server.transpose()? })
    }
}

impl Used {
    /// CPU time of the server, in seconds.
    pub fn server_cpu(&self) -> Option<f64> {
        self.server.map(|(cpu, _)| cpu)
    }

    /// Tells it: whoever is near the cores it may use is what limits the figures.
    pub fn tell(&self, report: &mut Report) {
        report.figure("client CPU", self.own / self.seconds, "cores");
        if let Some((cpu, usage)) = self.server {
            report.figure("server CPU", cpu / self.seconds, "cores");
            report.figure("server memory", clock::float(usage.resident) / 1e6, "MB");
            report.figure("server memory, peak", clock::float(usage.peak) / 1e6, "MB");
        }
    }
}
