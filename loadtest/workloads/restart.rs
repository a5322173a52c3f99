//! How long a gateway with a long log takes to be back after it was killed.

use clap::Args;
use loadtest::clock;
use loadtest::replay;
use loadtest::report::Report;
use loadtest::server::Gateway;

use super::ingest;

/// Restart: notifications as in `ingest` (`-n` posts of `--per-post` each, `-s` seconds at most), then the gateway is
/// killed and started again over the same data.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) ingest: ingest::Options,
    /// How often it is killed and started.
    #[arg(long, default_value_t = 3)]
    times: usize,
    /// How the gateway is started, over the same data each time; it must listen where --url says. Left out: the
    /// `tagcast` that stands beside this program, over fresh data.
    #[arg(long, value_name = "COMMAND")]
    server_command: Option<String>,
}

pub(crate) fn run(options: &mut Options) -> anyhow::Result<Report> {
    let mut report = Report::new("restart");
    report.setting("times", options.times);
    let common = options.ingest.common.clone();
    let gateway = Gateway::new(options.server_command.as_deref(), &common.url, &common.pin_server)?;
    let mut server = gateway.start()?;
    options.ingest.common = server.common(&common);
    ingest::measure(&options.ingest, &mut report)?;
    let end = replay::position(&options.ingest.common)?;
    let mut same = 0;
    for time in 1..=options.times {
        server.kill()?;
        let begun = clock::now();
        server = gateway.start()?;
        // It listens before it is ready: the answer to a reader says that it is.
        same += usize::from(replay::position(&server.common(&common))? == end);
        let took = clock::seconds(clock::now() - begun);
        report.figure(&format!("start {time}, to a reader's answer"), took, "s");
    }
    report.check("starts that ended where the log had ended", &same, same == options.times);
    server.stop()?;
    Ok(report)
}
