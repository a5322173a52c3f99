//! What distinct filters cost through the whole gateway.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Args;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND, per_second};
use loadtest::handshake::Subscription;
use loadtest::options::Common;
use loadtest::pace::{Pace, interval};
use loadtest::publisher::Publisher;
use loadtest::reader::Readers;
use loadtest::report::{Meter, Report};
use loadtest::selecting::Selecting;
use loadtest::subscriber::{self, Plan};
use loadtest::verify;

/// Filters: N connections with S distinct filters between them; each event is for the connections of one of them.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Connections that read.
    #[arg(long, short, default_value_t = 10_000)]
    connections: usize,
    /// Distinct filters; the connections are shared out evenly.
    #[arg(long, default_value_t = 10_000)]
    filters: usize,
    /// Notifications a second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 20)]
    seconds: u64,
    /// Seconds at the start that are checked and not measured.
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Connections that post.
    #[arg(long, default_value_t = 16)]
    publishers: usize,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "0")]
    cutoff: String,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    ensure!(
        options.filters > 0 && options.connections.is_multiple_of(options.filters),
        "the connections must be a multiple of the filters"
    );
    let mut report = Report::new("filters");
    report.setting("connections", options.connections);
    report.setting("filters", options.filters);
    report.setting("rate", options.rate);
    report.setting("seconds", options.seconds);
    report.setting("cutoff", options.cutoff.as_str());
    let mut publisher = Publisher::connect(options.common.way(options.publishers))?;
    let mut selecting = Selecting::new(options.common.registry(), options.filters as u64);
    publisher.run(&mut selecting)?;
    let failed = selecting.outcome.failed();
    ensure!(failed == 0, "{failed} of the first pushes were not taken: is the source's name right?");
    let broadcast = Arc::new(Broadcast::new(options.connections, false, 0));
    let plan = plan(options, &selecting);
    let per_event = (options.connections / options.filters) as u64;
    let readers = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let all = Readers::new(Arc::clone(&broadcast), plan.connections, false);
            let mut readers = all.selecting(per_event);
            let work = subscriber::run(&plan, &mut readers);
            work.inspect_err(|_| broadcast.fail()).map(|_| readers)
        });
        let done = publish(options, &broadcast, &mut publisher, &mut selecting, &mut report);
        match done {
            Ok(()) => broadcast.finish(),
            Err(_) => broadcast.fail(),
        }
        let readers = reader.join().unwrap_or_else(|_| bail!("the readers' thread panicked"));
        done.and(readers)
    })?;
    report.latency("intended send to arrival", &readers.latency);
    selecting.outcome.tell(&mut report);
    check(options, &readers, &mut selecting, &mut report);
    Ok(report)
}

fn plan(options: &Options, selecting: &Selecting) -> Plan {
    let request = |index| {
        let (filter, cutoff) = (selecting.filter(index), Some(options.cutoff.clone()));
        Subscription { filter, cutoff, ..Subscription::default() }.request(&options.common.url.host)
    };
    Plan {
        target: options.common.url.clone(),
        spread: options.common.spread(),
        connections: options.connections,
        requests: (0..options.filters).map(request).collect(),
    }
}

fn publish(
    options: &Options,
    broadcast: &Arc<Broadcast>,
    publisher: &mut Publisher,
    selecting: &mut Selecting,
    report: &mut Report,
) -> anyhow::Result<()> {
    let begun = clock::now();
    while !broadcast.is_complete() {
        ensure!(!broadcast.has_failed(), "the readers gave up");
        thread::sleep(Duration::from_millis(1));
    }
    report.figure(
        "subscribed",
        per_second(options.connections as u64, clock::now() - begun),
        "connections/s",
    );
    let mut go = |seconds| {
        let start = clock::now();
        let interval = Some(interval(options.rate));
        selecting.begin(Pace { start, end: start + seconds * SECOND, count: u64::MAX, interval }, broadcast);
        publisher.run(selecting)
    };
    broadcast.time_from(u64::MAX);
    go(options.warmup)?;
    let (from, delivered) = (clock::now(), broadcast.delivered());
    broadcast.time_from(from);
    let meter = Meter::start(options.common.server_pid)?;
    go(options.seconds)?;
    let deliveries = broadcast.delivered() - delivered;
    report.figure("deliveries/s", per_second(deliveries, clock::now() - from), "");
    meter.stop()?.tell(report);
    Ok(())
}

/// Every connection got exactly its own repository's events.
fn check(options: &Options, readers: &Readers, selecting: &mut Selecting, report: &mut Report) {
    let mut total = verify::Verdict::default();
    for (index, acknowledged) in selecting.acknowledged.iter_mut().enumerate() {
        let seen: Vec<_> = readers.seen.iter().skip(index).step_by(options.filters).copied().collect();
        let verdict = verify::compare(acknowledged, &seen);
        total.lost += verdict.lost;
        total.doubled += verdict.doubled;
        total.reordered += verdict.reordered;
        total.strange += verdict.strange;
        total.readers += verdict.readers;
    }
    let what = format!("each of {} connections its own events", options.connections);
    report.check(&what, &total, total.is_good(selecting.outcome.unknown() > 0));
    let failed = selecting.outcome.failed();
    report.check("posts not answered with 200", &failed, failed == 0);
    for fault in &readers.faults {
        report.check("told by the server", fault, false);
    }
}
