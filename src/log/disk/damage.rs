//! What an error of the engine says: damaged bytes, or something else that may pass or is not ours to mend;
//! and what is done about damage that keeps it from opening.

use std::cell::RefCell;
use std::error::Error as _;
use std::fmt;
use std::fs;
use std::io;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;

use fjall::Database;
use rustix::io::Errno;

/// What is damaged, and keeps the store from opening.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Damage(pub(super) String);

impl Damage {
    pub(super) fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

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
            io::ErrorKind::NotFound
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::InvalidData
                // A length that was read from damaged bytes.
                | io::ErrorKind::InvalidInput
        ) || io.raw_os_error() == Some(Errno::IO.raw_os_error());
    }
    !matches!(
        error,
        fjall::Error::Locked
            | fjall::Error::Poisoned
            | fjall::Error::KeyspaceDeleted
            // Earlier ones were never written for us, so those are spoilt bytes.
            | fjall::Error::InvalidVersion(Some(fjall::FormatVersion::V3))
    )
}

/// Whether this is a store that has lost the file by which the engine knows its own.
pub(super) fn lacks_its_mark(store: &Path) -> bool {
    store.join("keyspaces").exists() && !store.join("version").exists()
}

/// Whether the engine has a number for the next write; it panics without one. A batch's number in a journal lies
/// under no checksum, so a flipped bit can use all of them up.
pub(super) fn can_number(db: &Database) -> bool {
    const END: u64 = 1 << 63;
    db.seqno() < END
}

/// Whether there can be anything in it: a start that was cut off leaves less.
pub(super) fn was_used(store: &Path) -> bool {
    fs::read_dir(store.join("keyspaces")).is_ok_and(|keyspaces| keyspaces.count() > 1)
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

thread_local! {
    /// The note to leave, should this thread panic.
    static NOTE: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Runs a call of the engine that may panic over bytes that it can't make sense of; `None` if it did. It
/// may even take the process with it, by a second panic in the first's wake: then `note` is left, for the
/// next start to find.
pub(super) fn watched<T>(note: &Path, call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            let note = NOTE.with(|note| note.try_borrow_mut().ok().and_then(|mut note| note.take()));
            if let Some(note) = note {
                // If it can't be left, the next start ends as this one does.
                let _ = fs::write(note, panicked.to_string());
            }
            before(panicked);
        }));
    });
    NOTE.with(|place| place.replace(Some(note.to_owned())));
    let done = catch_unwind(AssertUnwindSafe(call));
    NOTE.with(|place| place.replace(None));
    if done.is_err() {
        // The process lives on, and deals with it now.
        let _ = fs::remove_file(note);
    }
    done.ok()
}
