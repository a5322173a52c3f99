//! How long a gateway with a long log takes to be back after it was killed.

use clap::Args;
use loadtest::clock;
use loadtest::options::Common;
use loadtest::replay;
use loadtest::report::Report;
use loadtest::server::Gateway;
use loadtest::workload::Workload;
use serde::Serialize;

use super::ingest::Ingest;

/// Restart: notifications as in `ingest` (`-n` posts of `--per-post` each, `-s` seconds at most), then the gateway is
/// killed and started again over the same data.
#[derive(Args, Serialize)]
pub(crate) struct Restart {
    #[command(flatten)]
    ingest: Ingest,
    /// How often it is killed and started.
    #[arg(long, default_value_t = 3)]
    times: usize,
    /// How the gateway is started, over the same data each time; it must listen where --url says. Left out: the
    /// `tagcast` that stands beside this program, over fresh data.
    #[arg(long, value_name = "COMMAND")]
    server_command: Option<String>,
}

impl Workload for Restart {
    const NAME: &'static str = "restart";
    const STARTS_SERVERS: bool = true;

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let gateway = Gateway::new(self.server_command.as_deref(), &common.url, &common.pin_server)?;
        let mut server = gateway.start()?;
        self.ingest.run(&server.common(common), report)?;
        let end = replay::position(&server.common(common))?;
        let mut same = 0;
        for time in 1..=self.times {
            server.kill()?;
            let begun = clock::now();
            server = gateway.start()?;
            // It listens before it is ready: the answer to a reader says that it is.
            same += usize::from(replay::position(&server.common(common))? == end);
            let took = clock::seconds(clock::now() - begun);
            report.figure(format!("start {time}, to a reader's answer"), took, "s");
        }
        report.check("starts that ended where the log had ended", &same, same == self.times);
        server.stop()
    }
}
