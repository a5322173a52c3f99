//! How many notifications a second the gateway takes durably, and how long each waits for its answer.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::{Args, ValueEnum};
use loadtest::clock::{self, per_second};
use loadtest::event_id::EventId;
use loadtest::http::Answer;
use loadtest::latency::Latency;
use loadtest::meter::Meter;
use loadtest::notification::{Change, Notification, Registry};
use loadtest::options::{Common, Span};
use loadtest::outcome::Outcome;
use loadtest::pace::{Due, Pace};
use loadtest::publisher::{Job, Next, Publisher};
use loadtest::replay;
use loadtest::report::Report;
use loadtest::ticker::Progress;
use loadtest::workload::Workload;
use serde::Serialize;

/// Notifications a second, durable: each connection sends its next when the answer is there, or all send at a rate.
#[derive(Args, Serialize)]
pub(crate) struct Ingest {
    /// Keep-alive connections.
    #[arg(long, short, default_value_t = 64)]
    connections: usize,
    #[command(flatten)]
    span: Span,
    /// Posts at most.
    #[arg(long, short = 'n')]
    count: Option<u64>,
    /// Posts a second; latency then counts from the intended time. Left out: as fast as they are taken.
    #[arg(long)]
    rate: Option<f64>,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
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

impl Workload for Ingest {
    const NAME: &'static str = "ingest";

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let after = replay::position(common)?;
        let mut publisher = Publisher::connect(common.way(self.connections))?;
        let mut posts = Posts::new(self, common.registry());
        let progress = (!common.quiet).then(|| progress(&posts.answered));
        posts.begin(self.span.warmup);
        publisher.run(&mut posts)?;
        let (answered, events) = (posts.answered.load(Ordering::Relaxed), posts.outcome.events.len());
        let meter = Meter::start(&common.processes(Vec::new()))?;
        posts.begin(self.span.seconds);
        publisher.run(&mut posts)?;
        let consumption = meter.stop()?;
        drop(progress);
        let took = posts.last_answer.saturating_sub(posts.pace.start);
        let answered = (posts.answered.load(Ordering::Relaxed) - answered) * self.per_post.max(1);
        report.figure("notifications/s", per_second(answered, took), "");
        report.figure("events/s", per_second((posts.outcome.events.len() - events) as u64, took), "");
        report.latency("post to answer", &posts.latency);
        consumption.tell(report);
        posts.outcome.tell(report);
        check(common, &posts, after, report)
    }
}

/// Everything acknowledged is in the log, once and in order.
fn check(common: &Common, posts: &Posts<'_>, after: EventId, report: &mut Report) -> anyhow::Result<()> {
    let acknowledged = posts.outcome.events.len();
    let begun = clock::now();
    let replay = replay::read(common, posts.registry.filter(), after, acknowledged, |_| ())?;
    report.figure("replay", per_second(replay.events.len() as u64, clock::now() - begun), "events/s");
    replay.check(&format!("{acknowledged} acknowledged events"), &posts.outcome, report);
    posts.outcome.check(report);
    Ok(())
}

fn progress(answered: &Arc<AtomicU64>) -> Progress {
    let (answered, mut before) = (Arc::clone(answered), 0);
    Progress::show(move || {
        let now = answered.load(Ordering::Relaxed);
        let line = format!("ingest: {now} posts answered, {} in the last second", now - before);
        before = now;
        line
    })
}

struct Posts<'a> {
    options: &'a Ingest,
    registry: Registry,
    repositories: Vec<String>,
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

impl<'a> Posts<'a> {
    fn new(options: &'a Ingest, registry: Registry) -> Self {
        Self {
            options,
            repositories: (0..options.repositories.max(1)).map(|index| registry.repository(index)).collect(),
            registry,
            pace: Pace::burst(0),
            posted: 0,
            made: 0,
            latency: Latency::default(),
            outcome: Outcome::default(),
            answered: Arc::default(),
            last_answer: 0,
        }
    }

    /// Starts to measure anew.
    fn begin(&mut self, seconds: u64) {
        let count = self.options.count.unwrap_or(u64::MAX);
        self.pace = Pace { count, ..Pace::lasting(seconds, self.options.rate) };
        self.posted = 0;
        self.latency = Latency::default();
    }

    fn write(&self, numbers: Range<u64>, body: &mut Vec<u8>) {
        let Self { registry, repositories, options, .. } = self;
        let tags: Vec<_> = numbers.clone().map(|number| format!("v{number}")).collect();
        let turn = usize::try_from(numbers.start).unwrap_or(0) % repositories.len();
        let repositories = repositories.iter().cycle().skip(turn);
        let all = numbers.zip(&tags).zip(repositories).map(|((number, tag), repository)| {
            let digest = registry.digest(number);
            let push = |digest, tag| Change::Push { digest, tag, index: false };
            let change = match options.shape {
                Shape::Push => push(digest, tag.as_str()),
                Shape::Move => push(digest, "latest"),
                Shape::Tag => push(registry.digest(0), tag.as_str()),
                Shape::Blob => Change::PushBlob(digest),
            };
            Notification { number, request: number, repository, change }
        });
        registry.body(all, body);
    }
}

impl Job for Posts<'_> {
    fn next(&mut self, now: u64, body: &mut Vec<u8>) -> Next {
        match self.pace.due(self.posted, now) {
            Due::Never => Next::Done,
            Due::At(time) => Next::At(time),
            // The answer brings the intended time back: nothing else need be known of a post.
            Due::Now(intended) => {
                let numbers = self.made..self.made + self.options.per_post.max(1);
                self.made = numbers.end;
                self.posted += 1;
                self.write(numbers, body);
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
