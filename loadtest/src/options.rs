//! What every workload takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use clap::Args;

use crate::address::{Spread, Target};
use crate::notification::{CONTENT_TYPE, Registry};
use crate::publisher::Way;
use crate::sampler::Processes;

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
    /// Write the report here as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report here as a page with plots, which needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Keep the report, both forms of it, under loadtest/results/.
    #[arg(long)]
    pub keep: bool,
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

    /// Whose CPU and memory are told, where readers have no processes of their own.
    pub fn processes(&self) -> Processes {
        Processes { server: Arc::new(AtomicU32::new(self.server_pid.unwrap_or(0))), helpers: Vec::new() }
    }

    /// A registry whose names and ids no other run has.
    pub fn registry(&self) -> Registry {
        Registry::new(rand::random())
    }
}
