//! What a workload is, and how one is run: on the gateway that it is given, on one of its own, or in turn on a bare
//! sender and on the gateway.

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::Serialize;

use crate::figure::Id;
use crate::options::Common;
use crate::process;
use crate::report::Report;
use crate::server::{BareSender, Gateway, Server};

/// An experiment: its options, which reports tell as they are serialised, and what is done with them.
pub trait Workload: Args + Serialize {
    /// As it stands on the command line and in reports.
    const NAME: &'static str;
    /// Whether it starts servers itself, each as it needs it.
    const STARTS_SERVERS: bool = false;

    /// Figures that a run with these options tells, for programs that look for them.
    fn figures(&self) -> Vec<Id> {
        Vec::new()
    }

    /// Whether to compare with a bare sender, and in which figure.
    fn versus(&self) -> Option<(Versus, Id)> {
        None
    }

    /// Runs it; the report is told what was measured, and what was checked.
    ///
    /// # Errors
    ///
    /// If it can't be made. What is lost or wrong is no error: the report tells it.
    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()>;
}

/// What to compare with.
#[derive(Args, Clone, Copy, Debug, Default, Serialize)]
pub struct Versus {
    /// Do the same against a bare sender, and tell the ratio.
    #[arg(long, value_enum)]
    pub against: Option<BareSender>,
    /// So many times each, in turn; the middle run of each is told.
    #[arg(long, default_value_t = 1)]
    pub rounds: usize,
}

/// Runs a workload and publishes its report; whether all is well.
///
/// # Errors
///
/// If it can't be made, or the report not be written.
pub fn run<W: Workload>(workload: &W, mut common: Common) -> anyhow::Result<bool> {
    ensure!(!(W::STARTS_SERVERS && common.start), "this workload starts its own servers");
    process::pin(None, &common.pin)?;
    if common.server_pid.is_some() {
        process::pin(common.server_pid, &common.pin_server)?;
    }
    // It is there until the report is out.
    let server;
    if common.start {
        server = Gateway::new(None, &common.url, &common.pin_server)?.start()?;
        common = server.common(&common);
    }
    let mut report = match workload.versus() {
        Some((Versus { against: Some(against), rounds }, id)) => {
            beside(workload, &common, against, rounds, id)?
        }
        _ => one(workload, &common, W::NAME)?,
    };
    for id in workload.figures() {
        if report.value(id).is_none() && report.summary(id).is_none() {
            report.note("not measured", id.label());
        }
    }
    report.publish(&common.output)?;
    Ok(report.faults().is_empty())
}

fn one<W: Workload>(workload: &W, common: &Common, name: &str) -> anyhow::Result<Report> {
    let mut report = Report::new(name, workload)?;
    workload.run(common, &mut report)?;
    Ok(report)
}

/// The same run on the bare sender and on the gateway, turn by turn, and what the one is of the other.
fn beside<W: Workload>(
    workload: &W,
    common: &Common,
    against: BareSender,
    rounds: usize,
    id: Id,
) -> anyhow::Result<Report> {
    let (mut own, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        let limit = Server::limit(against, &common.pin_server)?;
        limits.push(one(workload, &limit.common(common), "limit")?);
        drop(limit);
        own.push(one(workload, common, W::NAME)?);
    }
    let (mut report, limit) = (middle(own, id)?, middle(limits, id)?);
    print!("{limit}\n\n");
    let ratio = report.value(id).zip(limit.value(id)).map(|(own, limit)| own / limit);
    report.figure(format!("{}, of the limit", id.label()), ratio.unwrap_or(0.0), "");
    report.attach("limit", limit);
    Ok(report)
}

/// The run whose figure is in the middle; what is wrong in any of them is wrong.
fn middle(mut all: Vec<Report>, id: Id) -> anyhow::Result<Report> {
    let value = |report: &Report| report.value(id).unwrap_or(0.0);
    all.sort_by(|a, b| value(a).total_cmp(&value(b)));
    let mut report = all.remove((all.len().max(1) - 1) / 2);
    for other in &all {
        report.blame("another round", other);
    }
    report.value(id).with_context(|| format!("no figure '{}'", id.label()))?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_middle_run_is_told_with_all_faults() {
        let report = |value: f64, good| {
            let mut report = Report::new("fanout", &json!({})).unwrap();
            report.figure(Id::LastReached, value, "");
            report.check("a check", &value, good);
            report
        };
        let all = vec![report(9.0, true), report(1.0, false), report(5.0, true)];
        let middle = middle(all, Id::LastReached).unwrap();
        assert_eq!(middle.value(Id::LastReached), Some(5.0));
        assert_eq!(middle.faults(), ["another round: a check: 1"]);
    }
}
