//! What a user would pick instead: each started here, loaded alike, and set side by side with Tagcast.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use loadtest::figure::Id;
use loadtest::options::Common;
use loadtest::report::{Report, shown};
use loadtest::runner::{CLIENT, Cores, client_is_full};
use loadtest::server::{BareSender, Gateway, Server, folder, free_port};
use loadtest::ticker::say;
use loadtest::workload::Workload;
use serde::Serialize;

/// Other servers beside Tagcast, in the same run: deliveries, deliveries per CPU second, bytes of an idle connection.
#[derive(Args, Serialize)]
pub(crate) struct Peers {
    /// Which; `limit` is the bare sender.
    #[arg(long, value_delimiter = ',', default_value = "limit,tagcast,nchan,mosquitto,nats,node,centrifugo")]
    names: Vec<String>,
    /// Events on their way that not all connections have.
    #[arg(long, value_delimiter = ',', default_value = "1,32,256")]
    depths: Vec<u64>,
    /// Connections that read.
    #[arg(long, short, default_value_t = 1000)]
    connections: usize,
    /// Connections that wait, when memory is looked at.
    #[arg(long, default_value_t = 5000)]
    idle: usize,
    /// How long each run takes, in seconds.
    #[arg(long, short, default_value_t = 5)]
    seconds: u64,
    /// The script that starts a server by its name.
    #[arg(long, default_value = "loadtest/peers/start")]
    script: PathBuf,
    #[command(flatten)]
    cores: Cores,
}

impl Workload for Peers {
    const NAME: &'static str = "peers";
    const STARTS_SERVERS: bool = true;

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for name in &self.names {
            if let Some(why) = self.missing(name)? {
                say(&format!("{name}: left out, {why}"));
                report.note(name, &format!("left out, {why}"));
                continue;
            }
            match self.measure(name, common, report).with_context(|| name.clone()) {
                Ok(row) => {
                    say(&format!("{name}: {}", row.join("  ")));
                    rows.push((name, row));
                }
                Err(error) if is_ours(name) => return Err(error),
                // One that does not start, or stands still, is no reason to know nothing of the others.
                Err(error) => {
                    say(&format!("{error:#}"));
                    report.note(name, &format!("not measured: {error:#}"));
                }
            }
        }
        let depths = self.depths.iter();
        let mut heads: Vec<_> = depths.clone().map(|depth| format!("w={depth}, deliveries/s")).collect();
        heads.extend(depths.map(|depth| format!("w={depth}, per CPU second")));
        heads.push("bytes idle".to_owned());
        println!("| server | {} |\n|{}", heads.join(" | "), " --- |".repeat(heads.len() + 1));
        for (name, row) in rows {
            println!("| {name} | {} |", row.join(" | "));
        }
        println!("\n{CLIENT} the client had no more to give\n");
        Ok(())
    }
}

impl Peers {
    /// Why a server can't be started here.
    fn missing(&self, name: &str) -> anyhow::Result<Option<String>> {
        if is_ours(name) {
            return Ok(None);
        }
        let script = self.script.display();
        let output = Command::new(&self.script).args(["check", name]).output();
        let output = output.with_context(|| format!("{script}: run this in the root of the repository"))?;
        let why = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((!output.status.success()).then_some(why))
    }

    /// One server's row: all depths, and then a fresh one with idle connections.
    fn measure(&self, name: &str, common: &Common, report: &mut Report) -> anyhow::Result<Vec<String>> {
        let (mut speeds, mut costs) = (Vec::new(), Vec::new());
        let (connections, seconds) = (self.connections.to_string(), self.seconds.to_string());
        for depth in &self.depths {
            let depth = depth.to_string();
            let mut arguments = workload(name, false);
            arguments.extend(["-c", &connections, "-w", &depth, "--seconds", &seconds, "--warmup", "1"]);
            if name == "tagcast" && depth == "256" {
                arguments.extend(["--publishers", "64"]);
            }
            let run = self.one(name, &arguments, common, report)?;
            let mut tell = |id: Id, column: &mut Vec<String>| {
                let value = run.value(id).unwrap_or(0.0);
                report.figure(format!("{name}, w={depth}, {}", id.label()), value, "");
                let mark = if client_is_full(&run) { CLIENT } else { "" };
                column.push(format!("{}{mark}", shown(value.round())));
            };
            tell(Id::DeliveriesPerSecond, &mut speeds);
            tell(Id::DeliveriesPerCpuSecond, &mut costs);
        }
        speeds.append(&mut costs);
        let idle = self.idle.to_string();
        let mut arguments = workload(name, true);
        arguments.extend(["-c", &idle, "--seconds", "5"]);
        let run = self.one(name, &arguments, common, report)?;
        let bytes = run.value(Id::ConnectionMemory).unwrap_or(0.0).round();
        report.figure(format!("{name}, bytes of an idle connection"), bytes, "");
        speeds.push(shown(bytes));
        Ok(speeds)
    }

    /// One run on a server of its own.
    fn one(
        &self,
        name: &str,
        arguments: &[&str],
        common: &Common,
        report: &mut Report,
    ) -> anyhow::Result<Report> {
        let run = self.cores.run(arguments, &self.start(name, common)?)?;
        for fault in run.faults() {
            // What another server loses is told, and is no fault of this run.
            report.check(&format!("{name}, {}", arguments.join(" ")), fault, !is_ours(name));
        }
        Ok(run)
    }

    fn start(&self, name: &str, common: &Common) -> anyhow::Result<Server> {
        let cpus = &self.cores.server_cpus;
        match name {
            "limit" => Server::limit(BareSender::Limit, cpus),
            "tagcast" => Gateway::new(None, &common.url, cpus)?.start(),
            _ => {
                let (folder, port) = (folder()?, free_port()?);
                let script = self.script.display();
                let command = format!("'{script}' start {name} {port} '{}'", folder.path().display());
                Server::command(&command, port, cpus, Some(folder))
            }
        }
    }
}

/// Servers whose faults are faults of the run.
fn is_ours(name: &str) -> bool {
    matches!(name, "limit" | "tagcast")
}

fn workload(name: &str, idle: bool) -> Vec<&'static str> {
    let dialect = match name {
        "limit" | "tagcast" if idle => return vec!["idle", "--batch-bytes", "0"],
        "limit" | "tagcast" => return vec!["fanout"],
        "mosquitto" => "mqtt",
        "nats" => "nats",
        "centrifugo" => "centrifugo",
        _ => "plain",
    };
    let mut arguments = vec!["peer", "--dialect", dialect];
    arguments.extend(idle.then_some("--idle"));
    arguments
}
