//! The same run on the bare sender and on the gateway, turn by turn, and what the one is of the other.

use anyhow::Context as _;
use clap::Args;

use crate::options::Common;
use crate::report::Report;
use crate::server::{Against, Server};

/// What to compare with.
#[derive(Args, Clone, Copy, Debug, Default)]
// Names of groups must differ within a command, whose own options have this one.
#[group(id = "versus")]
pub struct Options {
    /// Do the same against a bare sender, and tell the ratio.
    #[arg(long, value_enum)]
    pub against: Option<Against>,
    /// So many times each, in turn; the middle run of each is told.
    #[arg(long, default_value_t = 1)]
    pub rounds: usize,
}

/// Runs `measure` on both, and tells what `figure` is of the limit's. Without anything to compare with: just runs it.
///
/// # Errors
///
/// If a run can't be made.
pub fn run(
    options: Options,
    common: &Common,
    workload: &'static str,
    figure: &str,
    measure: impl Fn(&Common, &'static str) -> anyhow::Result<Report>,
) -> anyhow::Result<Report> {
    let Some(against) = options.against else { return measure(common, workload) };
    let (mut own, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.max(1) {
        let limit = Server::limit(against, &common.pin_server)?;
        limits.push(measure(&limit.common(common), "limit")?);
        drop(limit);
        own.push(measure(common, workload)?);
    }
    let mut report = middle(own, figure)?;
    let limit = middle(limits, figure)?;
    print!("{limit}\n\n");
    let ratio = report.value(figure).zip(limit.value(figure)).map(|(own, limit)| own / limit);
    report.figure(&format!("{figure}, of the limit"), ratio.unwrap_or(0.0), "");
    report.setting("rounds", options.rounds);
    report.attach("limit", limit);
    Ok(report)
}

/// The run whose figure is in the middle; what is wrong in any of them is wrong.
fn middle(mut all: Vec<Report>, figure: &str) -> anyhow::Result<Report> {
    let value = |report: &Report| report.value(figure).unwrap_or(0.0);
    all.sort_by(|a, b| value(a).total_cmp(&value(b)));
    let mut report = all.remove((all.len().max(1) - 1) / 2);
    for other in &all {
        report.blame(other);
    }
    report.value(figure).with_context(|| format!("no figure '{figure}'"))?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_run_is_told_with_all_faults() {
        let report = |value: f64, good| {
            let mut report = Report::new("fanout");
            report.figure("speed", value, "");
            report.check("a check", &value, good);
            report
        };
        let middle = middle(vec![report(9.0, true), report(1.0, false), report(5.0, true)], "speed").unwrap();
        assert_eq!(middle.value("speed"), Some(5.0));
        assert_eq!(middle.faults(), ["another round: a check: 1"]);
    }
}
