//! Every bar of fan-out in one go: a gateway and the bare sender of our own, run in turn, and a table.

use std::fmt;

use anyhow::Context as _;
use clap::Args;
use loadtest::bar::Bar;
use loadtest::options::Common;
use loadtest::progress;
use loadtest::report::{Report, shown};
use loadtest::run;
use loadtest::runner::{self, CLIENT, Ran, median};
use loadtest::server::{Against, Gateway, Server};

/// The bars of fan-out: each figure of a gateway beside that of a bare sender, both started here and pinned apart.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
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
    /// CPUs of the server: of gateway and bare sender alike.
    #[arg(long, value_name = "CPUS", value_delimiter = ',', default_value = "0")]
    server_cpus: Vec<usize>,
    /// CPUs of the client.
    #[arg(long, value_name = "CPUS", value_delimiter = ',', default_value = "1")]
    client_cpus: Vec<usize>,
}

/// One run of a workload, and what is judged of it.
struct Row {
    arguments: &'static str,
    /// Whether it takes the time of `--seconds`.
    is_timed: bool,
    figures: &'static [(&'static str, Figure, Bar)],
}

enum Figure {
    Of(&'static str),
    /// Beyond the window; a bare sender has none, and all of its time counts.
    P99Beyond,
}

const ROWS: &[Row] = &[
    Row {
        arguments: "fanout -c 1000 -w 1 --batch-size 1",
        is_timed: true,
        figures: &[("deliveries/s, 1,000 connections, 1 waiting", DELIVERIES, Bar::OfLimit(0.8))],
    },
    Row {
        arguments: "fanout -c 10000 -w 1 --batch-size 1",
        is_timed: true,
        figures: &[
            ("deliveries/s, 10,000 connections, 1 waiting", DELIVERIES, Bar::OfLimit(0.8)),
            ("10,000 opened and subscribed, a second", Figure::Of("subscribed"), Bar::AtLeast(5_000.0)),
        ],
    },
    // Posted 32 at a time: with a post for each, reading notifications is measured and not how many wait.
    Row {
        arguments: "fanout -c 1000 -w 32 --per-post 32 --batch-size 1",
        is_timed: true,
        figures: &[("deliveries/s, 1,000, 32 waiting, batches of one", DELIVERIES, Bar::OfLimit(0.8))],
    },
    Row {
        arguments: "fanout -c 1000 -w 256 --per-post 32 --batch-size 1",
        is_timed: true,
        figures: &[("deliveries/s, 1,000, 256 waiting, batches of one", DELIVERIES, Bar::OfLimit(0.8))],
    },
    Row {
        arguments: "fanout -c 1000 -w 800 --per-post 100 --batch-size 100 --batch-bytes 262144",
        is_timed: true,
        figures: &[("deliveries/s, 1,000, batches of 100", DELIVERIES, Bar::OfLimit(0.9))],
    },
    Row {
        arguments: "storm -c 1000",
        is_timed: false,
        figures: &[
            ("storm of 1,000 to 1,000, all have all, ms", Figure::Of("all have all"), Bar::TimesLimit(2.0)),
            ("the same, most memory, MB", Figure::Of("most memory beyond that before"), Bar::AtMost(50.0)),
        ],
    },
    Row {
        arguments: "fanout -c 10000 --isolated 20 --batch-size 1",
        is_timed: false,
        figures: &[(
            "one event to 10,000, last one, ms",
            Figure::Of("last one reached"),
            Bar::TimesLimit(1.3),
        )],
    },
    Row {
        arguments: "fanout -c 10000 --rate 20 --cutoff 100ms",
        is_timed: true,
        figures: &[("p99 beyond the window, 10,000, 20/s, ms", Figure::P99Beyond, Bar::TimesLimit(2.0))],
    },
    Row {
        arguments: "fanout -c 10000 --most-within 250 --rate 100 --warmup 1",
        is_timed: true,
        figures: &[(
            "most events/s to 10,000, p99 < 250 ms",
            Figure::Of("most events/s"),
            Bar::AtLeast(400.0),
        )],
    },
    Row {
        arguments: "idle -c 19000",
        is_timed: false,
        figures: &[
            (
                "memory of an idle connection, 19,000, bytes",
                Figure::Of("server memory"),
                Bar::AtMost(1_536.0),
            ),
            (
                "its growth after 60 KB to everyone, bytes",
                Figure::Of("growth after the batch"),
                Bar::AtMost(64.0),
            ),
        ],
    },
    Row {
        arguments: "triggers --burst 500 --batch-size 1",
        is_timed: false,
        figures: &[("deliveries/s of 1,000 triggers, batches of one", DELIVERIES, Bar::AtLeast(5_000.0))],
    },
    Row {
        arguments: "triggers --slow 1",
        is_timed: false,
        figures: &[(
            "other triggers' p99, of that before and after",
            Figure::Of("the one of the other"),
            Bar::AtMost(1.1),
        )],
    },
    Row {
        arguments: "slow -c 1000",
        is_timed: false,
        figures: &[
            (
                "kernel memory of a stopped reader, bytes",
                Figure::Of("kernel memory of a stopped reader, most"),
                Bar::AtMost(65_536.0),
            ),
            ("others' p99, of that before", Figure::Of("the one of the other"), Bar::AtMost(1.1)),
        ],
    },
];
const DELIVERIES: Figure = Figure::Of("deliveries/s");

/// A judged figure, as it stands in the table.
struct Line {
    name: &'static str,
    figure: Option<f64>,
    limit: Option<f64>,
    bar: Bar,
    /// In one of the runs the client had no more to give.
    client: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("bars");
    report.setting("rounds", options.rounds);
    report.setting("seconds", options.seconds);
    report.setting("server_cpus", options.server_cpus.clone());
    report.setting("client_cpus", options.client_cpus.clone());
    let mut lines = Vec::new();
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    for row in ROWS.iter().filter(|row| row.figures.iter().any(|(name, ..)| wanted(name))) {
        let (own, limits) = both(options, row, &mut report)?;
        for (name, figure, bar) in row.figures.iter().filter(|(name, ..)| wanted(name)) {
            let middle = |all: &[Ran], beyond| {
                median(&all.iter().filter_map(|ran| figure.read(ran, beyond)).collect::<Vec<_>>())
            };
            let client = own.iter().chain(&limits).any(Ran::client_is_full);
            let (figure, limit) = (middle(&own, run::BEYOND), middle(&limits, run::ARRIVAL));
            let line = Line { name, figure, limit, bar: *bar, client };
            if !options.common.quiet {
                progress::say(&line.to_string());
            }
            lines.push(line);
        }
    }
    tell(&lines, &mut report);
    Ok(report)
}

/// The gateway's runs and the bare sender's, in turn.
fn both(options: &Options, row: &Row, report: &mut Report) -> anyhow::Result<(Vec<Ran>, Vec<Ran>)> {
    let seconds = options.seconds.to_string();
    let mut arguments: Vec<_> = row.arguments.split(' ').collect();
    if row.is_timed {
        arguments.extend(["--seconds", &seconds]);
    }
    let needs_limit = row.figures.iter().any(|(_, _, bar)| bar.needs_limit());
    let (mut own, mut limits) = (Vec::new(), Vec::new());
    for round in 0..options.rounds.max(1) {
        if needs_limit {
            let limit = Server::limit(Against::Limit, &options.server_cpus)?;
            limits.push(one(options, "limit", &arguments, &limit, report)?);
        }
        let gateway =
            Gateway::new(options.server_command.as_deref(), &options.common.url, &options.server_cpus)?;
        let server = gateway.start().context("the gateway")?;
        own.push(one(options, "gateway", &arguments, &server, report)?);
        if !options.common.quiet {
            progress::say(&format!("round {} of {}: {}", round + 1, options.rounds, arguments.join(" ")));
        }
    }
    Ok((own, limits))
}

fn one(
    options: &Options,
    name: &str,
    arguments: &[&str],
    server: &Server,
    report: &mut Report,
) -> anyhow::Result<Ran> {
    let ran = runner::run(arguments, &server.url, server.pid(), &options.client_cpus)?;
    for fault in ran.faults() {
        report.check(&format!("{name}, {}", arguments.join(" ")), &fault, false);
    }
    Ok(ran)
}

impl Figure {
    fn read(&self, ran: &Ran, beyond: &str) -> Option<f64> {
        match self {
            Self::Of(name) => ran.figure(name),
            Self::P99Beyond => ran.percentile(beyond, "p99"),
        }
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
        let judged = figure.and_then(|figure| bar.judge(figure, *limit));
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), shown);
        let ratio = judged.and_then(|judged| judged.ratio).map(|ratio| format!("{ratio:.2}"));
        let passes = judged.map_or("not measured", |judged| if judged.passes { "pass" } else { "below" });
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
            report.figure(&format!("{}, limit", line.name), limit, "");
        }
        if let Some(ratio) = line.bar.judge(figure, line.limit).and_then(|judged| judged.ratio) {
            report.figure(&format!("{}, of the limit", line.name), ratio, "");
        }
        report.note(line.name, line.columns().trim_start());
    }
    println!("\n{CLIENT} the client had no more to give in at least one of the runs\n");
}
