//! What connections cost that only wait.

use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use loadtest::clock::float;
use loadtest::figure::Id;
use loadtest::handshake::Batches;
use loadtest::options::{Common, Load, Readers, Sharing};
use loadtest::process::{self, KernelMemory, Memory};
use loadtest::report::Report;
use loadtest::stage::{Setup, Stage};
use loadtest::workload::Workload;
use serde::Serialize;

/// Idle connections: bytes of memory for each, in the process and in the kernel, before and after one large batch.
#[derive(Args, Serialize)]
pub(crate) struct Idle {
    /// Connections that wait.
    #[arg(long, short, default_value_t = 10_000)]
    connections: usize,
    #[command(flatten)]
    sharing: Sharing,
    /// Seconds before memory is looked at, so that what was only in use for a while is given back.
    #[arg(long, short, default_value_t = 12)]
    seconds: u64,
    /// Then one batch of about so many bytes goes to everyone; 0: none.
    #[arg(long, default_value_t = 60_000)]
    batch_bytes: u64,
}

/// About an event's size in a batch; how many go into one is told with the figures.
const EVENT: u64 = 820;

impl Workload for Idle {
    const NAME: &'static str = "idle";

    fn figures(&self) -> Vec<Id> {
        let growth = (self.batch_bytes > 0).then_some(Id::ConnectionGrowth);
        [Id::Subscribed, Id::ConnectionMemory].into_iter().chain(growth).collect()
    }

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let pid = common.server_pid.context("idle looks at the server's memory: --server-pid PID")?;
        let events = (self.batch_bytes / EVENT).max(1);
        report.setting("events_in_the_batch", events);
        let batches = Batches {
            batch_size: Some(u32::try_from(events)?),
            batch_bytes: Some(u32::try_from(self.batch_bytes.max(1 << 10) * 2)?),
            cutoff: Some("1s".to_owned()),
        };
        let setup = Setup {
            readers: Readers { connections: self.connections, sharing: self.sharing, batches },
            load: Load { rate: None, publishers: 1 },
            per_post: events,
            // A gateway hangs up on a sender that says nothing for so long; the post then comes again.
            repeats: true,
            ..Setup::default()
        };
        let before = (process::memory(pid)?, process::kernel_memory()?);
        let mut stage = Stage::open(common, &setup, report)?;
        let result = self.look(pid, before, &mut stage, report);
        if result.is_ok() && self.batch_bytes == 0 {
            stage.crew.give_up()?;
            return Ok(());
        }
        stage.end(result, report)?;
        Ok(())
    }
}

impl Idle {
    fn look(
        &self,
        pid: u32,
        (before, kernel_before): (Memory, KernelMemory),
        stage: &mut Stage<'_>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let pause = Duration::from_secs(self.seconds);
        // Memory may also have been given back.
        let each = |before, now| (float(now) - float(before)) / float(self.connections.max(1) as u64);
        thread::sleep(pause);
        let (idle, kernel) = (process::memory(pid)?, process::kernel_memory()?);
        report.figure(Id::ConnectionMemory, each(before.resident, idle.resident), "bytes a connection");
        report.figure("of it anonymous", each(before.anonymous, idle.anonymous), "bytes a connection");
        report.figure("server memory, total", float(idle.resident) / 1e6, "MB");
        report.figure("server descriptors", float(idle.descriptors), "");
        let unit = "bytes a connection, both ends if both are here";
        report.figure("kernel slab", each(kernel_before.slab, kernel.slab), unit);
        report.figure(
            "kernel TCP queues",
            each(kernel_before.tcp, kernel.tcp),
            "bytes a connection, likewise",
        );
        if self.batch_bytes > 0 {
            stage.phase();
            stage.burst(1)?;
            stage.drain()?;
            thread::sleep(pause);
            let growth = each(idle.resident, process::memory(pid)?.resident);
            report.figure(Id::ConnectionGrowth, growth, "bytes a connection");
        }
        Ok(())
    }
}
