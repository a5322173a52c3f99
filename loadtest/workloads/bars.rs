//! Every bar of fan-out in one go: a gateway and the bare sender of our own, run in turn, and a table.

use std::fmt;

use anyhow::Context as _;
use clap::Args;
use loadtest::bar::Bar;
use loadtest::figure::Id;
use loadtest::options::Common;
use loadtest::report::{Report, shown};
use loadtest::runner::{CLIENT, Cores, client_is_full, median};
use loadtest::server::{BareSender, Gateway, Server};
use loadtest::ticker::say;
use loadtest::workload::Workload;
use serde::Serialize;

/// The bars of fan-out: each figure of a gateway beside that of a bare sender, both started here and pinned apart.
#[derive(Args, Serialize)]
pub(crate) struct Bars {
    /// So many times each, in turn; medians are told.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each run at a rate or in a closed loop.
    #[arg(long, short, default_value_t = 8)]
    seconds: u64,
    /// Only rows whose name has this in it.
    #[arg(long)]
    only: Option<String>,
    /// How the gateway is started; it must listen where --url says, with fresh data each time. Left out: the
    /// `tagcast` that stands beside this program.
    #[arg(long, value_name = "COMMAND")]
    server_command: Option<String>,
    #[command(flatten)]
    cores: Cores,
}

/// One run of a workload, and what is judged of it.
struct Row {
    arguments: &'static str,
    /// Whether it takes the time of `--seconds`.
    is_timed: bool,
    figures: &'static [(&'static str, Id, Bar)],
}

const fn row(arguments: &'static str, figures: &'static [(&'static str, Id, Bar)]) -> Row {
    Row { arguments, is_timed: false, figures }
}

const fn timed(arguments: &'static str, figures: &'static [(&'static str, Id, Bar)]) -> Row {
    Row { arguments, is_timed: true, figures }
}

const DELIVERIES: Id = Id::DeliveriesPerSecond;

const ROWS: &[Row] = &[
    timed(
        "fanout -c 1000 -w 1 --batch-size 1",
        &[("deliveries/s, 1,000 connections, 1 waiting", DELIVERIES, Bar::OfLimit(0.8))],
    ),
    timed(
        "fanout -c 10000 -w 1 --batch-size 1",
        &[
            ("deliveries/s, 10,000 connections, 1 waiting", DELIVERIES, Bar::OfLimit(0.8)),
            ("10,000 opened and subscribed, a second", Id::Subscribed, Bar::AtLeast(5_000.0)),
        ],
    ),
    // Posted 32 at a time: with a post for each, reading notifications is measured and not how many wait.
    timed(
        "fanout -c 1000 -w 32 --per-post 32 --batch-size 1",
        &[("deliveries/s, 1,000, 32 waiting, batches of one", DELIVERIES, Bar::OfLimit(0.8))],
    ),
    timed(
        "fanout -c 1000 -w 256 --per-post 32 --batch-size 1",
        &[("deliveries/s, 1,000, 256 waiting, batches of one", DELIVERIES, Bar::OfLimit(0.8))],
    ),
    timed(
        "fanout -c 1000 -w 800 --per-post 100 --batch-size 100 --batch-bytes 262144",
        &[("deliveries/s, 1,000, batches of 100", DELIVERIES, Bar::OfLimit(0.9))],
    ),
    row(
        "storm -c 1000",
        &[
            ("storm of 1,000 to 1,000, all have all, ms", Id::AllHaveAll, Bar::TimesLimit(2.0)),
            ("the same, most memory, MB", Id::StormMemory, Bar::AtMost(50.0)),
        ],
    ),
    row(
        "fanout -c 10000 --isolated 20 --batch-size 1",
        &[("one event to 10,000, last one, ms", Id::LastReached, Bar::TimesLimit(1.3))],
    ),
    timed(
        "fanout -c 10000 --rate 20 --cutoff 100ms",
        &[("p99 beyond the window, 10,000, 20/s, ms", Id::BeyondWindow, Bar::TimesLimit(2.0))],
    ),
    timed(
        "fanout -c 10000 --most-within 250 --rate 100 --warmup 1",
        &[("most events/s to 10,000, p99 < 250 ms", Id::MostEvents, Bar::AtLeast(400.0))],
    ),
    row(
        "idle -c 19000",
        &[
            ("memory of an idle connection, 19,000, bytes", Id::ConnectionMemory, Bar::AtMost(1_536.0)),
            ("its growth after 60 KB to everyone, bytes", Id::ConnectionGrowth, Bar::AtMost(64.0)),
        ],
    ),
    row(
        "triggers --burst 500 --batch-size 1",
        &[("deliveries/s of 1,000 triggers, batches of one", DELIVERIES, Bar::AtLeast(5_000.0))],
    ),
    row(
        "triggers --slow 1",
        &[("other triggers' p99, of that before and after", Id::OthersRatio, Bar::AtMost(1.1))],
    ),
    row(
        "slow -c 1000",
        &[
            ("kernel memory of a stopped reader, bytes", Id::StoppedReaderMemory, Bar::AtMost(65_536.0)),
            ("others' p99, of that before", Id::OthersRatio, Bar::AtMost(1.1)),
        ],
    ),
];

/// A judged figure, as it stands in the table.
struct Line {
    name: &'static str,
    figure: Option<f64>,
    limit: Option<f64>,
    bar: Bar,
    /// In one of the runs the client had no more to give.
    client: bool,
}

impl Workload for Bars {
    const NAME: &'static str = "bars";
    const STARTS_SERVERS: bool = true;

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        let wanted = |name: &str| self.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
        for row in ROWS.iter().filter(|row| row.figures.iter().any(|(name, ..)| wanted(name))) {
            let (own, limits) = self.both(row, common, report)?;
            let client = own.iter().chain(&limits).any(client_is_full);
            for (name, id, bar) in row.figures.iter().filter(|(name, ..)| wanted(name)) {
                // A bare sender has no window; all of its time counts.
                let of_limit = if *id == Id::BeyondWindow { Id::Arrival } else { *id };
                let figure = median(own.iter().filter_map(|run| value(run, *id)));
                let limit = median(limits.iter().filter_map(|run| value(run, of_limit)));
                let line = Line { name, figure, limit, bar: *bar, client };
                if !common.quiet {
                    say(&line.to_string());
                }
                lines.push(line);
            }
        }
        tell(&lines, report);
        Ok(())
    }
}

/// A number, or the p99 of times.
fn value(report: &Report, id: Id) -> Option<f64> {
    report.value(id).or_else(|| report.summary(id).map(|summary| summary.p99))
}

impl Bars {
    /// The gateway's runs and the bare sender's, in turn.
    fn both(
        &self,
        row: &Row,
        common: &Common,
        report: &mut Report,
    ) -> anyhow::Result<(Vec<Report>, Vec<Report>)> {
        let seconds = self.seconds.to_string();
        let mut arguments: Vec<_> = row.arguments.split(' ').collect();
        if row.is_timed {
            arguments.extend(["--seconds", &seconds]);
        }
        let words = arguments.join(" ");
        let mut one = |name: &str, server: &Server| {
            let run = self.cores.run(&arguments, server)?;
            for fault in run.faults() {
                report.check(&format!("{name}, {words}"), fault, false);
            }
            anyhow::Ok(run)
        };
        let needs_limit = row.figures.iter().any(|(_, _, bar)| bar.needs_limit());
        let (mut own, mut limits) = (Vec::new(), Vec::new());
        for round in 0..self.rounds.max(1) {
            let cpus = &self.cores.server_cpus;
            if needs_limit {
                limits.push(one("limit", &Server::limit(BareSender::Limit, cpus)?)?);
            }
            let gateway = Gateway::new(self.server_command.as_deref(), &common.url, cpus)?.start();
            own.push(one("gateway", &gateway.context("the gateway")?)?);
            if !common.quiet {
                say(&format!("round {} of {}: {words}", round + 1, self.rounds));
            }
        }
        Ok((own, limits))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<50} {}", self.name, self.columns())
    }
}

impl Line {
    /// All but its name.
    fn columns(&self) -> String {
        let Self { figure, limit, bar, client, .. } = self;
        let judgement = figure.and_then(|figure| bar.judge(figure, *limit));
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), shown);
        let ratio = judgement.and_then(|judgement| judgement.ratio).map(|ratio| format!("{ratio:.2}"));
        let passes = judgement.map_or("not measured", |one| if one.passes { "pass" } else { "below" });
        let (figure, limit, ratio) =
            (number(*figure), number(*limit), ratio.unwrap_or_else(|| "-".to_owned()));
        let mark = if *client { CLIENT } else { "" };
        format!("{figure:>12} {limit:>12} {ratio:>6}  {:<16} {passes}{mark}", bar.to_string())
    }
}

/// The table goes with the report's notes; figures and ratios are figures, for programs and comparisons.
fn tell(lines: &[Line], report: &mut Report) {
    let (limit, ratio) = ("limit", "ratio");
    println!("{:<50} {:>12} {limit:>12} {ratio:>6}  {:<16}", "", "gateway", "bar");
    for line in lines {
        println!("{line}");
        let Some(figure) = line.figure else { continue };
        report.figure(line.name, figure, "");
        if let Some(limit) = line.limit {
            report.figure(format!("{}, limit", line.name), limit, "");
        }
        if let Some(ratio) = line.bar.judge(figure, line.limit).and_then(|judgement| judgement.ratio) {
            report.figure(format!("{}, of the limit", line.name), ratio, "");
        }
        report.note(line.name, line.columns().trim_start());
    }
    println!("\n{CLIENT} the client had no more to give in at least one of the runs\n");
}

/// What each row runs, and what it looks for.
#[cfg(test)]
pub(crate) fn arguments() -> impl Iterator<Item = (Vec<Id>, &'static str)> {
    ROWS.iter().map(|row| (row.figures.iter().map(|(_, id, _)| *id).collect(), row.arguments))
}
