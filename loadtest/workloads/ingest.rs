//! How many notifications a second the gateway takes durably, and how long each waits for its answer.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::{Args, ValueEnum};
use loadtest::clock::{self, SECOND, per_second};
use loadtest::event_id::EventId;
use loadtest::http::Answer;
use loadtest::latency::Latency;
use loadtest::notification::{Change, Notification, Registry};
use loadtest::options::Common;
use loadtest::outcome::Outcome;
use loadtest::pace::{Due, Pace, interval};
use loadtest::progress::Progress;
use loadtest::publisher::{Job, Next, Publisher};
use loadtest::report::{Meter, Report};
use loadtest::{replay, verify};

/// Notifications a second, durable: each connection sends its next when the answer is there, or all send at a rate.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Keep-alive connections.
    #[arg(long, short, default_value_t = 64)]
    connections: usize,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 20)]
    seconds: u64,
    /// Posts at most.
    #[arg(long, short = 'n', default_value_t = u64::MAX)]
    count: u64,
    /// Posts a second; latency then counts from the intended time. Left out: as fast as they are taken.
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds at the start that count for the check only.
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Repositories to which notifications go in turn.
    #[arg(long, default_value_t = 100)]
    repositories: u64,
    /// Notifications in one post.
    #[arg(long, default_value_t = 1)]
    per_post: u64,
    /// What each notification is.
    #[arg(long, value_enum, default_value_t = Shape::Push)]
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// A new image under a new tag: two events.
    Push,
    /// A new image under a tag that another has: three events.
    Move,
    /// A known image under a new tag: one event.
    Tag,
    /// A layer: no event, as most of what a registry posts.
    Blob,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("ingest");
    measure(options, &mut report)?;
    Ok(report)
}

pub(crate) fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    describe(options, report);
    let after = replay::position(&options.common)?;
    let mut publisher = Publisher::connect(options.common.way(options.connections))?;
    let mut job = Ingest::new(options);
    let progress = (!options.common.quiet).then(|| progress(&job.answered));
    job.begin(options, options.warmup);
    publisher.run(&mut job)?;
    let (answered, events) = (job.answered.load(Ordering::Relaxed), job.outcome.events.len());
    let meter = Meter::start(&options.common.processes())?;
    job.begin(options, options.seconds);
    publisher.run(&mut job)?;
    let used = meter.stop()?;
    drop(progress);
    let took = job.last_answer.saturating_sub(job.pace.start);
    let answered = (job.answered.load(Ordering::Relaxed) - answered) * job.per_post;
    report.figure("notifications/s", per_second(answered, took), "");
    report.figure("events/s", per_second((job.outcome.events.len() - events) as u64, took), "");
    report.latency("post to answer", &job.latency);
    used.tell(report);
    job.outcome.tell(report);
    check(options, &job, after, report)
}

/// Everything acknowledged is in the log, once and in order.
fn check(options: &Options, job: &Ingest, after: EventId, report: &mut Report) -> anyhow::Result<()> {
    let acknowledged = &job.outcome.events;
    let begun = clock::now();
    let got = replay::read(&options.common, job.registry.filter(), after, acknowledged.len(), |_| ())?;
    report.figure("replay", per_second(got.events.len() as u64, clock::now() - begun), "events/s");
    got.tell(report);
    let verdict = verify::compare_all(acknowledged, &got.events);
    report.check(
        &format!("{} acknowledged events", acknowledged.len()),
        &verdict,
        verdict.is_good(job.outcome.unknown() > 0),
    );
    let failed = job.outcome.failed();
    report.check("posts not answered with 200", &failed, failed == 0);
    Ok(())
}

fn describe(options: &Options, report: &mut Report) {
    report.setting("connections", options.connections);
    report.setting("rate", options.rate);
    report.setting("seconds", options.seconds);
    report.setting("warmup", options.warmup);
    report.setting("repositories", options.repositories);
    report.setting("per_post", options.per_post);
    report.setting("shape", format!("{:?}", options.shape).to_lowercase());
}

fn progress(answered: &Arc<AtomicU64>) -> Progress {
    let (answered, mut before) = (Arc::clone(answered), 0);
    Progress::start(move || {
        let now = answered.load(Ordering::Relaxed);
        let line = format!("ingest: {now} posts answered, {} in the last second", now - before);
        before = now;
        line
    })
}

struct Ingest {
    registry: Registry,
    repositories: Vec<String>,
    shape: Shape,
    per_post: u64,
    pace: Pace,
    /// Posts of this pace.
    posted: u64,
    /// Notifications ever made: their ids.
    made: u64,
    latency: Latency,
    outcome: Outcome,
    /// Answers with 200.
    answered: Arc<AtomicU64>,
    last_answer: u64,
}

impl Ingest {
    fn new(options: &Options) -> Self {
        let registry = options.common.registry();
        let repositories = (0..options.repositories.max(1)).map(|index| registry.repository(index)).collect();
        Self {
            repositories,
            registry,
            shape: options.shape,
            per_post: options.per_post.max(1),
            pace: Pace { start: 0, end: 0, count: 0, interval: None },
            posted: 0,
            made: 0,
            latency: Latency::default(),
            outcome: Outcome::default(),
            answered: Arc::default(),
            last_answer: 0,
        }
    }

    /// Starts to measure anew.
    fn begin(&mut self, options: &Options, seconds: u64) {
        let start = clock::now();
        let end = start + seconds * SECOND;
        self.pace = Pace { start, end, count: options.count, interval: options.rate.map(interval) };
        self.posted = 0;
        self.latency = Latency::default();
    }
}

impl Job for Ingest {
    fn next(&mut self, now: u64, body: &mut Vec<u8>) -> Next {
        match self.pace.due(self.posted, now) {
            Due::Never => Next::Done,
            Due::At(time) => Next::At(time),
            // The answer brings the intended time back: nothing else need be known of a post.
            Due::Now(intended) => {
                let numbers = self.made..self.made + self.per_post;
                self.made = numbers.end;
                self.posted += 1;
                write(&self.registry, &self.repositories, self.shape, numbers, body);
                Next::Post(intended)
            }
        }
    }

    fn answered(&mut self, intended: u64, answer: &Answer<'_>, now: u64) {
        self.last_answer = now;
        if self.outcome.answered(answer).is_some() {
            self.latency.record(now.saturating_sub(intended));
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lost(&mut self, _: u64, now: u64) {
        self.last_answer = now;
        self.outcome.lost += 1;
    }
}

fn write(
    registry: &Registry,
    repositories: &[String],
    shape: Shape,
    numbers: Range<u64>,
    body: &mut Vec<u8>,
) {
    let tags: Vec<_> = numbers.clone().map(|number| format!("v{number}")).collect();
    let repositories = repositories.iter().cycle().skip(turn(numbers.start, repositories.len()));
    let all = numbers.zip(&tags).zip(repositories).map(|((number, tag), repository)| {
        let digest = registry.digest(number);
        let push = |digest, tag| Change::Push { digest, tag, index: false };
        let change = match shape {
            Shape::Push => push(digest, tag.as_str()),
            Shape::Move => push(digest, "latest"),
            Shape::Tag => push(registry.digest(0), tag.as_str()),
            Shape::Blob => Change::PushBlob(digest),
        };
        Notification { number, request: number, repository, change }
    });
    registry.body(all, body);
}

/// Whose turn it is among `many`.
fn turn(number: u64, many: usize) -> usize {
    usize::try_from(number % many as u64).unwrap_or(0)
}
