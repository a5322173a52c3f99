//! One request after another to the gateway's own routes, where nothing else has to happen meanwhile.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::address::Target;
use crate::http::exchange;

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
        Ok(Self { stream: target.dial(PATIENCE)?, host: target.host.clone() })
    }

    /// Sends a request, and waits for an answer that says yes.
    ///
    /// # Errors
    ///
    /// If it says no, with what it says, or none comes.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<()> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tagcast-loadtest\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        let answer = exchange(&mut self.stream, request.as_bytes(), |answer| {
            let text = String::from_utf8_lossy(answer.body);
            ensure!((200..300).contains(&answer.status), "{} {text}", answer.status);
            Ok(())
        });
        answer.with_context(|| format!("{method} {path}"))
    }
}
