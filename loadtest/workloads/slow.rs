//! What others feel when some stop reading, and what the kernel keeps for those.

use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::clock::{float, float_len};
use loadtest::figure::Id;
use loadtest::options::{Common, Load, Readers, Span};
use loadtest::order::Order;
use loadtest::report::Report;
use loadtest::sockets;
use loadtest::stage::{self, Setup, Stage};
use loadtest::workload::Workload;
use serde::Serialize;

/// Slow readers: a share of N connections stops reading while events go on at a rate, and reads again later.
///
/// `--seconds` is how long each part takes, before they stop and while they are stopped. Gateways cut off who takes
/// nothing for long; those come back by themselves.
#[derive(Args, Serialize)]
#[command(mut_arg("rate", |rate| rate.default_value("100")))]
#[command(mut_arg("seconds", |seconds| seconds.default_value("15")))]
pub(crate) struct Slow {
    #[command(flatten)]
    readers: Readers,
    /// How many of a hundred stop.
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    span: Span,
}

impl Workload for Slow {
    const NAME: &'static str = "slow";

    fn figures(&self) -> Vec<Id> {
        vec![Id::DeliveriesPerSecond, Id::StoppedReaderMemory, Id::OthersRatio]
    }

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let (stopped, all) = (self.stopped(), self.readers.connections);
        ensure!(stopped > 0 && stopped < all, "{stopped} of {all} would stop");
        report.setting("stopped", stopped);
        let setup =
            Setup { readers: self.readers.clone(), load: self.load, resumes: true, ..Setup::default() };
        let ((), findings) = stage::play(common, &setup, report, |stage, report| {
            self.parts(stopped, common.url.address.port(), stage, report)
        })?;
        let p99 = |phase: usize| findings.phases.get(phase).map_or(0.0, |times| times.arrival.summary().p99);
        report.figure("p99 before", p99(0), "ms");
        report.figure("others' p99 while some are stopped", p99(1), "ms");
        report.figure(Id::OthersRatio, p99(1) / p99(0).max(1e-6), "");
        Ok(())
    }
}

impl Slow {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
    fn stopped(&self) -> usize {
        (float_len(self.readers.connections) * self.share / 100.0).round() as usize
    }

    fn parts(
        &self,
        stopped: usize,
        port: u16,
        stage: &mut Stage<'_>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        // Both parts are timed without those that will stop, so that they are the same connections.
        stage.crew.stop(stopped);
        stage.crew.order(Order::Resume);
        stage.publish(self.span.warmup)?;
        stage.phase();
        stage.publish(self.span.seconds)?;
        stage.drain()?;
        stage.crew.stop(stopped);
        stage.phase();
        let measurement = stage.measure()?;
        stage.publish(self.span.seconds)?;
        measurement.end(&stage.broadcast, report)?;
        kept(stopped, port, report);
        stage.crew.order(Order::Resume);
        thread::sleep(Duration::from_millis(100));
        stage.broadcast.wait_for_all()?;
        stage.drain()
    }
}

/// Those that are stopped have the largest queues.
fn kept(stopped: usize, port: u16, report: &mut Report) {
    match sockets::send_queues(port) {
        Ok(mut queues) => {
            queues.sort_unstable_by(|a, b| b.cmp(a));
            queues.truncate(stopped);
            let mean = float(queues.iter().sum()) / float_len(queues.len().max(1));
            report.figure("kernel memory of a stopped reader", mean, "bytes at the server's end, mean");
            let most = queues.first().copied().unwrap_or(0);
            report.figure(Id::StoppedReaderMemory, float(most), "bytes");
        }
        Err(error) => report.note("kernel memory of stopped readers is not known", &format!("{error:#}")),
    }
}
