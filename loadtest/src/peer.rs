//! Who publishes to servers that are no gateway: over a WebSocket of their own protocol, as fast as all have it.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::address::Target;
use crate::broadcast::Broadcast;
use crate::clock::{self, SECOND};
use crate::dialect::Dialect;
use crate::event_id::EventId;
use crate::handshake::upgraded;
use crate::http::exchange;
use crate::message::Mark;
use crate::sample;

/// Between two looks whether there is room for another event.
const NAP: Duration = Duration::from_micros(50);
/// A server that stands still for so long has failed the run.
const PATIENCE: u64 = 30 * SECOND;

/// The connection that publishes.
#[derive(Debug)]
pub struct Publisher {
    stream: TcpStream,
    dialect: Dialect,
    broadcast: Arc<Broadcast>,
    /// Every event that was sent: these servers acknowledge nothing.
    pub sent: Vec<EventId>,
    envelope: Vec<u8>,
}

impl Publisher {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If the server does not upgrade.
    pub fn connect(target: &Target, dialect: Dialect, broadcast: Arc<Broadcast>) -> anyhow::Result<Self> {
        let mut stream = target.dial(Duration::from_secs(5))?;
        exchange(&mut stream, &dialect.request(&target.host, "/pub"), |answer| {
            ensure!(upgraded(&answer), "the upgrade was answered with {}", answer.status);
            Ok(())
        })?;
        if let Some(greeting) = dialect.greeting(false) {
            stream.write_all(&greeting)?;
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, dialect, broadcast, sent: Vec::new(), envelope: Vec::new() })
    }

    /// Publishes for so long, with at most `window` events on their way.
    ///
    /// # Errors
    ///
    /// If the server hangs up or stands still.
    pub fn publish(&mut self, seconds: u64, window: u64) -> anyhow::Result<()> {
        let end = clock::now() + seconds * SECOND;
        let mut went_on = clock::now();
        while clock::now() < end {
            self.broadcast.check()?;
            self.listen()?;
            let made = self.sent.len() as u64;
            if self.broadcast.has_room(made, 1, window) {
                self.send(made)?;
                went_on = clock::now();
            } else {
                ensure!(clock::now() - went_on < PATIENCE, "nothing comes for {} s", PATIENCE / SECOND);
                thread::sleep(NAP);
            }
        }
        Ok(())
    }

    fn send(&mut self, number: u64) -> anyhow::Result<()> {
        let now = clock::now();
        let id = EventId(u128::from(number) + 1);
        self.envelope.clear();
        sample::envelope(&id.to_string(), Mark { number, sent: now }.tag().as_bytes(), &mut self.envelope);
        let frame = self.dialect.publish(&self.envelope);
        let mut left = frame.as_slice();
        while !left.is_empty() {
            match self.stream.write(left) {
                Ok(0) => bail!("the server hung up"),
                Ok(written) => left = &left[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ensure!(clock::now() - now < PATIENCE, "the server takes nothing");
                    thread::sleep(NAP);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.sent.push(id);
        self.broadcast.acknowledged(number, 1, 1, now);
        Ok(())
    }

    /// Takes what the server says, so that it is not kept waiting. None of it matters.
    fn listen(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => bail!("the server hung up on the publisher"),
                Ok(read) if read == buffer.len() => {}
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("the publisher's connection"),
            }
        }
    }
}
