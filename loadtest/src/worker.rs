//! Readers on a thread, or in a process of their own: a process has so many descriptors, and one thread so much time.
//!
//! The parent writes an assignment and then orders, the child how far it is and in the end what it got; all as lines
//! of JSON.

use std::io::{self, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::broadcast::Broadcast;
use crate::order::{Findings, Order, Share};
use crate::process;
use crate::reader::Assignment;

/// The hidden command that makes this program a child.
pub const COMMAND: &str = "readers";

/// What a child tells.
#[derive(Serialize, Deserialize)]
enum Line {
    Share(Share),
    Findings(Box<Findings>),
    Failed(String),
}

/// Readers at work, on a thread or in a process.
pub struct Worker {
    /// The process, if it is one of its own.
    pub pid: Option<u32>,
    give: Box<dyn FnMut(Order) + Send>,
    thread: JoinHandle<anyhow::Result<Findings>>,
}

impl Worker {
    /// Starts a thread. `with_answers`: times from answers are taken too.
    pub fn on_a_thread(
        assignment: Assignment,
        number: usize,
        broadcast: &Arc<Broadcast>,
        with_answers: bool,
    ) -> Self {
        let (order, orders) = mpsc::channel();
        let (shares, answers) = (Arc::clone(broadcast), with_answers.then(|| Arc::clone(broadcast)));
        let tell = Box::new(move |share: &_| shares.share(number, share));
        let give = move |one| _ = order.send(one);
        Self::start(None, broadcast, give, move || assignment.read(orders, tell, answers))
    }

    /// Starts this program once more.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn in_a_process(
        assignment: &Assignment,
        number: usize,
        broadcast: &Arc<Broadcast>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("can't start a process of readers")?;
        let mut orders = child.stdin.take().context("no input")?;
        let lines = BufReader::new(child.stdout.take().context("no output")?);
        say(&mut orders, assignment)?;
        let (pid, shares) = (child.id(), Arc::clone(broadcast));
        let give = move |order| _ = say(&mut orders, &order);
        Ok(Self::start(Some(pid), broadcast, give, move || {
            let findings = listen(lines, number, &shares);
            if findings.is_err() {
                let _ = child.kill();
            }
            child.wait()?;
            findings
        }))
    }

    fn start(
        pid: Option<u32>,
        broadcast: &Arc<Broadcast>,
        give: impl FnMut(Order) + Send + 'static,
        read: impl FnOnce() -> anyhow::Result<Findings> + Send + 'static,
    ) -> Self {
        let broadcast = Arc::clone(broadcast);
        let thread = thread::spawn(move || read().inspect_err(|_| broadcast.fail()));
        Self { pid, give: Box::new(give), thread }
    }

    /// Passes an order on. A worker that is gone tells why when it is joined.
    pub fn order(&mut self, order: Order) {
        (self.give)(order);
    }

    /// Waits for what it got.
    ///
    /// # Errors
    ///
    /// The worker's, or that it ended without a word.
    pub fn join(self) -> anyhow::Result<Findings> {
        let findings = self.thread.join().unwrap_or_else(|_| bail!("a worker's thread panicked"));
        // Last, because readers whom nobody can order any more give up.
        drop(self.give);
        findings
    }
}

fn listen(lines: impl io::BufRead, number: usize, broadcast: &Broadcast) -> anyhow::Result<Findings> {
    for line in lines.lines() {
        match serde_json::from_str(&line?)? {
            Line::Share(share) => broadcast.share(number, &share),
            Line::Findings(findings) => return Ok(*findings),
            Line::Failed(why) => return Err(anyhow!(why)),
        }
    }
    bail!("a process of readers ended without a word")
}

fn say(to: &mut impl io::Write, what: &impl Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(what)? + "\n";
    to.write_all(line.as_bytes())?;
    Ok(to.flush()?)
}

/// What a child does from beginning to end.
///
/// # Errors
///
/// If nobody is there to tell it what to do, or to listen.
pub fn main() -> anyhow::Result<()> {
    let mut plan = String::new();
    io::stdin().read_line(&mut plan)?;
    let assignment: Assignment =
        serde_json::from_str(&plan).context("this command is for loadtest itself: see --processes")?;
    let (order, orders) = mpsc::channel();
    thread::spawn(move || {
        // The end of the input, or of the readers, ends it; a parent that is gone ends the readers.
        for line in io::stdin().lines().map_while(Result::ok) {
            let Ok(one) = serde_json::from_str::<Order>(&line) else { break };
            if order.send(one).is_err() {
                break;
            }
        }
    });
    let tell = |share: &Share| {
        // Who is gone has no more orders either, which ends it.
        let _ = say(&mut io::stdout(), &Line::Share(*share));
    };
    let line = match assignment.read(orders, Box::new(tell), None) {
        Ok(findings) => Line::Findings(Box::new(Findings { cpu: process::usage(None)?.cpu, ..findings })),
        Err(error) => Line::Failed(format!("{error:#}")),
    };
    say(&mut io::stdout(), &line)?;
    Ok(io::stdout().flush()?)
}
