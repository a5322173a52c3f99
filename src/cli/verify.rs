//! `tagcast verify`: reads a log that is not in use from one end to the other, and changes nothing.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Exit, Failure, Outcome};
use super::output::{print_line, tell};
use super::serve::owner_alone;
use crate::catalog::{BadEntry, Catalog, Limits, Repeats};
use crate::event::Position;
use crate::gateway::tables;
use crate::ingest::{CATALOG, REPEATS};
use crate::log::{DiskLog, Row, Table, Verification};

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all is as it was written; 1 something is not; 74 it can't be checked.")]
pub(super) struct VerifyArguments {
    /// Where the log lives.
    #[arg(long, env = "TAGCAST_DATA_DIR", value_name = "DIR", default_value = "./data")]
    data_dir: PathBuf,
}

/// Nothing can be checked.
#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error("{}: {}", .0.display(), .1)]
    Directory(PathBuf, io::Error),
    #[error("{} holds no log; --data-dir names the directory that `tagcast serve` was given", .0.display())]
    NoLog(PathBuf),
    /// There is nowhere to put what recovery would change.
    #[error("no room beside {} for what recovery would change: {}", .0.display(), .1)]
    Scratch(PathBuf, io::Error),
}

pub(super) fn run(arguments: &VerifyArguments) -> Outcome {
    owner_alone();
    let scratch = scratch(&arguments.data_dir).map_err(Failure::with(Exit::Storage))?;
    let verified =
        DiskLog::verify(&arguments.data_dir, &scratch.0, &tables()).map_err(Failure::with(Exit::Storage))?;
    Ok(report(&verified))
}

fn scratch(data: &Path) -> Result<Scratch, VerifyError> {
    if let Err(error) = std::fs::read_dir(data) {
        return Err(VerifyError::Directory(data.to_owned(), error));
    }
    if !data.join("store").is_dir() {
        return Err(VerifyError::NoLog(data.to_owned()));
    }
    Scratch::beside(data).map_err(|error| VerifyError::Scratch(data.to_owned(), error))
}

fn report(verified: &Verification) -> Exit {
    let id = |offset| Position { epoch: verified.epoch, offset }.to_string();
    print_line(format_args!(
        "events {} to {}: {} are as they were written",
        verified.oldest, verified.newest, verified.whole
    ));
    let mut wrong = verified.condition.is_degraded();
    for gap in &verified.condition.damaged {
        print_line(format_args!(
            "DAMAGED events {} to {} ({} to {})",
            gap.from,
            gap.to,
            id(gap.from),
            id(gap.to)
        ));
    }
    if let Some(offset) = verified.condition.truncated {
        print_line(format_args!("LOST what storage had confirmed: a new epoch begins behind {offset}"));
    }
    if verified.condition.tables {
        print_line("DAMAGED rows of tables");
    }
    for (table, rows) in &verified.tables {
        let title = title(*table);
        match read(*table, rows) {
            Ok(()) => print_line(format_args!("{title}: {} rows", rows.len())),
            Err(why) => {
                print_line(format_args!("{title}: {} rows, DAMAGED: {why}", rows.len()));
                wrong = true;
            }
        }
    }
    if wrong { Exit::Failure } else { Exit::Success }
}

/// `dead-letters` as `DeadLetters`.
fn title(table: Table) -> String {
    let words = table.name().split('-');
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

/// Whether the rows mean something to those whose they are.
fn read(table: Table, rows: &[Row]) -> Result<(), BadEntry> {
    let rows = rows.iter().map(|(key, value)| (key, value));
    match table {
        CATALOG => Catalog::load(Limits::default(), rows).map(drop),
        REPEATS => Repeats::load(usize::MAX, rows).map(drop),
        _ => Ok(()),
    }
}

/// A directory beside another, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(dir: &Path) -> std::io::Result<Self> {
        let mut path = dir.canonicalize()?.into_os_string();
        // The directory's own, though others have the same number: each container counts its processes anew.
        path.push(format!(".verify-{}-{:08x}", std::process::id(), rand::random::<u32>()));
        let path = PathBuf::from(path);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tell(format_args!("{}: {error}", self.0.display()));
        }
    }
}
