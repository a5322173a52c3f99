//! One server that is no gateway: deliveries to many connections, or what those cost idle.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND, float, float_len, per_second};
use loadtest::crew::Crew;
use loadtest::dialect::{Dialect, Hello};
use loadtest::due::Window;
use loadtest::event_id::EventId;
use loadtest::figure::Id;
use loadtest::options::{Common, Sharing, Span};
use loadtest::order::Order;
use loadtest::peer::Publisher;
use loadtest::process;
use loadtest::reader::Assignment;
use loadtest::report::Report;
use loadtest::stage::Measurement;
use loadtest::subscriber::Plan;
use loadtest::verify;
use loadtest::workload::Workload;
use serde::Serialize;

/// Another server, by its protocol: events as fast as all have them, or idle connections.
#[derive(Args, Serialize)]
#[command(mut_arg("seconds", |seconds| seconds.default_value("5")))]
#[command(mut_arg("warmup", |warmup| warmup.default_value("1")))]
pub(crate) struct Peer {
    /// What it speaks.
    #[arg(long, value_enum)]
    dialect: Dialect,
    /// Connections that read.
    #[arg(long, short, default_value_t = 1000)]
    connections: usize,
    #[command(flatten)]
    sharing: Sharing,
    /// Events on their way that not all connections have.
    #[arg(long, short, default_value_t = 32)]
    window: u64,
    #[command(flatten)]
    span: Span,
    /// Publish nothing: tell the memory of a connection.
    #[arg(long)]
    idle: bool,
}

impl Workload for Peer {
    const NAME: &'static str = "peer";

    fn figures(&self) -> Vec<Id> {
        if self.idle {
            vec![Id::Subscribed, Id::ConnectionMemory]
        } else {
            vec![Id::Subscribed, Id::DeliveriesPerSecond, Id::ClientCpu]
        }
    }

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let plan = Plan::new(common, self.connections, Hello::Peer(self.dialect), self.sharing.nap);
        let assignment = Assignment { plan, window: Window { size: 1, cutoff: 0 }, alike: true };
        let workers = self.sharing.workers(self.connections);
        let broadcast = Arc::new(Broadcast::new(self.connections, workers, 0));
        let before = resident(common)?;
        let begun = clock::now();
        let mut crew = Crew::start(&assignment, self.sharing, &broadcast, false)?;
        let sent = broadcast.wait_for_all().and_then(|()| {
            let rate = per_second(self.connections as u64, clock::now() - begun);
            report.figure(Id::Subscribed, rate, "connections/s");
            if self.idle {
                return self.wait(before, common, report);
            }
            thread::sleep(Duration::from_nanos(SECOND / 2));
            self.publish(common, &broadcast, &mut crew, report)
        });
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                broadcast.fail();
                crew.give_up()?;
                return Err(error);
            }
        };
        let expected = sent.len() as u64;
        let findings = crew.finish(|_| expected)?;
        if let Some(times) = findings.phases.first() {
            report.latency("send to arrival", &times.arrival);
        }
        let verdict = verify::compare(&mut [sent], &findings.tallies);
        let what = format!("{expected} events to each of {} connections", findings.tallies.len());
        report.check(&what, &verdict, verdict.is_good(false));
        findings.tell_faults(report);
        Ok(())
    }
}

impl Peer {
    fn wait(
        &self,
        before: Option<u64>,
        common: &Common,
        report: &mut Report,
    ) -> anyhow::Result<Vec<EventId>> {
        thread::sleep(Duration::from_secs(self.span.seconds));
        let (before, now) = before.zip(resident(common)?).context("--server-pid")?;
        let each = (float(now) - float(before)) / float_len(self.connections);
        report.figure(Id::ConnectionMemory, each, "bytes a connection");
        Ok(Vec::new())
    }

    fn publish(
        &self,
        common: &Common,
        broadcast: &Arc<Broadcast>,
        crew: &mut Crew,
        report: &mut Report,
    ) -> anyhow::Result<Vec<EventId>> {
        let mut publisher = Publisher::connect(&common.url, self.dialect, Arc::clone(broadcast))?;
        publisher.publish(self.span.warmup, self.window)?;
        crew.order(Order::Phase(clock::now()));
        let measurement = Measurement::start(broadcast, &common.processes(crew.pids()))?;
        publisher.publish(self.span.seconds, self.window)?;
        measurement.end(broadcast, report)?;
        Ok(publisher.sent)
    }
}

fn resident(common: &Common) -> anyhow::Result<Option<u64>> {
    common.server_pid.map(|pid| process::memory(pid).map(|memory| memory.resident)).transpose()
}
