use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::event::{Epoch, Position};

/// The newest position that was durable, in a small file beside the database: written anew, synced,
/// renamed. If recovery ends below it, storage lost what it had confirmed.
#[derive(Debug)]
pub(super) struct HighWater {
    path: PathBuf,
    mark: Option<Position>,
}

/// epoch, offset, checksum of both
const LEN: usize = 4 + 8 + 8;

impl HighWater {
    /// Reads the mark in `dir`. A damaged one counts as none: it can't be told from a torn first write.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join("high-water");
        let mark = match fs::read(&path) {
            Ok(stored) => decode(&stored),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { path, mark })
    }

    pub(super) fn mark(&self) -> Option<Position> {
        self.mark
    }

    /// Writes the mark if it moved.
    pub(super) fn raise(&mut self, position: Position) -> io::Result<()> {
        if self.mark == Some(position) {
            return Ok(());
        }
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&encode(position))?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        self.mark = Some(position);
        Ok(())
    }
}

fn encode(position: Position) -> [u8; LEN] {
    let mut out = [0; LEN];
    out[..4].copy_from_slice(&position.epoch.to_le_bytes());
    out[4..12].copy_from_slice(&position.offset.to_le_bytes());
    let checksum = xxh3_64(&out[..12]);
    out[12..].copy_from_slice(&checksum.to_le_bytes());
    out
}

fn decode(stored: &[u8]) -> Option<Position> {
    let (epoch, rest) = stored.split_first_chunk()?;
    let (offset, rest) = rest.split_first_chunk()?;
    let position = Position { epoch: Epoch::from_le_bytes(*epoch), offset: u64::from_le_bytes(*offset) };
    (encode(position)[12..] == *rest).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_and_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let position = Position { epoch: 7, offset: 9 };
        let mut mark = HighWater::open(dir.path()).unwrap();
        assert_eq!(mark.mark(), None);
        mark.raise(position).unwrap();
        assert_eq!(HighWater::open(dir.path()).unwrap().mark(), Some(position));
        let mut bytes = fs::read(dir.path().join("high-water")).unwrap();
        bytes[5] ^= 1;
        fs::write(dir.path().join("high-water"), bytes).unwrap();
        assert_eq!(HighWater::open(dir.path()).unwrap().mark(), None);
    }
}
