//! What an error of the engine says: damaged bytes, or something else that may pass or is not ours to mend.

use std::error::Error as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// The operating system's error behind one of the engine's.
pub(super) fn io_error(error: &fjall::Error) -> Option<&io::Error> {
    match error {
        fjall::Error::Io(io) => Some(io),
        other => other.source().and_then(|inner| inner.source()).and_then(|io| io.downcast_ref()),
    }
}

/// Whether the process lacks something just now, such as descriptors or memory.
pub(super) fn is_ours(error: &io::Error) -> bool {
    const LACKS: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR];
    error.raw_os_error().is_some_and(|code| LACKS.iter().any(|lack| lack.raw_os_error() == code))
}

/// Whether a store that does not open is damaged, so that setting it aside helps.
pub(super) fn is_damage(error: &fjall::Error) -> bool {
    if let Some(io) = io_error(error) {
        return matches!(
            io.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
        ) || io.raw_os_error() == Some(Errno::IO.raw_os_error());
    }
    !matches!(
        error,
        fjall::Error::Locked
            | fjall::Error::Poisoned
            | fjall::Error::KeyspaceDeleted
            | fjall::Error::InvalidVersion(Some(_))
    )
}

/// Moves the engine's journals out of the store, for what lies in its tables can perhaps still be read.
pub(super) fn set_journals_aside(store: &Path, aside: &Path) -> io::Result<()> {
    fs::create_dir_all(aside)?;
    for entry in fs::read_dir(store)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            fs::rename(&path, within(aside, &path))?;
        }
    }
    Ok(())
}

/// Moves the whole store away.
pub(super) fn set_store_aside(store: &Path, aside: &Path) -> io::Result<()> {
    fs::create_dir_all(aside)?;
    fs::rename(store, within(aside, store))
}

fn within(dir: &Path, path: &Path) -> PathBuf {
    path.file_name().map_or_else(|| dir.to_owned(), |name| dir.join(name))
}
