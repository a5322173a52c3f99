//! A log that is not in use, read from one end to the other. Nothing of it is changed: what recovery would
//! change is changed in a copy, whose tables, by far the largest part, are links.

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::space::SpaceLimits;
use super::{DiskLog, DiskOptions, OnDamage, OpenError};
use crate::event::{Epoch, Offset};
use crate::log::{Condition, EventLog as _, Max, Read, Row, Table, Tables as _, Upkeep as _};

/// What there is in a log, and what is wrong with it.
#[derive(Debug)]
pub struct Verification {
    /// Its epoch.
    pub epoch: Epoch,
    /// The oldest event.
    pub oldest: Offset,
    /// The newest event.
    pub newest: Offset,
    /// Events that are as they were written.
    pub whole: u64,
    /// What is not; a new epoch would begin on opening where `truncated` tells an offset.
    pub condition: Condition,
    /// The rows of each table.
    pub tables: Vec<(Table, Vec<Row>)>,
}

impl DiskLog {
    /// Checks the log in `dir` and these tables of it. `scratch` is an empty directory for the copy, best on the same file system.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it is in use, is of a newer version, or can't be read at all.
    pub fn verify(dir: &Path, scratch: &Path, tables: &[Table]) -> Result<Verification, OpenError> {
        let unreadable = |error| OpenError::Dir(dir.to_owned(), error);
        let lock = OpenOptions::new().read(true).write(true).open(dir.join("store").join("lock"));
        // Kept until the copy is made.
        let lock = lock.map_err(unreadable)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse(dir.to_owned()),
            TryLockError::Error(error) => unreadable(error),
        })?;
        imitate(dir, scratch, false).map_err(unreadable)?;
        drop(lock);
        let options = DiskOptions {
            dir: scratch.to_owned(),
            memory: 0,
            segment_bytes: u64::MAX,
            max_age: std::time::Duration::MAX,
            max_bytes: u64::MAX,
            new_epoch: 0,
            space: SpaceLimits::NONE,
            on_damage: OnDamage::Isolate,
            tables_open: DiskOptions::TABLES_OPEN,
        };
        let log = DiskLog::open(options, tables)?;
        let (bounds, mut whole) = (log.bounds(), 0);
        let mut after = bounds.oldest - 1;
        while after < bounds.newest {
            match log.read(after, Max::PAGE)? {
                Read::Records(records) => {
                    whole += records.len() as u64;
                    after = records.last().map_or(bounds.newest, |last| last.offset);
                }
                Read::Gap(gap) => after = gap.to,
            }
        }
        let tables = tables.iter().map(|table| log.table(*table).map(|rows| (*table, rows)));
        let tables = tables.collect::<Result<_, _>>()?;
        let condition = log.condition();
        Ok(Verification {
            epoch: bounds.epoch,
            oldest: bounds.oldest,
            newest: bounds.newest,
            whole,
            condition,
            tables,
        })
    }
}

/// Copies a directory. Files in folders called `tables` are never written to, so a link does.
fn imitate(from: &Path, to: &Path, are_tables: bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let copy = to.join(&name);
        if entry.is_dir() {
            // What was set aside earlier is no part of the log.
            if !name.to_string_lossy().starts_with("damaged-") {
                fs::create_dir_all(&copy)?;
                imitate(&entry, &copy, name == "tables")?;
            }
        } else if name != "reserve" && !(are_tables && fs::hard_link(&entry, &copy).is_ok()) {
            fs::copy(&entry, &copy)?;
        }
    }
    Ok(())
}
