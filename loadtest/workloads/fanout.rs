//! How many deliveries a second to many connections, and how late.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use loadtest::cpu;
use loadtest::handshake::Subscription;
use loadtest::options::Common;
use loadtest::report::Report;
use loadtest::run::{self, Setup};

/// Fan-out: N connections with one filter; events at a rate, or as fast as all have them.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Connections that read.
    #[arg(long, short, default_value_t = 1000)]
    connections: usize,
    /// Posts a second; left out: as fast as the window allows.
    #[arg(long)]
    rate: Option<f64>,
    /// Events on their way that not all connections have. Only without a rate.
    #[arg(long, short, default_value_t = 32)]
    window: u64,
    /// Notifications in one post.
    #[arg(long, default_value_t = 1)]
    per_post: u64,
    /// Connections that post.
    #[arg(long, default_value_t = 16)]
    publishers: usize,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 10)]
    seconds: u64,
    /// Seconds at the start that are checked and not measured.
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Events in a batch at most.
    #[arg(long)]
    batch_size: Option<u32>,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "0")]
    cutoff: String,
    /// Threads that read.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Do the same first against a bare sender, and tell the ratio.
    #[arg(long, value_enum)]
    against: Option<Against>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Against {
    /// All that waits, in one write to each socket.
    Limit,
    /// A write for each message.
    LimitPerMessage,
}

const FIGURE: &str = "deliveries/s";

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let limit = options.against.map(|against| run_limit(options, against)).transpose()?;
    let mut report = measure(options, &options.common, "fanout")?;
    if let Some(limit) = limit {
        print!("{limit}\n\n");
        let ratio = report.value(FIGURE).zip(limit.value(FIGURE)).map(|(own, limit)| own / limit);
        report.figure("of the limit", ratio.unwrap_or(0.0), "");
        report.attach("limit", limit);
    }
    Ok(report)
}

fn measure(options: &Options, common: &Common, name: &'static str) -> anyhow::Result<Report> {
    let mut report = Report::new(name);
    let window = options.rate.is_none().then_some(options.window);
    report.setting("connections", options.connections);
    report.setting("rate", options.rate);
    report.setting("window", window);
    report.setting("per_post", options.per_post);
    report.setting("publishers", options.publishers);
    report.setting("seconds", options.seconds);
    report.setting("warmup", options.warmup);
    report.setting("batch_size", options.batch_size);
    report.setting("cutoff", options.cutoff.as_str());
    report.setting("threads", options.threads);
    let cutoff = Some(options.cutoff.clone());
    let setup = Setup {
        connections: options.connections,
        threads: options.threads,
        publishers: options.publishers,
        per_post: options.per_post,
        rate: options.rate,
        window,
        warmup: options.warmup,
        seconds: options.seconds,
        subscription: Subscription { size: options.batch_size, cutoff, ..Subscription::default() },
        with_answers: false,
    };
    run::broadcast(common, &setup, &mut report)?;
    Ok(report)
}

/// The same against the bare sender, which stands beside this program and ends with this function.
fn run_limit(options: &Options, against: Against) -> anyhow::Result<Report> {
    let path = std::env::current_exe()?.with_file_name("limit");
    let mut command = Command::new(&path);
    if against == Against::LimitPerMessage {
        command.arg("--per-message");
    }
    let child = command.stdout(Stdio::piped()).spawn();
    let mut limit = Limit(child.with_context(|| format!("{}: build it with --bins", path.display()))?);
    let mut address = String::new();
    BufReader::new(limit.0.stdout.take().context("no output")?).read_line(&mut address)?;
    let pid = Some(limit.0.id());
    cpu::pin(pid, &options.common.pin_server)?;
    let common = Common {
        url: format!("http://{}", address.trim()).parse()?,
        server_pid: pid,
        ..options.common.clone()
    };
    measure(options, &common, "limit")
}

/// The bare sender's process, stopped on drop.
struct Limit(Child);

impl Drop for Limit {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
