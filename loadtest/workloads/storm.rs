//! A CI storm: a thousand events at once, until everyone has them all.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use clap::Args;
use loadtest::clock::{float, per_second};
use loadtest::figure::Id;
use loadtest::latency::Latency;
use loadtest::options::{Common, Load, Readers};
use loadtest::order::Findings;
use loadtest::process;
use loadtest::report::Report;
use loadtest::stage::{self, Setup, Stage};
use loadtest::workload::{Versus, Workload};
use serde::Serialize;

/// A storm: many events at once to N connections, until all have all, and the memory that it takes.
#[derive(Args, Serialize)]
pub(crate) struct Storm {
    #[command(flatten)]
    readers: Readers,
    #[command(flatten)]
    versus: Versus,
    /// Posts at once.
    #[arg(long, default_value_t = 20)]
    posts: u64,
    /// Notifications in each: posts times these are the events of a storm.
    #[arg(long, default_value_t = 50)]
    per_post: u64,
    /// How many storms, one after another.
    #[arg(long, default_value_t = 5)]
    storms: u64,
}

impl Workload for Storm {
    const NAME: &'static str = "storm";

    fn figures(&self) -> Vec<Id> {
        vec![Id::Subscribed, Id::AllHaveAll, Id::DeliveriesPerSecond, Id::StormMemory]
    }

    fn versus(&self) -> Option<(Versus, Id)> {
        Some((self.versus, Id::AllHaveAll))
    }

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        report.setting("events", self.posts * self.per_post);
        let setup = Setup {
            readers: self.readers.clone(),
            // All posts go out at once.
            load: Load { rate: None, publishers: usize::try_from(self.posts)? },
            per_post: self.per_post,
            ..Setup::default()
        };
        let ((), findings) = stage::play(common, &setup, report, |stage, report| self.storms(stage, report))?;
        self.tell(&findings, report);
        Ok(())
    }
}

impl Storm {
    fn storms(&self, stage: &mut Stage<'_>, report: &mut Report) -> anyhow::Result<()> {
        // One event, for the buffers of every connection to be there before memory is compared.
        stage.burst(1)?;
        stage.drain()?;
        stage.phase();
        let server = stage.processes.server();
        let mut growth: u64 = 0;
        let mut is_exact = true;
        for _ in 0..self.storms {
            thread::sleep(Duration::from_millis(300));
            let before = server.map(|pid| {
                is_exact &= process::forget_peak(pid);
                process::memory(pid).map(|now| (pid, now.resident))
            });
            stage.burst(self.posts)?;
            stage.drain()?;
            if let Some((pid, before)) = before.transpose()? {
                growth = growth.max(process::usage(Some(pid))?.peak.saturating_sub(before));
            }
        }
        if server.is_some() {
            let unit = if is_exact { "MB" } else { "MB, from the start on" };
            report.figure(Id::StormMemory, float(growth) / 1e6, unit);
        }
        Ok(())
    }

    /// By storm, that is by intended time: when the last connection had its last event.
    fn tell(&self, findings: &Findings, report: &mut Report) {
        let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
        for (sent, at) in findings.timed() {
            let end = ends.entry(sent).or_default();
            *end = (*end).max(at);
        }
        let mut times = Latency::default();
        for (sent, end) in &ends {
            times.record(end - sent);
        }
        report.figure(Id::AllHaveAll, times.summary().p50, "ms, median of the storms");
        let deliveries = self.readers.connections as u64 * self.posts * self.per_post;
        let took = ends.iter().map(|(sent, end)| end - sent).sum::<u64>();
        report.figure(Id::DeliveriesPerSecond, per_second(deliveries * ends.len() as u64, took), "");
    }
}
