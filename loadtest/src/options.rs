//! Options, in groups: what every workload takes, and what several share. A workload that wants another default says
//! so with `mut_arg`. Reports tell them as they are serialised, so a workload's own options need no list of settings.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use clap::Args;
use serde::Serialize;

use crate::address::{Spread, Target};
use crate::handshake::Batches;
use crate::notification::{CONTENT_TYPE, Registry};
use crate::process::Processes;
use crate::publisher::Way;
use crate::report::Output;

/// Options of every workload.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The gateway.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: Target,
    /// Start a gateway for this run, the `tagcast` that stands beside this program, over fresh data.
    #[arg(long, conflicts_with_all = ["url", "server_pid"])]
    pub start: bool,
    /// Its source, of kind distribution; with several, commas between, connections post to them in turn.
    #[arg(long, default_value = "distribution", value_delimiter = ',')]
    pub source: Vec<String>,
    /// Local addresses to connect from, 127.0.0.1 and up, in turn: one has ports for about 28,000 connections.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub addresses: u8,
    /// The gateway's process, whose CPU time and memory are told too.
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// CPUs for this process, as 1 or 0,1.
    #[arg(long, value_name = "CPUS", value_delimiter = ',')]
    pub pin: Vec<usize>,
    /// CPUs for the gateway's process, and for what it is compared with.
    #[arg(long, value_name = "CPUS", value_delimiter = ',')]
    pub pin_server: Vec<usize>,
    /// Where the report goes.
    #[command(flatten)]
    pub output: Output,
    /// No line of progress.
    #[arg(long)]
    pub quiet: bool,
}

impl Common {
    /// Where connections come from.
    pub fn spread(&self) -> Spread {
        Spread(self.addresses)
    }

    /// How to post.
    pub fn way(&self, connections: usize) -> Way {
        Way {
            target: self.url.clone(),
            spread: self.spread(),
            paths: self.source.iter().map(|source| format!("/v1/sources/{source}/events")).collect(),
            content_type: CONTENT_TYPE.to_owned(),
            headers: String::new(),
            connections,
            restart_after: 0,
            persistent: false,
        }
    }

    /// Whose CPU and memory are told, with these processes of readers.
    pub fn processes(&self, helpers: Vec<u32>) -> Processes {
        Processes { server: Arc::new(AtomicU32::new(self.server_pid.unwrap_or(0))), helpers }
    }

    /// A registry whose names and ids no other run has.
    pub fn registry(&self) -> Registry {
        Registry::new(rand::random())
    }
}

/// How readers are shared out.
#[derive(Args, Clone, Copy, Debug, Default, Serialize)]
pub struct Sharing {
    /// Threads that read.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Processes that read, each on one thread, instead: one process has only so many descriptors.
    #[arg(long, default_value_t = 0)]
    pub processes: usize,
    /// Microseconds between two looks at the sockets. 0: sleep until something comes, which costs the server on the
    /// same machine a wake-up with each write.
    #[arg(long, default_value_t = 200)]
    pub nap: u64,
}

impl Sharing {
    /// How many workers these are.
    pub fn workers(self, connections: usize) -> usize {
        self.threads.max(self.processes).clamp(1, connections.max(1))
    }
}

/// Connections that read.
#[derive(Args, Clone, Debug, Default, Serialize)]
pub struct Readers {
    /// Connections that read.
    #[arg(long, short, default_value_t = 1000)]
    pub connections: usize,
    /// Who reads them.
    #[command(flatten)]
    pub sharing: Sharing,
    /// What they ask for.
    #[command(flatten)]
    pub batches: Batches,
}

/// What is posted, and by how many.
#[derive(Args, Clone, Copy, Debug, Default, Serialize)]
pub struct Load {
    /// Posts a second.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Connections that post: so many posts can be under way.
    #[arg(long, default_value_t = 16)]
    pub publishers: usize,
}

/// How long.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub struct Span {
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 20)]
    pub seconds: u64,
    /// Seconds at the start that are checked and not measured.
    #[arg(long, default_value_t = 2)]
    pub warmup: u64,
}
