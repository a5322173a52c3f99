use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use crate::event::Position;

/// A file that holds one event id. It is replaced as a whole, so it is never half a place.
pub(super) struct PlaceFile {
    path: PathBuf,
    place: Option<String>,
}

impl PlaceFile {
    /// Reads the file, if there is one.
    pub(super) fn open(path: PathBuf) -> Result<Self, String> {
        let place = match fs::read_to_string(&path) {
            Ok(text) if text.trim().parse::<Position>().is_ok() => Some(text.trim().to_owned()),
            Ok(_) => return Err(format!("{}: no position of an event", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Ok(Self { path, place })
    }

    /// The place; everything up to there has arrived.
    pub(super) fn get(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Goes on to another place, on disk first.
    pub(super) fn set(&mut self, place: &str) -> Result<(), String> {
        if self.get() == Some(place) {
            return Ok(());
        }
        let new = self.path.with_extension("new");
        let written = File::create(&new).and_then(|mut file| {
            writeln!(file, "{place}")?;
            file.sync_data()?;
            fs::rename(&new, &self.path)
        });
        written.map_err(|error| format!("{}: {error}", self.path.display()))?;
        self.place = Some(place.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_and_nothing_else_is_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("place");
        let mut file = PlaceFile::open(path.clone()).unwrap();
        assert_eq!(file.get(), None);
        file.set("crt00000080000000002").unwrap();
        assert_eq!(PlaceFile::open(path.clone()).unwrap().get(), Some("crt00000080000000002"));
        fs::write(&path, "crt").unwrap();
        assert!(PlaceFile::open(path).is_err());
    }
}
