//! How long from a push to the arrival of its event, at every connection.

use clap::Args;
use loadtest::clock::float;
use loadtest::figure::Id;
use loadtest::options::{Common, Load, Readers, Span};
use loadtest::report::Report;
use loadtest::stage::{self, Setup};
use loadtest::workload::{Versus, Workload};
use serde::Serialize;

/// Push to socket: N connections with one filter and no window, notifications at a steady rate.
#[derive(Args, Serialize)]
// Each reader sleeps until something comes.
#[command(mut_arg("connections", |connections| connections.default_value("100")))]
#[command(mut_arg("nap", |nap| nap.default_value("0")))]
#[command(mut_arg("rate", |rate| rate.default_value("100")))]
pub(crate) struct Latency {
    #[command(flatten)]
    readers: Readers,
    #[command(flatten)]
    versus: Versus,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    span: Span,
}

impl Workload for Latency {
    const NAME: &'static str = "latency";

    fn figures(&self) -> Vec<Id> {
        vec![Id::Arrival, Id::P99]
    }

    /// The lower, the better, so the ratio is one of times.
    fn versus(&self) -> Option<(Versus, Id)> {
        Some((self.versus, Id::P99))
    }

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let posts = self.load.rate.unwrap_or(0.0) * float(self.span.warmup + self.span.seconds);
        let setup = Setup {
            readers: self.readers.clone(),
            load: self.load,
            answers: ceiling(posts) + 1,
            ..Setup::default()
        };
        stage::play(common, &setup, report, |stage, report| stage.publish_steadily(self.span, report))?;
        let p99 = stage::arrival(report).map_or(0.0, |summary| summary.p99);
        report.figure(Id::P99, p99, "ms beyond the window");
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count of a run")]
fn ceiling(count: f64) -> usize {
    count.ceil() as usize
}
