//! What distinct filters cost through the whole gateway.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND, per_second};
use loadtest::crew::{Crew, Gathered, Readings, Sharing};
use loadtest::dialect::Hello;
use loadtest::due::Window;
use loadtest::handshake::Subscription;
use loadtest::options::Common;
use loadtest::order::Order;
use loadtest::pace::{Pace, interval};
use loadtest::publisher::Publisher;
use loadtest::report::{Meter, Report};
use loadtest::sampler::Processes;
use loadtest::selecting::Selecting;
use loadtest::subscriber::Plan;
use loadtest::verify;

/// Filters: N connections with S distinct filters between them; each event is for the connections of one of them.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    sharing: Sharing,
    /// Connections that read.
    #[arg(long, short, default_value_t = 10_000)]
    connections: usize,
    /// Distinct filters; the connections are shared out evenly, and each event is for one filter.
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
    let workers = options.sharing.workers(options.connections);
    let broadcast = Arc::new(Broadcast::new(options.connections, workers, 0));
    let begun = clock::now();
    let mut crew = Crew::start(&readings(options, &selecting)?, options.sharing, &broadcast, false)?;
    if let Err(error) = subscribed(options, &broadcast, begun, &mut report)
        .and_then(|()| publish(options, &broadcast, &mut crew, &mut publisher, &mut selecting, &mut report))
    {
        broadcast.fail();
        crew.give_up()?;
        return Err(error);
    }
    let expected = |connection: usize| selecting.acknowledged[connection % options.filters].len() as u64;
    let all = crew.finish(expected)?;
    if let Some(times) = all.got.phases.first() {
        report.latency("intended send to arrival", &times.arrival);
    }
    selecting.outcome.tell(&mut report);
    check(options, &all, &mut selecting, &mut report);
    Ok(report)
}

fn readings(options: &Options, selecting: &Selecting) -> anyhow::Result<Readings> {
    let subscription = |index| {
        let (filter, cutoff) = (selecting.filter(index), Some(options.cutoff.clone()));
        Subscription { filter, cutoff, ..Subscription::default() }
    };
    let all: Vec<_> = (0..options.filters).map(subscription).collect();
    let Window { size, cutoff } = Window::of(&all[0])?;
    let plan = Plan {
        target: options.common.url.clone(),
        spread: options.common.spread(),
        first: 0,
        connections: options.connections,
        hello: Hello::Tagcast(all),
        nap: options.sharing.nap,
        resumes: false,
    };
    Ok(Readings { plan, size, cutoff, alike: false })
}

fn subscribed(
    options: &Options,
    broadcast: &Broadcast,
    begun: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    while !broadcast.is_complete() {
        ensure!(!broadcast.has_failed(), "the readers gave up");
        thread::sleep(Duration::from_millis(1));
    }
    let rate = per_second(options.connections as u64, clock::now() - begun);
    report.figure("subscribed", rate, "connections/s");
    Ok(())
}

fn publish(
    options: &Options,
    broadcast: &Arc<Broadcast>,
    crew: &mut Crew,
    publisher: &mut Publisher,
    selecting: &mut Selecting,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut go = |seconds| {
        let start = clock::now();
        let interval = Some(interval(options.rate));
        selecting.begin(Pace { start, end: start + seconds * SECOND, count: u64::MAX, interval }, broadcast);
        publisher.run(selecting)
    };
    go(options.warmup)?;
    let (from, delivered) = (clock::now(), broadcast.delivered());
    crew.order(Order::Phase(from));
    let processes = Processes { helpers: crew.pids(), ..options.common.processes() };
    let meter = Meter::start(&processes)?;
    go(options.seconds)?;
    let deliveries = broadcast.delivered() - delivered;
    report.figure("deliveries/s", per_second(deliveries, clock::now() - from), "");
    let used = meter.stop()?;
    if let Some(cpu) = used.server_cpu() {
        let events = options.rate * clock::float(options.seconds);
        report.figure("server CPU of an event", cpu / events * 1e6, "µs");
    }
    used.tell(report);
    Ok(())
}

/// Every connection got exactly its own repository's events.
fn check(options: &Options, all: &Gathered, selecting: &mut Selecting, report: &mut Report) {
    let mut total = verify::Verdict::default();
    for (index, acknowledged) in selecting.acknowledged.iter_mut().enumerate() {
        let seen: Vec<_> = all.got.seen.iter().skip(index).step_by(options.filters).copied().collect();
        total += verify::compare(acknowledged, &seen);
    }
    let what = format!("each of {} connections its own events", options.connections);
    report.check(&what, &total, total.is_good(selecting.outcome.unknown() > 0));
    let failed = selecting.outcome.failed();
    report.check("posts not answered with 200", &failed, failed == 0);
    for fault in &all.got.faults {
        report.check("told by the server", fault, false);
    }
}
