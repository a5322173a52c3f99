use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::owner::Owner;
use crate::cli::exit::Exit;
use crate::event::Position;

/// A file that holds one event id, up to which everything has arrived, and whose it is. It is replaced as a whole, so it
/// never holds half an id; and as long as it is open, nobody else has it.
pub(super) struct PositionFile {
    path: PathBuf,
    owner: Owner,
    position: Option<String>,
    /// Of a file beside it: the file itself is another one after each step.
    _lock: File,
}

/// The file can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PositionFileError {
    #[error("{}: no position of an event", .0.display())]
    Content(PathBuf),
    #[error(
        "{} is the position of another forward, {}; name another file with --position, or remove this one to begin anew",
        .0.display(), .1
    )]
    Foreign(PathBuf, Box<Owner>),
    #[error("{} is in use by another forward; name another file with --position", .0.display())]
    InUse(PathBuf),
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
}

impl PositionFileError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            // Whoever has it may end.
            Self::InUse(_) => Exit::Failure,
            _ => Exit::Wrong,
        }
    }
}

impl PositionFile {
    /// Takes the file, and reads it if there is one. One that does not say whose it is, as they were once, becomes the
    /// owner's.
    pub(super) fn open(path: &Path, owner: Owner) -> Result<Self, PositionFileError> {
        // By whatever way it is named, it is one file.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let lock = lock(&path)?;
        let failed = |error| PositionFileError::File(path.clone(), error);
        let text = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let Some(text) = text else { return Ok(Self { path, owner, position: None, _lock: lock }) };
        let wrong = || PositionFileError::Content(path.clone());
        let (position, whose) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
        let position = position.trim_end();
        position.parse::<Position>().map_err(|_| wrong())?;
        let mut file = Self { path: path.clone(), owner, position: None, _lock: lock };
        if whose.is_empty() {
            file.advance(position)?;
        } else {
            let known: Owner = serde_json::from_str(whose).map_err(|_| wrong())?;
            if known != file.owner {
                return Err(PositionFileError::Foreign(path, known.into()));
            }
            file.position = Some(position.to_owned());
        }
        Ok(file)
    }

    pub(super) fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// Goes on to another position, on disk first.
    pub(super) fn advance(&mut self, position: &str) -> Result<(), PositionFileError> {
        if self.position() == Some(position) {
            return Ok(());
        }
        self.replace(position).map_err(|error| PositionFileError::File(self.path.clone(), error))?;
        self.position = Some(position.to_owned());
        Ok(())
    }

    fn replace(&self, position: &str) -> io::Result<()> {
        let new = beside(&self.path, "new");
        let mut file = File::create(&new)?;
        writeln!(file, "{position}\n{}", serde_json::to_string(&self.owner)?)?;
        file.sync_data()?;
        fs::rename(&new, &self.path)
    }
}

/// A name that is the file's own: `.NAME.suffix` in its folder, which no other file's is.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

/// Held until the process ends, however it does.
fn lock(path: &Path) -> Result<File, PositionFileError> {
    let failed = |error| PositionFileError::File(path.to_owned(), error);
    let file = File::options().create(true).write(true).truncate(false).open(beside(path, "lock"));
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PositionFileError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::{Policy, TargetUrl};

    const ID: &str = "crt00000080000000002";

    fn owner(gateway: &str, filter: &str, endpoint: &str) -> Owner {
        let endpoint = TargetUrl::parse(endpoint, &Policy::default()).unwrap();
        Owner::new(gateway.to_owned(), filter, &endpoint)
    }

    fn own() -> Owner {
        owner("http://g/", "tag == 'a'", "http://e.example/hook?key=1")
    }

    #[test]
    fn a_position_is_found_again_by_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("position");
        let mut file = PositionFile::open(&path, own()).unwrap();
        assert_eq!(file.position(), None);
        file.advance(ID).unwrap();
        assert!(matches!(PositionFile::open(&path, own()), Err(PositionFileError::InUse(_))));
        drop(file);
        let same = owner("http://g/", "(tag == \"a\")", "http://e.example:80/hook?key=1");
        assert_eq!(PositionFile::open(&path, same).unwrap().position(), Some(ID));
        for other in [
            owner("http://g2/", "tag == 'a'", "http://e.example/hook?key=1"),
            owner("http://g/", "tag == 'b'", "http://e.example/hook?key=1"),
            owner("http://g/", "tag == 'a'", "http://e.example/hook?key=2"),
        ] {
            let error = PositionFile::open(&path, other).err().unwrap();
            assert!(matches!(error, PositionFileError::Foreign(..)), "{error}");
            assert!(
                error.to_string().contains("http://g/") && !error.to_string().contains("key=1"),
                "{error}"
            );
        }
    }

    #[test]
    fn one_of_nobody_becomes_the_owners_and_nothing_else_is_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("position");
        fs::write(&path, format!("{ID}\n")).unwrap();
        assert_eq!(PositionFile::open(&path, own()).unwrap().position(), Some(ID));
        let other = owner("http://g/", "true", "http://e.example/");
        assert!(matches!(PositionFile::open(&path, other), Err(PositionFileError::Foreign(..))));
        for wrong in ["crt", "", "\n", &format!("{ID}\n{{}}"), &format!("{ID}\nx")] {
            fs::write(&path, wrong).unwrap();
            assert!(
                matches!(PositionFile::open(&path, own()), Err(PositionFileError::Content(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn names_beside_a_file_are_its_own() {
        let of = |name: &str| beside(Path::new(name), "new");
        assert_eq!(of("a/hook.prod"), Path::new("a/.hook.prod.new"));
        assert_ne!(of("hook.prod"), of("hook.staging"));
        assert_ne!(of("hook"), Path::new("hook.new"));
    }

    #[test]
    fn a_link_is_the_file_that_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("position"), dir.path().join("link"));
        fs::write(&path, ID).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut file = PositionFile::open(&link, own()).unwrap();
        assert!(matches!(PositionFile::open(&path, own()), Err(PositionFileError::InUse(_))));
        file.advance("crt00000080000000003").unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("crt00000080000000003\n"));
    }
}
