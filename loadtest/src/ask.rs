//! One request after another to the gateway's own routes, where nothing else has to happen meanwhile.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::address::{Spread, Target};
use crate::http::read_answer;

const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is kept.
#[derive(Debug)]
pub struct Ask {
    stream: TcpStream,
    host: String,
}

impl Ask {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    pub fn connect(target: &Target) -> anyhow::Result<Self> {
        let stream = target.connect(Spread(1), 0).context("can't connect")?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, host: target.host.clone() })
    }

    /// Sends a request, and waits for an answer that says yes.
    ///
    /// # Errors
    ///
    /// If it says no, with what it says, or none comes.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<()> {
        let host = &self.host;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tagcast-loadtest\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes())?;
        let (mut came, mut buffer) = (Vec::new(), [0; 16 << 10]);
        loop {
            let read =
                self.stream.read(&mut buffer).with_context(|| format!("no answer to {method} {path}"))?;
            ensure!(read > 0, "the gateway hung up after {method} {path}");
            came.extend_from_slice(&buffer[..read]);
            if let Some(answer) = read_answer(&came)? {
                let said = String::from_utf8_lossy(answer.body);
                ensure!((200..300).contains(&answer.status), "{method} {path}: {} {said}", answer.status);
                return Ok(());
            }
        }
    }
}
