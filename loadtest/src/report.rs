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

/// One run.
#[derive(Debug, Serialize)]
pub struct Report {
    workload: &'static str,
    started: String,
    machine: Machine,
    settings: Map<String, Value>,
    figures: Vec<Figure>,
    latencies: Vec<(String, Summary)>,
    /// What was checked, and what came of it.
    checks: Vec<(String, String)>,
    /// Empty: the run is good.
    faults: Vec<String>,
    /// Other runs that this one is compared with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached: Vec<(&'static str, Report)>,
}

#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
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

    /// Measured times; none if there are none.
    pub fn latency(&mut self, name: &str, latency: &Latency) {
        let summary = latency.summary();
        if summary.count > 0 {
            self.latencies.push((name.to_owned(), summary));
        }
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
        let mut files: Vec<_> = common.json.iter().cloned().collect();
        files.extend(common.keep.then(|| self.kept()));
        for file in files {
            self.save(&file).with_context(|| format!("can't write {}", file.display()))?;
        }
        Ok(())
    }

    fn kept(&self) -> PathBuf {
        let (date, time) = self.started.split_once('T').unwrap_or((&self.started, ""));
        let time: String = time.chars().filter(char::is_ascii_digit).collect();
        let folder = PathBuf::from("loadtest/results").join(format!("{date}-{}", self.machine.name));
        folder.join(format!("{}-{time}.json", self.workload))
    }

    fn save(&self, file: &Path) -> anyhow::Result<()> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(file, serde_json::to_string_pretty(self)? + "\n")?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { name, system, processor, processors } = &self.machine;
        writeln!(f, "{}  {}  {name}: {processors} x {processor}, {system}", self.workload, self.started)?;
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        writeln!(f, "{}\n", settings.join("  "))?;
        for Figure { name, value, unit } in &self.figures {
            let digits = if *value < 100.0 && value.fract() != 0.0 { 2 } else { 0 };
            writeln!(f, "{name:<34} {value:>14.digits$} {unit}")?;
        }
        if !self.latencies.is_empty() {
            let heads = ["count", "p50", "p90", "p99", "p99.9", "max"];
            write!(f, "\n{:<34}", "milliseconds")?;
            heads.iter().try_for_each(|head| write!(f, " {head:>10}"))?;
            writeln!(f)?;
        }
        for (name, s) in &self.latencies {
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

/// CPU time of this process and of the gateway, over a part of a run.
#[derive(Debug)]
pub struct Meter {
    since: u64,
    own: Usage,
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
    pub fn start(server_pid: Option<u32>) -> anyhow::Result<Self> {
        let server =
            server_pid.map(|pid| Ok::<_, anyhow::Error>((pid, cpu::usage(Some(pid))?))).transpose()?;
        Ok(Self { since: clock::now(), own: cpu::usage(None)?, server })
    }

    /// Ends to measure.
    ///
    /// # Errors
    ///
    /// If the gateway's process is gone.
    pub fn stop(&self) -> anyhow::Result<Used> {
        let seconds = clock::float(clock::now() - self.since) / 1e9;
        let own = cpu::usage(None)?.cpu - self.own.cpu;
        let server = self.server.map(|(pid, before)| {
            let now = cpu::usage(Some(pid))?;
            Ok::<_, anyhow::Error>((now.cpu - before.cpu, now))
        });
        Ok(Used { seconds, own, server: server.transpose()? })
    }
}

impl Used {
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
