//! A registry's life through the gateway: who applies the events must have exactly the registry's tags.

use std::collections::BTreeMap;

use anyhow::ensure;
use clap::Args;
use loadtest::clock::{self, SECOND, float, float_len, per_second};
use loadtest::event_id::EventId;
use loadtest::form::{self, Post, Secret};
use loadtest::http::Answer;
use loadtest::kind::Kind;
use loadtest::latency::Latency;
use loadtest::meter::Meter;
use loadtest::mirror::Mirror;
use loadtest::notification::Registry;
use loadtest::options::Common;
use loadtest::outcome::Outcome;
use loadtest::pace::{Due, Pace};
use loadtest::publisher::{Job, Next, Publisher, Way};
use loadtest::replay;
use loadtest::report::Report;
use loadtest::schedule::{self, Disorder};
use loadtest::simulator::{Announcement, Simulator};
use loadtest::workload::Workload;
use serde::Serialize;

/// Histories of pushes, moves and deletes, posted as a registry posts them; then the events are compared with the truth.
#[derive(Args, Serialize)]
pub(crate) struct Simulate {
    /// Whose form the bodies have; the source must be of this kind.
    #[arg(long, value_enum, default_value_t = Kind::Distribution)]
    kind: Kind,
    /// Repositories.
    #[arg(long, default_value_t = 50)]
    repositories: u64,
    /// Things done to the registry; each makes one to six notifications.
    #[arg(long, default_value_t = 5_000)]
    steps: u64,
    /// Posts a second; left out: as fast as they are taken.
    #[arg(long)]
    rate: Option<f64>,
    /// Lanes, and connections: a repository's notifications follow each other in one lane.
    #[arg(long, short, default_value_t = 8)]
    connections: usize,
    /// Notifications in one post, from kinds that gather them.
    #[arg(long, default_value_t = 1)]
    per_post: usize,
    /// Posts that come again, of a thousand; left out: 50, or none from a kind of which none can be told.
    #[arg(long)]
    repeats: Option<u32>,
    /// How far notifications come out of order; only for kinds that have none.
    #[arg(long, default_value_t = 0)]
    shuffle: usize,
    /// Each connection is closed and opened anew after so many posts; 0: never.
    #[arg(long, default_value_t = 0)]
    restart: u64,
    /// What the source expects: signed with or shown, as its kind does.
    #[arg(long)]
    #[serde(skip)]
    secret: Option<String>,
    /// A line of every request's head, such as 'Authorization: Bearer …'.
    #[arg(long, value_name = "LINE")]
    #[serde(skip)]
    header: Vec<String>,
    /// The same seed makes the same history; left out: any.
    #[arg(long)]
    seed: Option<u64>,
}

/// A run's history must be over before the 24 h in which the gateway remembers what was told.
const PAST: i64 = 20 * 3600;

impl Workload for Simulate {
    const NAME: &'static str = "simulate";

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let seed = self.seed.unwrap_or_else(rand::random);
        self.check_options()?;
        report.setting("seed", seed);
        report.setting("repeats", self.repeats());
        let registry = common.registry();
        let begin = jiff::Timestamp::now().as_second() - PAST;
        let mut simulator =
            Simulator::new(seed, registry.clone(), self.kind.habits(), self.repositories, begin);
        let mut all: Vec<_> = (0..self.steps).flat_map(|_| simulator.step()).collect();
        all.retain(|one| self.kind.tells(&one.operation));
        report.figure("notifications", float_len(all.len()), "");
        let disorder = Disorder { repeats: self.repeats(), shuffle: self.shuffle, per_post: self.per_post };
        let lanes = schedule::lanes(all, self.connections, disorder, seed);

        let after = replay::position(common)?;
        let mut publisher = Publisher::connect(self.way(common)?)?;
        let mut life = Life::new(self, &registry, lanes);
        let meter = Meter::start(&common.processes(Vec::new()))?;
        publisher.run(&mut life)?;
        let took = clock::now() - life.pace.start;
        report.figure("posts/s", per_second(life.posts, took), "");
        report.figure("posts made again after a refusal", float(life.again), "");
        report.latency("post to answer", &life.latency);
        meter.stop()?.tell(report);
        life.outcome.tell(report);
        self.check(common, &life, &simulator, after, report)
    }
}

impl Simulate {
    fn repeats(&self) -> u32 {
        self.repeats.unwrap_or(if self.kind.may_be_repeated() { 50 } else { 0 })
    }

    fn secret(&self) -> Option<Secret> {
        self.secret.clone().map(Secret::from)
    }

    fn way(&self, common: &Common) -> anyhow::Result<Way> {
        let mut way = common.way(self.connections);
        if let Some(query) = self.secret().and_then(|secret| secret.query(self.kind)) {
            for path in &mut way.paths {
                path.extend(["?", &query]);
            }
        }
        for line in &self.header {
            ensure!(line.contains(": ") && !line.contains(['\r', '\n']), "'{line}' is no line of a head");
            way.headers.extend([line, "\r\n"]);
        }
        let content_type = self.kind.content_type().to_owned();
        Ok(Way { content_type, restart_after: self.restart, ..way })
    }

    fn check_options(&self) -> anyhow::Result<()> {
        let (kind, name) = (self.kind, self.kind.name());
        ensure!(
            self.shuffle == 0 || kind.may_be_shuffled(),
            "{name} keeps order, or does not tell when: --shuffle would change what its notifications mean"
        );
        ensure!(self.per_post == 1 || kind.takes_several(), "{name} posts one by one");
        ensure!(
            self.repeats() == 0 || kind.may_be_repeated(),
            "{name} tells neither ids nor times: a repeat would look like a change"
        );
        Ok(())
    }

    fn check(
        &self,
        common: &Common,
        life: &Life<'_>,
        simulator: &Simulator,
        after: EventId,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut mirror = Mirror::default();
        let (acknowledged, filter) = (life.outcome.events.len(), life.registry.filter());
        let replay = replay::read(common, filter, after, acknowledged, |envelope| mirror.apply(envelope))?;
        replay.check("acknowledged events", &life.outcome, report);
        for (kind, &count) in &mirror.counts {
            report.figure(kind.as_str(), float(count), "");
        }
        let shown = |digest: String| if self.kind.has_digests() { digest } else { String::new() };
        let tags = simulator.tags().into_iter().map(|((repository, tag), digest)| {
            ((life.registry.repository(repository), tag), shown(digest.to_string()))
        });
        let truth: BTreeMap<_, _> = tags.collect();
        report.figure("tags at the end", float_len(truth.len()), "");
        // In order, every end has a beginning.
        let fits = mirror.unheard_of == 0 || self.shuffle > 0;
        report.check("ends of tags that showed nothing", &mirror.unheard_of, fits);
        let contradicted = mirror.contradicted;
        report.check("events that contradict earlier ones", &contradicted, contradicted == 0);
        let (different, words) = mirror.differences(&truth);
        report.check("tags that differ from the registry's", &different, different == 0);
        for word in mirror.contradictions.iter().chain(&words) {
            report.note("for example", word);
        }
        Ok(())
    }
}

/// Posts lanes, each post after the answer to the one before; what is refused comes again, as from a registry.
struct Life<'a> {
    kind: Kind,
    secret: Option<Secret>,
    registry: &'a Registry,
    post: Post,
    lanes: Vec<Lane>,
    /// The lane that is asked first.
    turn: usize,
    pace: Pace,
    posts: u64,
    again: u64,
    latency: Latency,
    outcome: Outcome,
}

struct Lane {
    posts: std::vec::IntoIter<Vec<Announcement>>,
    /// The post that is under way, or was refused.
    current: Option<Vec<Announcement>>,
    busy: bool,
    intended: u64,
    /// A refused post waits until then.
    not_before: u64,
}

impl<'a> Life<'a> {
    fn new(options: &Simulate, registry: &'a Registry, lanes: Vec<Vec<Vec<Announcement>>>) -> Self {
        let lane = |posts: Vec<Vec<Announcement>>| Lane {
            posts: posts.into_iter(),
            current: None,
            busy: false,
            intended: 0,
            not_before: 0,
        };
        Self {
            kind: options.kind,
            secret: options.secret(),
            registry,
            post: Post::default(),
            lanes: lanes.into_iter().map(lane).collect(),
            turn: 0,
            pace: Pace { end: u64::MAX, ..Pace::lasting(0, options.rate) },
            posts: 0,
            again: 0,
            latency: Latency::default(),
            outcome: Outcome::default(),
        }
    }

    fn refused(&mut self, lane: u64, now: u64) {
        self.again += 1;
        let lane = &mut self.lanes[place(lane)];
        lane.busy = false;
        lane.not_before = now + SECOND / 2;
    }
}

impl Job for Life<'_> {
    fn next(&mut self, now: u64, body: &mut Vec<u8>) -> Next {
        let free = |lane: &Lane| !lane.busy && (lane.current.is_some() || lane.posts.len() > 0);
        if !self.lanes.iter().any(|lane| lane.busy || free(lane)) {
            return Next::Done;
        }
        let many = self.lanes.len();
        let turns = (0..many).map(|turn| (self.turn + turn) % many);
        let ready = turns.into_iter().find(|&at| free(&self.lanes[at]) && self.lanes[at].not_before <= now);
        let Some(at) = ready else { return Next::Parked };
        let intended = match self.pace.due(self.posts, now) {
            Due::Now(intended) => intended,
            Due::At(time) => return Next::At(time),
            Due::Never => return Next::Done,
        };
        self.turn = at + 1;
        let lane = &mut self.lanes[at];
        let Some(announcements) = lane.current.take().or_else(|| lane.posts.next()) else {
            return Next::Parked;
        };
        (lane.busy, lane.intended) = (true, intended);
        self.posts += 1;
        form::write(self.kind, &announcements, self.registry, self.secret.as_ref(), &mut self.post);
        std::mem::swap(body, &mut self.post.body);
        self.lanes[at].current = Some(announcements);
        Next::Post(at as u64)
    }

    fn headers(&self) -> Option<&str> {
        Some(&self.post.headers)
    }

    fn answered(&mut self, lane: u64, answer: &Answer<'_>, now: u64) {
        if self.outcome.answered(answer).is_none() {
            return self.refused(lane, now);
        }
        let lane = &mut self.lanes[place(lane)];
        lane.busy = false;
        lane.current = None;
        self.latency.record(now.saturating_sub(lane.intended));
    }

    fn lost(&mut self, lane: u64, now: u64) {
        self.outcome.lost += 1;
        self.refused(lane, now);
    }
}

fn place(lane: u64) -> usize {
    usize::try_from(lane).unwrap_or(0)
}
