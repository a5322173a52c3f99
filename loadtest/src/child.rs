//! Readers in a process of their own: a process has so many descriptors, and one thread so much time.
//!
//! The parent writes a plan and then orders, the child how far it is and in the end what it got; all as lines of JSON.

use std::io::{self, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::broadcast::Broadcast;
use crate::cpu;
use crate::crew::Readings;
use crate::order::{Got, Order, Share};

/// The hidden command that makes this program a child.
pub const COMMAND: &str = "readers";

/// What a child tells.
#[derive(Serialize, Deserialize)]
enum Line {
    Share(Share),
    Got(Box<Got>),
    Failed(String),
}

/// A child at work, as the parent sees it.
pub struct Reading {
    child: Child,
    orders: ChildStdin,
    /// Reads what the child tells.
    ear: JoinHandle<anyhow::Result<Got>>,
}

impl Reading {
    /// Starts this program once more.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn start(readings: &Readings, worker: usize, broadcast: &Arc<Broadcast>) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("can't start a process of readers")?;
        let mut orders = child.stdin.take().context("no input")?;
        let told = BufReader::new(child.stdout.take().context("no output")?);
        say(&mut orders, readings)?;
        let broadcast = Arc::clone(broadcast);
        let ear = thread::spawn(move || {
            let got = listen(told, worker, &broadcast);
            if got.is_err() {
                broadcast.fail();
            }
            got
        });
        Ok(Self { child, orders, ear })
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Passes an order on. A child that is gone has told why.
    pub fn order(&mut self, order: Order) {
        let _ = say(&mut self.orders, &order);
    }

    /// Waits for what it got.
    ///
    /// # Errors
    ///
    /// The child's, or that it ended without a word.
    pub fn join(mut self) -> anyhow::Result<Got> {
        let got = self.ear.join().unwrap_or_else(|_| bail!("the ear of a process of readers panicked"));
        if got.is_err() {
            let _ = self.child.kill();
        }
        self.child.wait()?;
        got
    }
}

fn listen(told: impl io::BufRead, worker: usize, broadcast: &Broadcast) -> anyhow::Result<Got> {
    for line in told.lines() {
        match serde_json::from_str(&line?)? {
            Line::Share(share) => broadcast.share(worker, &share),
            Line::Got(got) => return Ok(*got),
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
    let readings: Readings =
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
    let line = match readings.read(orders, Box::new(tell), None) {
        Ok(got) => Line::Got(Box::new(Got { cpu: cpu::usage(None)?.cpu, ..got })),
        Err(error) => Line::Failed(format!("{error:#}")),
    };
    say(&mut io::stdout(), &line)?;
    Ok(io::stdout().flush()?)
}
