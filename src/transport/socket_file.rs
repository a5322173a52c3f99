use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The file of a Unix socket that this process listens on; removed with it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and number, so that another's file of that name stays.
    own: (u64, u64),
}

/// Why a socket can't have its file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketFileError {
    #[error("a file that is no socket is there already")]
    NoSocket,
    #[error("another process listens there")]
    InUse,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Listens on a file that it makes. One that a process left which is dead goes.
pub(super) fn bind(path: &Path, mode: u32) -> Result<(UnixListener, SocketFile), SocketFileError> {
    let _alone = alone(path);
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_dead(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    // Made with a mode for its owner alone, so nobody else is in yet.
    let file = SocketFile { path: path.to_owned(), own: number(&std::fs::symlink_metadata(path)?) };
    std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    listener.set_nonblocking(true)?;
    Ok((listener, file))
}

/// Two that begin at once must not each take the other's file for one of a dead process. Who can't lock the directory
/// goes on without.
fn alone(path: &Path) -> Option<File> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = File::open(directory.unwrap_or(Path::new("."))).ok()?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(directory)
}

fn remove_dead(path: &Path) -> Result<(), SocketFileError> {
    if !std::fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(SocketFileError::NoSocket);
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(std::fs::remove_file(path)?),
        // One that may not be asked may well be alive.
        _ => Err(SocketFileError::InUse),
    }
}

fn number(about: &Metadata) -> (u64, u64) {
    (about.dev(), about.ino())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|about| number(&about) == self.own) {
            // A file that stays is found to be dead at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_file_is_there_as_long_as_its_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let (listener, file) = bind(&path, 0o640).unwrap();
        assert_eq!(mode(&path), 0o640);
        assert!(UnixStream::connect(&path).is_ok());
        assert!(matches!(bind(&path, 0o660), Err(SocketFileError::InUse)));
        drop((listener, file));
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_process_left_goes_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let bound = bind(&path, 0o660).unwrap();
        // Another one took the name.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "precious").unwrap();
        drop(bound);
        assert!(matches!(bind(&path, 0o660), Err(SocketFileError::NoSocket)));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        let nowhere = bind(&directory.path().join("none/socket"), 0o660);
        assert!(
            matches!(nowhere, Err(SocketFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound)
        );
    }
}
