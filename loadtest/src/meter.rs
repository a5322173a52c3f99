//! CPU time of this program and of the gateway, over a part of a run.

use crate::clock::{self, float};
use crate::figure::Id;
use crate::process::{self, Processes, Usage};
use crate::report::Report;

/// Where a part began.
#[derive(Debug)]
pub struct Meter {
    since: u64,
    processes: Processes,
    own: f64,
    server: Option<(u32, Usage)>,
}

impl Meter {
    /// Begins to measure.
    ///
    /// # Errors
    ///
    /// If the gateway's process is not there.
    pub fn start(processes: &Processes) -> anyhow::Result<Self> {
        let usage = |pid| anyhow::Ok((pid, process::usage(Some(pid))?));
        Ok(Self {
            since: clock::now(),
            processes: processes.clone(),
            own: processes.own_cpu(),
            server: processes.server().map(usage).transpose()?,
        })
    }

    /// Ends to measure.
    ///
    /// # Errors
    ///
    /// If the gateway's process is gone.
    pub fn stop(&self) -> anyhow::Result<Consumption> {
        let seconds = clock::seconds(clock::now() - self.since);
        let own = self.processes.own_cpu() - self.own;
        let server = self.server.map(|(pid, before)| {
            let now = process::usage(Some(pid))?;
            anyhow::Ok((now.cpu - before.cpu, now))
        });
        Ok(Consumption { seconds, own, server: server.transpose()? })
    }
}

/// What was used while it was measured.
#[derive(Clone, Copy, Debug)]
pub struct Consumption {
    seconds: f64,
    own: f64,
    /// CPU time, and the memory at the end.
    server: Option<(f64, Usage)>,
}

impl Consumption {
    /// CPU time of the server, in seconds.
    pub fn server_cpu(&self) -> Option<f64> {
        self.server.map(|(cpu, _)| cpu)
    }

    /// Tells it: whoever is near the cores it may use is what limits the figures.
    pub fn tell(&self, report: &mut Report) {
        report.figure(Id::ClientCpu, self.own / self.seconds, "cores");
        if let Some((cpu, usage)) = self.server {
            report.figure("server CPU", cpu / self.seconds, "cores");
            report.figure("server memory", float(usage.resident) / 1e6, "MB");
            report.figure("server memory, peak", float(usage.peak) / 1e6, "MB");
        }
    }
}
