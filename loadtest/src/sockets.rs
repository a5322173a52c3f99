//! What the kernel keeps for connections of the server, as `ss` of iproute2 tells it.

use std::collections::HashMap;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Memory of one end of a connection, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Of the queue towards the peer, with what the kernel needs around it.
    pub sending: u64,
    /// Of the queue from the peer.
    pub receiving: u64,
}

/// What the server's ends keep, by the peer's address and port.
///
/// # Errors
///
/// If there is no `ss`.
pub fn of_server(port: u16) -> anyhow::Result<HashMap<String, Kept>> {
    let filter = format!("sport = :{port}");
    let output = Command::new("ss").args(["-tmnH", "state", "established", &filter]).output();
    let output = output.context("ss, of Debian's package iproute2, is not here")?;
    ensure!(output.status.success(), "ss: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Two lines a connection: queues and addresses, then `skmem:(r0,rb131072,t0,tb2626560,f0,w0,o0,bl0,d0)`.
fn parse(text: &str) -> HashMap<String, Kept> {
    let mut all = HashMap::new();
    let mut peer = None;
    for line in text.lines() {
        if let Some((_, memory)) = line.split_once("skmem:(") {
            all.extend(peer.take().map(|peer| (peer, kept(memory))));
        } else {
            peer = line.split_whitespace().last().map(str::to_owned);
        }
    }
    all
}

fn kept(memory: &str) -> Kept {
    let mut kept = Kept::default();
    for field in memory.trim_end().trim_end_matches(')').split(',') {
        // Of the others, `rb` and `tb` are bounds and `t` is part of `w`.
        match field.split_at_checked(1) {
            Some(("w", number)) => kept.sending = number.parse().unwrap_or(0),
            Some(("r", number)) => kept.receiving = number.parse().unwrap_or(kept.receiving),
            _ => {}
        }
    }
    kept
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
        let all = parse(text);
        assert_eq!(all["127.0.0.1:41000"], Kept { sending: 4864, receiving: 0 });
        assert_eq!(all["127.0.0.2:41000"], Kept { sending: 0, receiving: 768 });
    }
}
