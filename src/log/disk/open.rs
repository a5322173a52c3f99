//! Opening the log: the engine's own recovery decides what was committed; then the newest segment is
//! walked and compared with the high-water mark.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use super::high_water::HighWater;
use super::meta::{self, Meta};
use super::segment::{self, Segment, segment_keyspace};
use super::{DiskLog, DiskOptions, Upkeep};
use crate::event::Offset;
use crate::log::tail::Tail;
use crate::log::{AppendError, Max, Read, ReadError};

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// A newer version of this program wrote it.
    #[error("the log has format version {0}, this program reads up to {max}", max = meta::VERSION)]
    NewerFormat(u32),
    /// The directory can't be made or read.
    #[error("{0}: {1}")]
    Dir(PathBuf, #[source] io::Error),
    /// The storage engine could not recover or write.
    #[error("storage: {0}")]
    Storage(String),
}

impl From<fjall::Error> for OpenError {
    fn from(error: fjall::Error) -> Self {
        Self::Storage(error.to_string())
    }
}

impl From<AppendError> for OpenError {
    fn from(error: AppendError) -> Self {
        Self::Storage(error.to_string())
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        Self::Storage(error.to_string())
    }
}

impl DiskLog {
    /// Opens the log in `options.dir`, or begins a new one there.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing was deleted or overwritten then.
    pub fn open(options: DiskOptions) -> Result<Self, OpenError> {
        make_dir(&options.dir)?;
        let high_water = HighWater::open(&options.dir).map_err(|e| OpenError::Dir(options.dir.clone(), e))?;
        let db = match Database::builder(options.dir.join("store")).open() {
            Err(fjall::Error::Locked) => return Err(OpenError::InUse(options.dir)),
            other => other?,
        };
        let meta_rows = keyspace(&db, "meta")?;
        let mut meta = stored_meta(&db, &meta_rows, &options)?;
        let tables = [
            keyspace(&db, "catalog")?,
            keyspace(&db, "repeats")?,
            keyspace(&db, "quarantine")?,
            keyspace(&db, "bodies")?,
            keyspace(&db, "sources")?,
        ];
        let mut segments = open_segments(&db, &meta)?;
        let mut newest = walk_newest(&mut meta, &segments)?;
        if let Some(mark) = high_water.mark().filter(|mark| mark.offset > newest) {
            tracing::error!(
                newest,
                mark = mark.offset,
                "log_truncated: storage lost events that it had confirmed"
            );
            newest = mark.offset;
            meta.epoch = options.new_epoch;
            meta.start_segment(newest + 1);
            meta::store(&db, &meta_rows, &meta)?;
            segments.push(Segment { first: newest + 1, keyspace: segment_keyspace(&db, newest + 1)? });
        }
        let tail = Tail::new(options.memory, newest);
        let epoch = meta.epoch;
        let upkeep = Mutex::new(Upkeep { meta, high_water, failed: false });
        Ok(Self { db, options, epoch, meta_rows, tables, tail, segments: RwLock::new(segments), upkeep })
    }
}

fn make_dir(dir: &Path) -> Result<(), OpenError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| OpenError::Dir(dir.to_owned(), error))
}

fn keyspace(db: &Database, name: &str) -> fjall::Result<Keyspace> {
    db.keyspace(name, KeyspaceCreateOptions::default)
}

fn stored_meta(db: &Database, rows: &Keyspace, options: &DiskOptions) -> Result<Meta, OpenError> {
    match meta::load(rows).map_err(OpenError::Storage)? {
        Some(meta) if meta.version > meta::VERSION => Err(OpenError::NewerFormat(meta.version)),
        Some(meta) => Ok(meta),
        None => {
            let meta = Meta::new(options.new_epoch, 1);
            meta::store(db, rows, &meta)?;
            Ok(meta)
        }
    }
}

/// Opens the segments that meta names, and drops what a crash left of others.
fn open_segments(db: &Database, meta: &Meta) -> Result<Vec<Segment>, OpenError> {
    let oldest = meta.segments.first().map_or(1, |s| s.first);
    for name in db.list_keyspace_names() {
        if segment::segment_of(&name).is_some_and(|first| first < oldest) {
            db.delete_keyspace(keyspace(db, &name)?)?;
        }
    }
    let open = |first: Offset| Ok(Segment { first, keyspace: segment_keyspace(db, first)? });
    meta.segments.iter().map(|s| open(s.first)).collect()
}

/// Verifies the newest segment, counts its bytes, and tells the newest offset in it.
fn walk_newest(meta: &mut Meta, segments: &[Segment]) -> Result<Offset, OpenError> {
    let Some(active) = segments.last() else { return Err(OpenError::Storage("no segments".into())) };
    let mut newest = active.first - 1;
    if let Some(last) = active.keyspace.last_key_value() {
        let key = last.key()?;
        newest = key.as_ref().try_into().map_or(newest, Offset::from_be_bytes);
    }
    if let Some(segment) = meta.segments.last_mut() {
        segment.bytes = 0;
    }
    let mut walked = active.first - 1;
    while walked < newest {
        match segment::read(std::slice::from_ref(active), walked, newest, Max::PAGE)? {
            Read::Records(records) => {
                for record in &records {
                    meta.added(record.message.len() * 2, record.accepted_at);
                }
                walked += records.len() as u64;
            }
            Read::Gap(gap) => {
                tracing::error!(from = gap.from, to = gap.to, "damaged events in the log");
                walked = gap.to;
            }
        }
    }
    Ok(newest)
}
