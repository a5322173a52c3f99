//! All of it, for long: does memory grow, do descriptors leak, and is anything lost when the gateway is killed?

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND, float, seconds};
use loadtest::crew::{Crew, Sharing};
use loadtest::handshake::Subscription;
use loadtest::memory;
use loadtest::options::Common;
use loadtest::order::Order;
use loadtest::report::Report;
use loadtest::run::{Setup, Stage};
use loadtest::sampler::{self, Processes};
use loadtest::server::{Gateway, Server};

/// Soak: events at a rate for long, while readers drop, stop and come back, and a gateway started here is killed and
/// stopped again and again in the first half. In the second half it stays, so that leaks show.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    sharing: Sharing,
    /// Connections that read.
    #[arg(long, short, default_value_t = 1000)]
    connections: usize,
    /// Posts a second.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 600)]
    seconds: u64,
    /// Seconds between two things that happen.
    #[arg(long, default_value_t = 10)]
    every: u64,
    /// Connections that post.
    #[arg(long, default_value_t = 16)]
    publishers: usize,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "100ms")]
    cutoff: String,
    /// How the gateway is started, over the same data each time; it must listen where --url says. Left out: the
    /// `tagcast` that stands beside this program, over fresh data.
    #[arg(long, value_name = "COMMAND")]
    server_command: Option<String>,
}

/// So many tags are kept at the gateway: its catalog need not grow for ever.
const TAGS: usize = 2_000;
/// The start of the second half is not looked at: the gateway has just been started.
const WARM: f64 = 0.2;

/// What happens, in turn.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Kill,
    Restart,
    SomeDrop,
    AllDrop,
    SomeStop,
    TheyRead,
}

const FIRST_HALF: [Happening; 6] = [
    Happening::Kill,
    Happening::SomeStop,
    Happening::Restart,
    Happening::TheyRead,
    Happening::SomeDrop,
    Happening::AllDrop,
];
const SECOND_HALF: [Happening; 4] =
    [Happening::SomeDrop, Happening::SomeStop, Happening::AllDrop, Happening::TheyRead];

/// What was seen of the gateway's descriptors, when all were connected.
#[derive(Default)]
struct Descriptors {
    first: u64,
    last: u64,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    ensure!(
        options.seconds >= 8 * options.every,
        "at least eight things must happen: more --seconds, or less --every"
    );
    let mut report = Report::new("soak");
    report.setting("connections", options.connections);
    report.setting("rate", options.rate);
    report.setting("seconds", options.seconds);
    report.setting("every", options.every);
    report.setting("cutoff", options.cutoff.as_str());
    let common = &options.common;
    let gateway = Gateway::new(options.server_command.as_deref(), &common.url, &common.pin_server)?;
    let server = gateway.start()?;
    let common = server.common(common);
    let setup = Setup {
        connections: options.connections,
        sharing: options.sharing,
        publishers: options.publishers,
        per_post: 1,
        rate: Some(options.rate),
        subscription: Subscription { cutoff: Some(options.cutoff.clone()), ..Subscription::default() },
        resumes: true,
        repeats: true,
        ..Setup::default()
    };
    let mut stage = Stage::open(&common, &setup, &mut report)?;
    stage.tagging.keep(TAGS);
    let begun = clock::now();
    // The server outlives the stage: readers say good-bye to it.
    let server = match soak(options, &gateway, server, &mut stage, &mut report) {
        Ok(server) => server,
        Err(error) => return stage.fail(error),
    };
    let took = seconds(clock::now() - begun);
    report.figure("posts that came again", float(stage.tagging.repeated()), "");
    stage.close(&mut report)?;
    server.stop()?;
    growth(took, &mut report);
    Ok(report)
}

fn soak(
    options: &Options,
    gateway: &Gateway,
    server: Server,
    stage: &mut Stage<'_>,
    report: &mut Report,
) -> anyhow::Result<Server> {
    stage.phase();
    let processes = stage.processes.clone();
    let (server, counts, descriptors) = stage.publish_while(options.seconds, |crew, broadcast| {
        happen(options, gateway, server, &processes, crew, broadcast)
    })?;
    report.figure("gateway killed", float(counts.0), "times");
    report.figure("gateway stopped and started", float(counts.1), "times");
    stage.crew.order(Order::Resume);
    thread::sleep(Duration::from_millis(200));
    stage.wait_for_all()?;
    stage.drain()?;
    report.figure("descriptors, start of the second half", float(descriptors.first), "");
    report.figure("descriptors, end", float(descriptors.last), "");
    // Requests of the moment come and go.
    let slack = 64;
    let leaks = descriptors.last.saturating_sub(descriptors.first);
    report.check("descriptors more at the end", &leaks, leaks <= slack);
    Ok(server)
}

/// Lets things happen until the time is over: kills and stops of the gateway, and how its descriptors went.
fn happen(
    options: &Options,
    gateway: &Gateway,
    mut server: Server,
    processes: &Processes,
    crew: &mut Crew,
    broadcast: &Broadcast,
) -> anyhow::Result<(Server, (u64, u64), Descriptors)> {
    let begun = clock::now();
    let (half, end) =
        (begun + options.seconds * SECOND / 2, begun + (options.seconds - options.every) * SECOND);
    let mut counts = (0, 0);
    let mut descriptors = Descriptors::default();
    let first = FIRST_HALF.iter().cycle().map(|one| (*one, true));
    let mut first = first.take_while(|_| clock::now() < half);
    let mut second = SECOND_HALF.iter().cycle().map(|one| (*one, false));
    while clock::now() < end {
        thread::sleep(Duration::from_secs(options.every));
        ensure!(!broadcast.has_failed(), "the readers gave up");
        let Some((happening, is_first)) = first.next().or_else(|| second.next()) else { break };
        if !is_first && broadcast.is_complete() {
            let now = memory::descriptors(server.pid());
            descriptors.last = now;
            if descriptors.first == 0 {
                descriptors.first = now;
            }
        }
        match happening {
            Happening::Kill | Happening::Restart => {
                if matches!(happening, Happening::Kill) {
                    counts.0 += 1;
                    server.kill()?;
                } else {
                    counts.1 += 1;
                    server.stop()?;
                }
                server = gateway.start()?;
                processes.server.store(server.pid(), Ordering::Relaxed);
            }
            Happening::SomeDrop => crew.send_away((options.connections / 10).max(1)),
            Happening::AllDrop => crew.send_away(options.connections),
            Happening::SomeStop => crew.stop((options.connections / 100).max(1)),
            Happening::TheyRead => crew.order(Order::Resume),
        }
    }
    Ok((server, counts, descriptors))
}

/// How memory went in the second half, of which the gateway has seen nothing but the same again and again.
fn growth(took: f64, report: &mut Report) {
    let memory = report.all_series().iter().find(|series| series.name == "server memory");
    let from = took * (0.5 + WARM / 2.0);
    let points: Vec<_> = memory
        .map(|series| series.points.iter().copied().filter(|point| point.0 > from).collect())
        .unwrap_or_default();
    if let Some(slope) = sampler::slope(&points) {
        report.figure("memory, second half", slope * 3600.0, "MB/hour, slope");
        let ends = points.first().zip(points.last());
        report.figure("memory at its start", ends.map_or(0.0, |ends| ends.0.1), "MB");
        report.figure("memory at its end", ends.map_or(0.0, |ends| ends.1.1), "MB");
    }
}
