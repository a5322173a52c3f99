//! Sockets: a wait for several, and what the kernel keeps for those of the server, as `ss` of iproute2 tells it.

use std::io;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mio::{Events, Poll};

/// Waits until sockets have something to say, so long at most; a signal is no error, and nothing said.
///
/// # Errors
///
/// The system's.
pub fn wait(poll: &mut Poll, events: &mut Events, most: Duration) -> io::Result<()> {
    match poll.poll(events, Some(most)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        other => other,
    }
}

/// Bytes of the queue towards each peer of the server, with what the kernel needs around it.
///
/// # Errors
///
/// If there is no `ss`.
pub fn send_queues(port: u16) -> anyhow::Result<Vec<u64>> {
    let filter = format!("sport = :{port}");
    let output = Command::new("ss").args(["-tmnH", "state", "established", &filter]).output();
    let output = output.context("ss, of Debian's package iproute2, is not here")?;
    ensure!(output.status.success(), "ss: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Two lines a connection; in the second stands `skmem:(r0,rb131072,t0,tb2626560,f0,w0,o0,bl0,d0)`, and in it `w`.
fn parse(text: &str) -> Vec<u64> {
    let memories = text.lines().filter_map(|line| Some(line.split_once("skmem:(")?.1));
    let queue = |memory: &str| memory.split(',').find_map(|field| field.strip_prefix('w')?.parse().ok());
    memories.map(|memory| queue(memory).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_two_lines_of_a_connection() {
        let text = "0      2500       127.0.0.1:8080     127.0.0.1:41000\n\
                    \t skmem:(r0,rb131072,t2304,tb2626560,f1792,w4864,o0,bl0,d0)\n\
                    0      0          127.0.0.1:8080     127.0.0.2:41000\n\
                    \t skmem:(r768,rb131072,t0,tb2626560,f0,w0,o0,bl0,d0)\n";
        assert_eq!(parse(text), [4864, 0]);
    }
}
