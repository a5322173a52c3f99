//! `tagcast backup`: a copy of a running gateway's log, as a data directory.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::Method;

use super::answer::Refusal;
use super::exit::{Exit, Failure, Outcome};
use super::output::print_line;
use super::remote::{Remote, RemoteError};
use super::serve::owner_alone;
use crate::log::DiskLog;
use crate::outgoing::{Answer, Ask, OutgoingError};

/// Longest silence of the gateway.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// Where to put the copy: a directory that is empty or not there yet.
    dir: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

/// There is no copy.
#[derive(Debug, thiserror::Error)]
enum BackupError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("{}: {}", .0.display(), .1)]
    Restore(PathBuf, io::Error),
    #[error("{0}")]
    Panic(#[from] tokio::task::JoinError),
    #[error("{0}")]
    Refused(Refusal),
    #[error("the copy broke off")]
    Broken,
    #[error("{0}: {1}")]
    Outgoing(String, OutgoingError),
}

pub(super) async fn run(arguments: BackupArguments) -> Outcome {
    owner_alone();
    let rows = copy(&arguments).await.map_err(|error| {
        let exit =
            if let BackupError::Refused(refusal) = &error { refusal.exit_of_one() } else { Exit::Failure };
        Failure::new(exit, error)
    })?;
    let dir = arguments.dir.display();
    print_line(format_args!("{rows} rows in {dir}; whoever opens it begins a new epoch"));
    Ok(Exit::Success)
}

async fn copy(arguments: &BackupArguments) -> Result<u64, BackupError> {
    let place = arguments.remote.place()?;
    let (url, headers) = (place.address("/v1/backup"), arguments.remote.headers()?);
    let ask = Ask { method: Method::GET, url, headers, plain: true, max: 64 << 10, deadline: PATIENCE };
    let (pieces, from) = sync_channel(4);
    let dir = arguments.dir.clone();
    let restoring = tokio::task::spawn_blocking(move || {
        DiskLog::restore(&dir, Pieces { from, left: Bytes::new() })
            .map_err(|error| BackupError::Restore(dir, error))
    });
    // A full channel holds up this task alone, and there is no other.
    let answered = place
        .client()
        .download(ask, |piece| tokio::task::block_in_place(|| pieces.send(piece).is_ok()))
        .await;
    drop(pieces);
    let restored = restoring.await?;
    match answered {
        Ok(Answer { status, .. }) if status.is_success() => restored,
        Ok(Answer { status, headers, body }) => {
            Err(BackupError::Refused(Refusal::read(status, &headers, &body)))
        }
        // Where the copy could not be written, that is why no more was taken.
        Err(OutgoingError::Body) => restored.and(Err(BackupError::Broken)),
        Err(error) => Err(BackupError::Outgoing(arguments.remote.name(), error)),
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
