//! `tagcast backup`: a copy of a running gateway's log, as a data directory.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};

use super::serve::owner_alone;
use crate::log::DiskLog;
use crate::outgoing::{Answer, Ask, Outgoing, OutgoingError};

/// Longest silence of the gateway.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// Where to put the copy: a directory that is empty or not there yet.
    dir: PathBuf,
    /// The gateway.
    #[arg(long, env = "TAGCAST_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// A token with admin = true, where the gateway asks for one.
    #[arg(long, env = "TAGCAST_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
}

pub(super) async fn run(arguments: BackupArguments) -> ExitCode {
    owner_alone();
    match copy(&arguments).await {
        Ok(rows) => {
            println!("{rows} rows in {}; whoever opens it begins a new epoch", arguments.dir.display());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("tagcast: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn copy(arguments: &BackupArguments) -> Result<u64, String> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &arguments.token {
        let value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| "no such token".to_owned())?;
        headers.insert(AUTHORIZATION, value);
    }
    let url = format!("{}/v1/backup", arguments.url.trim_end_matches('/'));
    let ask = Ask { method: Method::GET, url, headers, plain: true, max: 64 << 10, deadline: PATIENCE };
    let (pieces, from) = sync_channel(4);
    let dir = arguments.dir.clone();
    let written = tokio::task::spawn_blocking(move || {
        DiskLog::restore(&dir, Pieces { from, left: Bytes::new() })
            .map_err(|e| format!("{}: {e}", dir.display()))
    });
    // A full channel holds up this task alone, and there is no other.
    let answered = Outgoing::default()
        .download(ask, |piece| tokio::task::block_in_place(|| pieces.send(piece).is_ok()))
        .await;
    drop(pieces);
    let written = written.await.unwrap_or_else(|panic| Err(panic.to_string()));
    match answered {
        Ok(Answer { status, .. }) if status.is_success() => written,
        Ok(Answer { status, body, .. }) => Err(format!("{status}: {}", String::from_utf8_lossy(&body))),
        // Where the copy could not be written, that is why no more was taken.
        Err(OutgoingError::Body) => written.and(Err("the copy broke off".into())),
        Err(error) => Err(error.to_string()),
    }
}

/// What comes, as something to read.
struct Pieces {
    from: Receiver<Bytes>,
    left: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left.is_empty() {
            match self.from.recv() {
                Ok(piece) => self.left = piece,
                Err(_) => return Ok(0),
            }
        }
        let count = into.len().min(self.left.len());
        into[..count].copy_from_slice(&self.left.split_to(count));
        Ok(count)
    }
}
