//! Free space, watched so that nothing is written when it runs out: the engine does not survive a full
//! disk, so events are refused well before. A reserve file is let go of when even that was not enough, so
//! that what is due (marks, positions, removals) can still be written.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::super::Room;

/// A bound of free space: a share of the file system or bytes, whichever is less, so that neither a large
/// disk nor a small one is given up early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Of a hundred.
    pub percent: u8,
    /// Bytes.
    pub bytes: u64,
}

impl FreeSpace {
    fn of(self, total: u64) -> u64 {
        self.bytes.min(total / 100 * u64::from(self.percent))
    }
}

/// When a disk counts as low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceLimits {
    /// Below it there is a warning.
    pub warn: FreeSpace,
    /// Below it no event is taken.
    pub refuse: FreeSpace,
    /// From it on events are taken again.
    pub resume: FreeSpace,
    /// Bytes of the reserve file; 0 for none.
    pub reserve: u64,
}

impl SpaceLimits {
    /// No watch at all, for logs that are tried out.
    pub const NONE: Self = {
        let none = FreeSpace { percent: 0, bytes: 0 };
        Self { warn: none, refuse: none, resume: none, reserve: 0 }
    };

    fn judge(&self, before: Room, free: u64, total: u64) -> Room {
        let needed = if before == Room::None { self.resume } else { self.refuse };
        if free < needed.of(total) {
            Room::None
        } else if free < self.warn.of(total) {
            Room::Scarce
        } else {
            Room::Enough
        }
    }
}

/// The watch over one directory.
#[derive(Debug)]
pub(super) struct Space {
    dir: PathBuf,
    limits: SpaceLimits,
    /// What the last look found.
    room: Mutex<Room>,
    /// The reserve could not be made: it is not tried every second.
    no_reserve: AtomicBool,
}

impl Space {
    /// Looks for the first time.
    pub(super) fn new(dir: &Path, limits: SpaceLimits) -> Self {
        let space = Self {
            dir: dir.to_owned(),
            limits,
            room: Mutex::default(),
            no_reserve: AtomicBool::new(limits.reserve == 0),
        };
        space.look();
        space
    }

    /// What the last look found.
    pub(super) fn room(&self) -> Room {
        *self.room.lock()
    }

    /// Looks again; cheap enough to be asked before each commit.
    pub(super) fn look(&self) -> Room {
        let mut room = self.room.lock();
        // Where the file system does not tell, its own error has to do.
        let Ok((free, total)) = free_space(&self.dir) else { return *room };
        let found = self.limits.judge(*room, free, total);
        if found != *room {
            *room = found;
            match found {
                Room::None => tracing::error!(free, "storage_low: no event is taken until there is room"),
                Room::Scarce => tracing::warn!(free, "the disk is getting full"),
                Room::Enough => tracing::info!(free, "the disk has room"),
            }
        }
        found
    }

    /// Makes the reserve where there is room for it, lets go of it where there is hardly any.
    pub(super) fn keep_reserve(&self) {
        let path = self.reserve();
        let Ok((free, total)) = free_space(&self.dir) else { return };
        if free < self.limits.refuse.of(total) / 2 {
            if fs::remove_file(path).is_ok() {
                tracing::error!(free, "the disk is all but full: the reserve is released");
            }
        } else if !self.no_reserve.load(Ordering::Relaxed)
            && free > self.limits.resume.of(total).saturating_add(self.limits.reserve)
            && !path.exists()
            && let Err(error) = make_reserve(&path, self.limits.reserve)
        {
            tracing::warn!(%error, "the reserve can't be made");
            self.no_reserve.store(true, Ordering::Relaxed);
            let _ = fs::remove_file(path);
        }
    }

    fn reserve(&self) -> PathBuf {
        self.dir.join("reserve")
    }
}

/// Bytes free for us, and bytes in all.
fn free_space(dir: &Path) -> io::Result<(u64, u64)> {
    let found = statvfs(dir)?;
    Ok((found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
}

/// Of real blocks: a file with holes would free nothing.
fn make_reserve(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    const LIMITS: SpaceLimits = SpaceLimits {
        warn: FreeSpace { percent: 10, bytes: 2 << 30 },
        refuse: FreeSpace { percent: 5, bytes: 1 << 30 },
        resume: FreeSpace { percent: 7, bytes: 3 << 29 },
        reserve: 64 << 20,
    };

    #[test]
    fn each_bound_holds_at_less_at_and_more() {
        let total = 1_000 << 30;
        let (warn, refuse, resume) = (2 << 30, 1 << 30, 3 << 29);
        for (before, free, expected) in [
            (Room::Enough, warn, Room::Enough),
            (Room::Enough, warn - 1, Room::Scarce),
            (Room::Scarce, refuse, Room::Scarce),
            (Room::Scarce, refuse - 1, Room::None),
            (Room::None, resume - 1, Room::None),
            (Room::None, resume, Room::Scarce),
            (Room::None, warn, Room::Enough),
        ] {
            assert_eq!(LIMITS.judge(before, free, total), expected, "{before:?} {free}");
        }
    }

    #[test]
    fn a_small_disk_is_judged_by_its_share() {
        let total = 10 << 30;
        let five_percent = total / 100 * 5;
        assert_eq!(LIMITS.judge(Room::Scarce, five_percent, total), Room::Scarce);
        assert_eq!(LIMITS.judge(Room::Scarce, five_percent - 1, total), Room::None);
    }

    #[test]
    fn the_reserve_has_real_blocks_and_its_owner_alone_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let space = Space::new(dir.path(), SpaceLimits { reserve: 1 << 20, ..SpaceLimits::NONE });
        space.keep_reserve();
        let found = fs::metadata(space.reserve()).unwrap();
        assert!(found.len() == 1 << 20 && found.blocks() * 512 >= 1 << 20 && found.mode() & 0o777 == 0o600);
    }
}
