use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::event::Position;

/// A file that holds one event id: everything up to there has arrived. It is replaced as a whole, so it never holds half
/// an id.
pub(super) struct PositionFile {
    path: PathBuf,
    position: Option<String>,
}

/// The file can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PositionFileError {
    #[error("{}: no position of an event", .0.display())]
    Content(PathBuf),
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
}

impl PositionFile {
    /// Reads the file, if there is one.
    pub(super) fn open(path: PathBuf) -> Result<Self, PositionFileError> {
        let position = match fs::read_to_string(&path) {
            Ok(text) if text.trim().parse::<Position>().is_ok() => Some(text.trim().to_owned()),
            Ok(_) => return Err(PositionFileError::Content(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(PositionFileError::File(path, error)),
        };
        Ok(Self { path, position })
    }

    pub(super) fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// Goes on to another position, on disk first.
    pub(super) fn advance(&mut self, position: &str) -> Result<(), PositionFileError> {
        if self.position() == Some(position) {
            return Ok(());
        }
        let new = self.path.with_extension("new");
        let replaced = File::create(&new).and_then(|mut file| {
            writeln!(file, "{position}")?;
            file.sync_data()?;
            fs::rename(&new, &self.path)
        });
        replaced.map_err(|error| PositionFileError::File(self.path.clone(), error))?;
        self.position = Some(position.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_found_again_and_nothing_else_is_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("position");
        let mut file = PositionFile::open(path.clone()).unwrap();
        assert_eq!(file.position(), None);
        file.advance("crt00000080000000002").unwrap();
        assert_eq!(PositionFile::open(path.clone()).unwrap().position(), Some("crt00000080000000002"));
        fs::write(&path, "crt").unwrap();
        assert!(PositionFile::open(path).is_err());
    }
}
