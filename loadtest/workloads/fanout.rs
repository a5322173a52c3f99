//! How many deliveries a second to many connections, and how late.

use std::thread;
use std::time::Duration;

use clap::Args;
use loadtest::clock::float;
use loadtest::due::Window;
use loadtest::figure::Id;
use loadtest::options::{Common, Load, Readers, Span};
use loadtest::report::Report;
use loadtest::search;
use loadtest::stage::{self, Setup};
use loadtest::ticker::say;
use loadtest::workload::{Versus, Workload};
use serde::Serialize;

/// Fan-out: N connections with one filter; events at a rate, or as fast as all have them.
#[derive(Args, Clone, Serialize)]
#[command(mut_arg("seconds", |seconds| seconds.default_value("10")))]
pub(crate) struct Fanout {
    #[command(flatten)]
    readers: Readers,
    #[command(flatten)]
    versus: Versus,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    span: Span,
    /// Events on their way that not all connections have. Only without a rate.
    #[arg(long, short, default_value_t = 32)]
    window: u64,
    /// One event at a time, this often, each when all have the one before: how long until the last has it.
    #[arg(long, value_name = "TIMES", conflicts_with_all = ["rate", "most_within"])]
    isolated: Option<u64>,
    /// Search the most events a second with 99 % of deliveries in so many milliseconds; --rate is where to begin.
    #[arg(long, value_name = "MILLISECONDS")]
    most_within: Option<f64>,
    /// Notifications in one post.
    #[arg(long, default_value_t = 1)]
    per_post: u64,
}

impl Workload for Fanout {
    const NAME: &'static str = "fanout";

    fn figures(&self) -> Vec<Id> {
        let window = Window::of(&self.readers.batches);
        let mut all = vec![Id::Subscribed, Id::Arrival, self.compared()];
        all.extend(self.isolated.is_none().then_some(Id::DeliveriesPerSecond));
        all.extend(window.is_ok_and(|window| window.cutoff > 0).then_some(Id::BeyondWindow));
        all
    }

    fn versus(&self) -> Option<(Versus, Id)> {
        Some((self.versus, self.compared()))
    }

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        match (self.isolated, self.most_within) {
            (Some(times), _) => self.isolated(times, common, report),
            (None, Some(bound)) => self.most(bound, common, report),
            (None, None) => self.measure(self.load.rate, common, report),
        }
    }
}

impl Fanout {
    fn compared(&self) -> Id {
        match (self.isolated, self.most_within) {
            (Some(_), _) => Id::LastReached,
            (None, Some(_)) => Id::MostEvents,
            (None, None) => Id::DeliveriesPerSecond,
        }
    }

    fn setup(&self, rate: Option<f64>) -> Setup {
        Setup {
            readers: self.readers.clone(),
            load: Load { rate, ..self.load },
            per_post: self.per_post,
            window: rate.is_none().then_some(self.window),
            ..Setup::default()
        }
    }

    fn measure(&self, rate: Option<f64>, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let setup = self.setup(rate);
        report.setting("rate", rate);
        report.setting("window", setup.window);
        stage::play(common, &setup, report, |stage, report| stage.publish_steadily(self.span, report))?;
        Ok(())
    }

    /// One event after another, with nothing else under way.
    fn isolated(&self, times: u64, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let ((), findings) = stage::play(common, &self.setup(None), report, |stage, _| {
            for round in 0..times + 3 {
                // The first few are for caches and buffers to be as they will be.
                if round == 3 {
                    stage.phase();
                }
                stage.burst(1)?;
                stage.drain()?;
                thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        })?;
        report.figure(Id::LastReached, stage::last_arrivals(&findings).summary().p50, "ms, median");
        Ok(())
    }

    /// Runs at one rate after another until the most is known; the run at that rate is told.
    fn most(&self, bound: f64, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let mut best = None;
        let found = search::most(self.load.rate.unwrap_or(50.0), |rate| {
            let mut one = Report::new(report.workload(), self)?;
            self.measure(Some(rate), common, &mut one)?;
            let p99 = stage::arrival(&one).map_or(f64::INFINITY, |summary| summary.p99);
            if !common.quiet {
                say(&format!("{}: {rate:.0} posts/s, p99 {p99:.1} ms", one.workload()));
            }
            let holds = p99 < bound;
            if holds || best.is_none() {
                best = Some((rate, one));
            }
            anyhow::Ok(holds)
        })?;
        let (rate, one) = best.ok_or_else(|| anyhow::anyhow!("nothing was tried"))?;
        *report = one;
        // Where not even the least holds there is no rate to tell.
        let events = if found.is_some() { rate } else { 0.0 };
        report.figure(Id::MostEvents, events * float(self.per_post), "within the bound");
        Ok(())
    }
}
