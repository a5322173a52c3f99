//! Opening the log: the engine's own recovery decides what was committed; then the newest segment is
//! walked and compared with the high-water mark. A store that is damaged is set aside, as little of it as
//! helps: first the engine's journals, then all of it.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use parking_lot::{Mutex, RwLock};

use super::copy::TABLES;
use super::high_water::HighWater;
use super::meta::{self, Meta};
use super::segment::{self, Segment, segment_keyspace};
use super::space::Space;
use super::upkeep::gap_of;
use super::{DiskLog, DiskOptions, OnDamage, Upkeep, damage};
use crate::event::{Epoch, Offset};
use crate::log::tail::Tail;
use crate::log::{AppendError, Condition, Max, Read, ReadError, Table};

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
    /// It is damaged, and set to be refused then.
    #[error("the log is damaged: {0}")]
    Damaged(String),
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
        let space = Space::new(&options.dir, options.space);
        space.keep_reserve();
        let high_water = HighWater::open(&options.dir).map_err(|e| OpenError::Dir(options.dir.clone(), e))?;
        let (opened, set_aside) = open_store(&options)?;
        let Opened { db, meta_rows, tables, mut meta, mut segments, rebuilt } = opened;
        let walked = walk_newest(&mut meta, &segments)?;
        let mark = high_water.mark().map_or(0, |mark| mark.offset);
        let newest = settle(&mut meta, &walked, mark, set_aside || rebuilt, &options)?;
        let mut condition = Condition { truncated: meta.truncated, ..Condition::default() };
        for range in &meta.damaged {
            condition.note(gap_of(*range));
        }
        condition.forget_below(meta.segments.first().map_or(1, |s| s.first));
        meta.damaged = condition.damaged.iter().map(|gap| (gap.from, gap.to)).collect();
        // Also a probe: a disk that can't sync is found out before anyone is told that we are ready.
        meta::store(&db, &meta_rows, &meta)?;
        let active = meta.segments.last().map_or(newest + 1, |s| s.first);
        if segments.last().is_none_or(|s| s.first != active) {
            segments.push(Segment { first: active, keyspace: segment_keyspace(&db, active)? });
        }
        let tail = Tail::new(options.memory, newest);
        let (epoch, former) = (meta.epoch, meta.former.clone());
        let upkeep = Mutex::new(Upkeep { meta, high_water, failed: false });
        let (segments, condition) = (RwLock::new(segments), RwLock::new(condition));
        Ok(Self { db, options, epoch, former, meta_rows, tables, tail, segments, upkeep, space, condition })
    }
}

/// Decides from what was found where the log goes on, and in which epoch; the newest offset.
fn settle(
    meta: &mut Meta,
    walked: &Walked,
    mark: Offset,
    set_aside: bool,
    options: &DiskOptions,
) -> Result<Offset, OpenError> {
    let found = walked.newest.unwrap_or(meta.segments.last().map_or(0, |s| s.first - 1));
    let newest = found.max(mark);
    let lost = set_aside || walked.newest.is_none() || found < mark;
    meta.damaged.extend(&walked.damaged);
    if lost {
        tracing::error!(found, mark, "log_truncated: storage lost events that it had confirmed");
        if newest > found {
            meta.damaged.push((found + 1, newest));
        }
    }
    if options.on_damage == OnDamage::Refuse && (lost || !meta.damaged.is_empty()) {
        return Err(OpenError::Damaged(refusal(meta)));
    }
    if lost {
        meta.truncated = Some(newest);
    }
    if lost || meta.restored {
        meta.begin(options.new_epoch, found);
        meta.restored = false;
    }
    // Damaged bytes are left as they are: what comes goes elsewhere.
    if lost || walked.newest.is_none() || !walked.damaged.is_empty() {
        meta.start_segment(newest + 1);
    }
    meta.date_undated(now_ms());
    Ok(newest)
}

/// The engine's part, open.
struct Opened {
    db: Database,
    meta_rows: Keyspace,
    tables: [Keyspace; Table::ALL.len()],
    meta: Meta,
    segments: Vec<Segment>,
    /// The book of segments was lost, and made anew from those that there are.
    rebuilt: bool,
}

/// Why it does not open.
enum Trouble {
    Damage(String),
    Other(OpenError),
}

impl From<fjall::Error> for Trouble {
    fn from(error: fjall::Error) -> Self {
        if damage::is_damage(&error) { Self::Damage(error.to_string()) } else { Self::Other(error.into()) }
    }
}

/// Opens the store, and tells whether something had to be set aside for it.
fn open_store(options: &DiskOptions) -> Result<(Opened, bool), OpenError> {
    let store = options.dir.join("store");
    let aside = options.dir.join(format!("damaged-{:08x}", options.new_epoch));
    let moved = |done: io::Result<()>| done.map_err(|error| OpenError::Dir(aside.clone(), error));
    let first = if damage::lacks_its_mark(&store) {
        // The engine would begin a new store on top of this one.
        Err("its version is missing".to_owned())
    } else {
        try_open(options, "whole")?
    };
    let why = match first {
        Ok(opened) => return Ok((opened, false)),
        Err(why) if options.on_damage == OnDamage::Refuse => return Err(OpenError::Damaged(why)),
        Err(why) => why,
    };
    tracing::error!(%why, aside = %aside.display(), "the store is damaged: its journals are set aside");
    moved(damage::set_journals_aside(&store, &aside))?;
    let mut lost = true;
    let second =
        if damage::lacks_its_mark(&store) { Err(why) } else { try_open(options, "without-journals")? };
    let opened = match second {
        Ok(opened) => opened,
        Err(why) => {
            tracing::error!(%why, aside = %aside.display(), "the store is damaged: all of it is set aside");
            let used = damage::was_used(&store);
            moved(damage::set_store_aside(&store, &aside))?;
            lost = used;
            try_open(options, "new")?.map_err(OpenError::Storage)?
        }
    };
    for stage in ["whole", "without-journals"] {
        let _ = fs::remove_file(note(options, stage));
    }
    Ok((opened, lost))
}

/// What an attempt leaves that took the process with it.
fn note(options: &DiskOptions, stage: &str) -> PathBuf {
    options.dir.join(format!("store-panicked-{stage}"))
}

/// Opens it; in the inner error, what is damaged.
fn try_open(options: &DiskOptions, stage: &str) -> Result<Result<Opened, String>, OpenError> {
    let note = note(options, stage);
    if let Ok(why) = fs::read_to_string(&note) {
        return Ok(Err(why));
    }
    match damage::watched(&note, || open_once(&options.dir.join("store"), options.new_epoch)) {
        Some(Ok(opened)) => Ok(Ok(opened)),
        Some(Err(Trouble::Damage(why))) => Ok(Err(why)),
        Some(Err(Trouble::Other(error))) => Err(error),
        None => Ok(Err("the engine can't make sense of it".into())),
    }
}

fn open_once(store: &Path, new_epoch: Epoch) -> Result<Opened, Trouble> {
    let db = match Database::builder(store).open() {
        Err(fjall::Error::Locked) => {
            let dir = store.parent().unwrap_or(store);
            return Err(Trouble::Other(OpenError::InUse(dir.to_owned())));
        }
        other => other?,
    };
    let meta_rows = keyspace(&db, "meta")?;
    let found = segments_found(&db);
    let (meta, rebuilt) = match meta::load(&meta_rows).map_err(Trouble::Damage)? {
        Some(meta) if meta.version > meta::VERSION => {
            return Err(Trouble::Other(OpenError::NewerFormat(meta.version)));
        }
        Some(meta) => (meta, false),
        None => (Meta::of_segments(new_epoch, &found), !found.is_empty()),
    };
    let tables = TABLES.map(|name| keyspace(&db, name));
    let tables = tables.into_iter().collect::<fjall::Result<Vec<_>>>()?;
    let tables = tables.try_into().map_err(|_| Trouble::Damage("tables are missing".into()))?;
    let segments = open_segments(&db, &meta)?;
    Ok(Opened { db, meta_rows, tables, meta, segments, rebuilt })
}

fn make_dir(dir: &Path) -> Result<(), OpenError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| OpenError::Dir(dir.to_owned(), error))
}

fn keyspace(db: &Database, name: &str) -> fjall::Result<Keyspace> {
    db.keyspace(name, KeyspaceCreateOptions::default)
}

/// The segments that there are, whatever the book of them says.
fn segments_found(db: &Database) -> Vec<Offset> {
    let names = db.list_keyspace_names();
    let mut found: Vec<_> = names.iter().filter_map(|name| segment::segment_of(name)).collect();
    found.sort_unstable();
    found
}

/// Opens the segments that meta names, and drops what a crash left of others.
fn open_segments(db: &Database, meta: &Meta) -> fjall::Result<Vec<Segment>> {
    let oldest = meta.segments.first().map_or(1, |s| s.first);
    for name in db.list_keyspace_names() {
        if segment::segment_of(&name).is_some_and(|first| first < oldest) {
            db.delete_keyspace(keyspace(db, &name)?)?;
        }
    }
    let open = |first: Offset| Ok(Segment { first, keyspace: segment_keyspace(db, first)? });
    meta.segments.iter().map(|s| open(s.first)).collect()
}

/// What a walk through the newest segment found.
struct Walked {
    /// Its newest offset; `None` if that can't be told.
    newest: Option<Offset>,
    damaged: Vec<(Offset, Offset)>,
}

/// Verifies the newest segment and counts its bytes.
fn walk_newest(meta: &mut Meta, segments: &[Segment]) -> Result<Walked, OpenError> {
    let Some(active) = segments.last() else { return Err(OpenError::Storage("no segments".into())) };
    let newest = segment::last_offset(active)?;
    if let Some(segment) = meta.segments.last_mut() {
        segment.bytes = 0;
    }
    let mut damaged = Vec::new();
    let (mut walked, end) = (active.first - 1, newest.unwrap_or(active.first - 1));
    while walked < end {
        match segment::read(std::slice::from_ref(active), walked, end, Max::PAGE)? {
            Read::Records(records) => {
                for record in &records {
                    meta.added(record.message.len() * 2, record.accepted_at);
                }
                walked += records.len() as u64;
            }
            Read::Gap(gap) => {
                tracing::error!(from = gap.from, to = gap.to, "damaged events in the log");
                damaged.push((gap.from, gap.to));
                walked = gap.to;
            }
        }
    }
    Ok(Walked { newest, damaged })
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn refusal(meta: &Meta) -> String {
    let segment = |offset: Offset| meta.segments.iter().rfind(|s| s.first <= offset).map_or(1, |s| s.first);
    match meta.damaged.first() {
        Some((from, to)) => {
            format!("events {from} to {to}, in the segment that begins at {}", segment(*from))
        }
        None => "storage lost events that it had confirmed".into(),
    }
}
