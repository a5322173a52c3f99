//! One server that is no gateway: deliveries to many connections, or what those cost idle.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND, float, float_len, per_second};
use loadtest::crew::{Crew, Readings, Sharing};
use loadtest::dialect::{Dialect, Hello};
use loadtest::memory;
use loadtest::options::Common;
use loadtest::order::Order;
use loadtest::peer::Peer;
use loadtest::report::{Meter, Report};
use loadtest::sampler::Processes;
use loadtest::subscriber::Plan;
use loadtest::verify;

/// Another server, by its protocol: events as fast as all have them, or idle connections.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    sharing: Sharing,
    /// What it speaks.
    #[arg(long, value_enum)]
    dialect: Dialect,
    /// Connections that read.
    #[arg(long, short, default_value_t = 1000)]
    connections: usize,
    /// Events on their way that not all connections have.
    #[arg(long, short, default_value_t = 32)]
    window: u64,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 5)]
    seconds: u64,
    /// Seconds at the start that are checked and not measured.
    #[arg(long, default_value_t = 1)]
    warmup: u64,
    /// Publish nothing: tell the memory of a connection.
    #[arg(long)]
    idle: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let mut report = Report::new("peer");
    report.setting("dialect", format!("{:?}", options.dialect).to_lowercase());
    report.setting("connections", options.connections);
    report.setting("window", options.window);
    report.setting("seconds", options.seconds);
    let resident = || common.server_pid.map(|pid| memory::process(pid).map(|now| now.resident)).transpose();
    let before = resident()?;
    let workers = options.sharing.workers(options.connections);
    let broadcast = Arc::new(Broadcast::new(options.connections, workers, 0));
    let begun = clock::now();
    let mut crew = Crew::start(&readings(options), options.sharing, &broadcast, false)?;
    let mut go = || {
        while !broadcast.is_complete() {
            ensure!(!broadcast.has_failed(), "the readers gave up");
            thread::sleep(Duration::from_millis(1));
        }
        let rate = per_second(options.connections as u64, clock::now() - begun);
        report.figure("subscribed", rate, "connections/s");
        if options.idle {
            thread::sleep(Duration::from_secs(options.seconds));
            let (before, now) = (before.context("--server-pid")?, resident()?.context("--server-pid")?);
            let each = (float(now) - float(before)) / float_len(options.connections);
            report.figure("server memory", each, "bytes a connection");
            return Ok(Vec::new());
        }
        thread::sleep(Duration::from_nanos(SECOND / 2));
        publish(options, &broadcast, &mut crew, &mut report)
    };
    let mut sent = match go() {
        Ok(sent) => sent,
        Err(error) => {
            broadcast.fail();
            crew.give_up()?;
            return Err(error);
        }
    };
    let expected = sent.len() as u64;
    let all = crew.finish(|_| expected)?;
    if let Some(times) = all.got.phases.first() {
        report.latency("send to arrival", &times.arrival);
    }
    let verdict = verify::compare(&mut sent, &all.got.seen);
    let what = format!("{expected} events to each of {} connections", all.got.seen.len());
    report.check(&what, &verdict, verdict.is_good(false));
    for fault in &all.got.faults {
        report.check("told by the server", fault, false);
    }
    Ok(report)
}

fn readings(options: &Options) -> Readings {
    let plan = Plan {
        target: options.common.url.clone(),
        spread: options.common.spread(),
        first: 0,
        connections: options.connections,
        hello: Hello::Peer(options.dialect),
        nap: options.sharing.nap,
        resumes: false,
    };
    Readings { plan, size: 1, cutoff: 0, alike: true }
}

fn publish(
    options: &Options,
    broadcast: &Arc<Broadcast>,
    crew: &mut Crew,
    report: &mut Report,
) -> anyhow::Result<Vec<loadtest::event_id::EventId>> {
    let mut peer = Peer::connect(&options.common.url, options.dialect, Arc::clone(broadcast))?;
    peer.publish(options.warmup, options.window)?;
    crew.order(Order::Phase(clock::now()));
    let (from, delivered) = (clock::now(), broadcast.delivered());
    let meter = Meter::start(&Processes { helpers: crew.pids(), ..options.common.processes() })?;
    peer.publish(options.seconds, options.window)?;
    let deliveries = broadcast.delivered() - delivered;
    report.figure("deliveries/s", per_second(deliveries, clock::now() - from), "");
    let used = meter.stop()?;
    if let Some(cpu) = used.server_cpu().filter(|&cpu| cpu > 0.0) {
        report.figure("deliveries/server-CPU-second", float(deliveries) / cpu, "");
    }
    used.tell(report);
    Ok(peer.sent)
}
