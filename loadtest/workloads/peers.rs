//! What a user would pick instead: each started here, loaded alike, and set side by side with Tagcast.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use loadtest::options::Common;
use loadtest::progress;
use loadtest::report::{Report, shown};
use loadtest::runner::{self, CLIENT, Ran};
use loadtest::server::{Against, Folder, Gateway, Server, free_port};

/// Other servers beside Tagcast, in the same run: deliveries, deliveries per CPU second, bytes of an idle connection.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
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
    /// CPUs of the servers.
    #[arg(long, value_name = "CPUS", value_delimiter = ',', default_value = "0")]
    server_cpus: Vec<usize>,
    /// CPUs of the client.
    #[arg(long, value_name = "CPUS", value_delimiter = ',', default_value = "1")]
    client_cpus: Vec<usize>,
}

/// A server that runs, with what it needs.
struct Running {
    server: Server,
    _gateway: Option<Gateway>,
    _folder: Option<Folder>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("peers");
    report.setting("connections", options.connections);
    report.setting("idle", options.idle);
    report.setting("depths", options.depths.clone());
    report.setting("seconds", options.seconds);
    let mut rows = Vec::new();
    for name in &options.names {
        if let Some(why) = missing(options, name)? {
            progress::say(&format!("{name}: left out, {why}"));
            report.note(name, &format!("left out, {why}"));
            continue;
        }
        match measure(options, name, &mut report).with_context(|| name.clone()) {
            Ok(row) => {
                progress::say(&format!("{name}: {}", row.join("  ")));
                rows.push((name, row));
            }
            Err(error) if is_ours(name) => return Err(error),
            // One that does not start, or stands still, is no reason to know nothing of the others.
            Err(error) => {
                progress::say(&format!("{error:#}"));
                report.note(name, &format!("not measured: {error:#}"));
            }
        }
    }
    let mut heads: Vec<_> = options.depths.iter().map(|depth| format!("w={depth}, deliveries/s")).collect();
    heads.extend(options.depths.iter().map(|depth| format!("w={depth}, per CPU second")));
    heads.push("bytes idle".to_owned());
    println!("| server | {} |\n|{}", heads.join(" | "), " --- |".repeat(heads.len() + 1));
    for (name, row) in rows {
        println!("| {name} | {} |", row.join(" | "));
    }
    println!("\n{CLIENT} the client had no more to give\n");
    Ok(report)
}

/// Servers whose faults are faults of the run.
fn is_ours(name: &str) -> bool {
    matches!(name, "limit" | "tagcast")
}

/// Why a server can't be started here.
fn missing(options: &Options, name: &str) -> anyhow::Result<Option<String>> {
    if is_ours(name) {
        return Ok(None);
    }
    let script = options.script.display();
    let output = Command::new(&options.script).args(["check", name]).output();
    let output = output.with_context(|| format!("{script}: run this in the root of the repository"))?;
    let why = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((!output.status.success()).then_some(why))
}

/// One server's row: all depths, and then a fresh one with idle connections.
fn measure(options: &Options, name: &str, report: &mut Report) -> anyhow::Result<Vec<String>> {
    let (mut speeds, mut costs) = (Vec::new(), Vec::new());
    let (connections, seconds) = (options.connections.to_string(), options.seconds.to_string());
    for depth in &options.depths {
        let running = start(options, name)?;
        let depth = depth.to_string();
        let mut arguments = workload(name, false);
        arguments.extend(["-c", &connections, "-w", &depth, "--seconds", &seconds, "--warmup", "1"]);
        if name == "tagcast" && depth == "256" {
            arguments.extend(["--publishers", "64"]);
        }
        let ran = one(options, name, &arguments, &running, report)?;
        let mut tell = |figure: &str, column: &mut Vec<String>| {
            let value = ran.figure(figure).unwrap_or(0.0);
            report.figure(&format!("{name}, w={depth}, {figure}"), value, "");
            let mark = if ran.client_is_full() { CLIENT } else { "" };
            column.push(format!("{}{mark}", shown(value.round())));
        };
        tell("deliveries/s", &mut speeds);
        tell("deliveries/server-CPU-second", &mut costs);
    }
    speeds.append(&mut costs);
    let running = start(options, name)?;
    let idle = options.idle.to_string();
    let mut arguments = workload(name, true);
    arguments.extend(["-c", &idle, "--seconds", "5"]);
    let ran = one(options, name, &arguments, &running, report)?;
    let bytes = ran.figure("server memory").unwrap_or(0.0).round();
    report.figure(&format!("{name}, bytes of an idle connection"), bytes, "");
    speeds.push(shown(bytes));
    Ok(speeds)
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
    if idle {
        arguments.push("--idle");
    }
    arguments
}

fn one(
    options: &Options,
    name: &str,
    arguments: &[&str],
    running: &Running,
    report: &mut Report,
) -> anyhow::Result<Ran> {
    let server = &running.server;
    let ran = runner::run(arguments, &server.url, server.pid(), &options.client_cpus)?;
    for fault in ran.faults() {
        // What another server loses is told, and is no fault of this run.
        let what = format!("{name}, {}", arguments.join(" "));
        report.check(&what, &fault, !is_ours(name));
    }
    Ok(ran)
}

fn start(options: &Options, name: &str) -> anyhow::Result<Running> {
    let cpus = &options.server_cpus;
    Ok(match name {
        "limit" => Running { server: Server::limit(Against::Limit, cpus)?, _gateway: None, _folder: None },
        "tagcast" => {
            let gateway = Gateway::new(None, &options.common.url, cpus)?;
            Running { server: gateway.start()?, _gateway: Some(gateway), _folder: None }
        }
        _ => {
            let (folder, port) = (Folder::new()?, free_port()?);
            let script = options.script.display();
            let command = format!("'{script}' start {name} {port} '{}'", folder.path().display());
            let server = Server::command(&command, port, cpus)?;
            Running { server, _gateway: None, _folder: Some(folder) }
        }
    })
}
