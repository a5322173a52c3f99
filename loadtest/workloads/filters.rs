//! What distinct filters cost through the whole gateway.

use anyhow::ensure;
use clap::Args;
use loadtest::clock::float;
use loadtest::options::{Common, Load, Readers, Span};
use loadtest::report::Report;
use loadtest::stage::{self, Setup};
use loadtest::workload::Workload;
use serde::Serialize;

/// Filters: N connections with S distinct filters between them; each event is for the connections of one of them.
#[derive(Args, Serialize)]
#[command(mut_arg("connections", |connections| connections.default_value("10000")))]
#[command(mut_arg("rate", |rate| rate.default_value("1000")))]
pub(crate) struct Filters {
    #[command(flatten)]
    readers: Readers,
    /// Distinct filters; the connections are shared out evenly, and each event is for one filter.
    #[arg(long, default_value_t = 10_000)]
    filters: usize,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    span: Span,
}

impl Workload for Filters {
    const NAME: &'static str = "filters";

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        ensure!(
            self.filters > 0 && self.readers.connections.is_multiple_of(self.filters),
            "the connections must be a multiple of the filters"
        );
        let setup = Setup {
            readers: self.readers.clone(),
            load: self.load,
            filters: Some(self.filters),
            ..Setup::default()
        };
        stage::play(common, &setup, report, |stage, report| {
            let cpu = stage.publish_steadily(self.span, report)?.server_cpu();
            if let Some((cpu, rate)) = cpu.zip(self.load.rate) {
                report.figure("server CPU of an event", cpu / (rate * float(self.span.seconds)) * 1e6, "µs");
            }
            Ok(())
        })?;
        Ok(())
    }
}
