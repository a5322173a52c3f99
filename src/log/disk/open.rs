//! Opening the log: the engine's own recovery decides what was committed; then the newest segment is
//! walked and compared with the high-water mark. A store that is damaged is set aside, as little of it as
//! helps: first the engine's journals, then all of it.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use parking_lot::{Mutex, RwLock};

use super::damage::{self, Damage};
use super::high_water::HighWater;
use super::meta::{self, Meta};
use super::segment::{self, Segment, segment_keyspace};
use super::space::Space;
use super::upkeep::gap_of;
use super::{Books, DiskLog, DiskOptions, OnDamage};
use crate::event::Offset;
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
    /// Opens the log in `options.dir`, or begins a new one there, with these tables.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing was deleted or overwritten then.
    pub fn open(options: DiskOptions, tables: &[Table]) -> Result<Self, OpenError> {
        make_dir(&options.dir)?;
        let space = Space::new(&options.dir, options.space);
        space.keep_reserve();
        let high_water = HighWater::open(&options.dir).map_err(|e| OpenError::Dir(options.dir.clone(), e))?;
        let (engine, set_aside) = open_store(&options, tables)?;
        let Engine { db, meta_rows, tables, mut meta, mut segments, rebuilt } = engine;
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
        meta.store(&db, &meta_rows)?;
        if meta.segments.len() > segments.len() {
            segments.push(segment_keyspace(&db, newest + 1)?);
        }
        let segments = meta.segments.into_iter().zip(segments);
        let segments = segments.map(|(meta, keyspace)| Segment { meta, keyspace }).collect();
        Ok(Self {
            db,
            epoch: meta.epoch,
            former: meta.former,
            meta_rows,
            tables,
            tail: Tail::new(options.memory, newest),
            segments: RwLock::new(segments),
            books: Mutex::new(Books { removals: meta.removals, high_water, failed: false }),
            space,
            condition: RwLock::new(condition),
            is_news: AtomicBool::new(false),
            options,
        })
    }
}

/// Decides from what was found where the log goes on, and in which epoch; the newest offset.
fn settle(
    meta: &mut Meta,
    walked: &NewestSegment,
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

/// The engine, and what it holds.
struct Engine {
    db: Database,
    meta_rows: Keyspace,
    tables: Vec<(Table, Keyspace)>,
    meta: Meta,
    /// Those of the segments that `meta` names.
    segments: Vec<Keyspace>,
    /// The book of segments was lost, and made anew from those that there are.
    rebuilt: bool,
}

/// Why it does not open.
enum Trouble {
    Damage(Damage),
    Other(OpenError),
}

impl From<fjall::Error> for Trouble {
    fn from(error: fjall::Error) -> Self {
        if damage::is_damage(&error) { Self::Damage(Damage::of(error)) } else { Self::Other(error.into()) }
    }
}

/// Opens the store, and tells whether something had to be set aside for it.
fn open_store(options: &DiskOptions, tables: &[Table]) -> Result<(Engine, bool), OpenError> {
    let store = options.dir.join("store");
    let aside = options.dir.join(format!("damaged-{:08x}", options.new_epoch));
    let moved = |done: io::Result<()>| done.map_err(|error| OpenError::Dir(aside.clone(), error));
    let first = if damage::lacks_its_mark(&store) {
        // The engine would begin a new store on top of this one.
        Err(Damage("its version is missing".into()))
    } else {
        try_open(options, tables, "whole")?
    };
    let why = match first {
        Ok(engine) => return Ok((engine, false)),
        Err(why) if options.on_damage == OnDamage::Refuse => return Err(OpenError::Damaged(why.0)),
        Err(why) => why,
    };
    tracing::error!(%why, aside = %aside.display(), "the store is damaged: its journals are set aside");
    moved(damage::set_journals_aside(&store, &aside))?;
    let mut lost = true;
    let second = if damage::lacks_its_mark(&store) {
        Err(why)
    } else {
        try_open(options, tables, "without-journals")?
    };
    let engine = match second {
        Ok(engine) => engine,
        Err(why) => {
            tracing::error!(%why, aside = %aside.display(), "the store is damaged: all of it is set aside");
            let used = damage::was_used(&store);
            moved(damage::set_store_aside(&store, &aside))?;
            lost = used;
            try_open(options, tables, "new")?.map_err(|why| OpenError::Storage(why.0))?
        }
    };
    for stage in ["whole", "without-journals"] {
        let _ = fs::remove_file(note(options, stage));
    }
    Ok((engine, lost))
}

/// What an attempt leaves that took the process with it.
fn note(options: &DiskOptions, stage: &str) -> PathBuf {
    options.dir.join(format!("store-panicked-{stage}"))
}

/// Opens it; in the inner error, what is damaged.
fn try_open(
    options: &DiskOptions,
    tables: &[Table],
    stage: &str,
) -> Result<Result<Engine, Damage>, OpenError> {
    let note = note(options, stage);
    if let Ok(why) = fs::read_to_string(&note) {
        return Ok(Err(Damage(why)));
    }
    let store = options.dir.join("store");
    match damage::watched(&note, || open_once(&store, tables, options)) {
        Some(Ok(engine)) => Ok(Ok(engine)),
        Some(Err(Trouble::Damage(why))) => Ok(Err(why)),
        Some(Err(Trouble::Other(error))) => Err(error),
        None => Ok(Err(Damage("the engine can't make sense of it".into()))),
    }
}

fn open_once(store: &Path, tables: &[Table], options: &DiskOptions) -> Result<Engine, Trouble> {
    let db = match Database::builder(store).max_cached_files(Some(options.tables_open)).open() {
        Err(fjall::Error::Locked) => {
            let dir = store.parent().unwrap_or(store);
            return Err(Trouble::Other(OpenError::InUse(dir.to_owned())));
        }
        other => other?,
    };
    if !damage::can_number(&db) {
        return Err(Trouble::Damage(Damage("its sequence numbers are used up".into())));
    }
    let meta_rows = keyspace(&db, "meta")?;
    let found = segments_found(&db);
    let (meta, rebuilt) = match Meta::load(&meta_rows).map_err(Trouble::Damage)? {
        Some(meta) if meta.version > meta::VERSION => {
            return Err(Trouble::Other(OpenError::NewerFormat(meta.version)));
        }
        Some(meta) => (meta, false),
        None => (Meta::of_segments(options.new_epoch, &found), !found.is_empty()),
    };
    let tables = tables.iter().map(|table| Ok((*table, keyspace(&db, table.name())?)));
    let tables = tables.collect::<fjall::Result<_>>()?;
    let segments = open_segments(&db, &meta)?;
    Ok(Engine { db, meta_rows, tables, meta, segments, rebuilt })
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
fn open_segments(db: &Database, meta: &Meta) -> fjall::Result<Vec<Keyspace>> {
    let oldest = meta.segments.first().map_or(1, |s| s.first);
    for name in db.list_keyspace_names() {
        if segment::segment_of(&name).is_some_and(|first| first < oldest) {
            db.delete_keyspace(keyspace(db, &name)?)?;
        }
    }
    meta.segments.iter().map(|segment| segment_keyspace(db, segment.first)).collect()
}

/// What a walk through the newest segment found.
struct NewestSegment {
    /// Its newest offset; `None` if that can't be told.
    newest: Option<Offset>,
    damaged: Vec<(Offset, Offset)>,
}

/// Verifies the newest segment and counts its bytes.
fn walk_newest(meta: &mut Meta, segments: &[Keyspace]) -> Result<NewestSegment, OpenError> {
    let (Some(book), Some(keyspace)) = (meta.segments.last_mut(), segments.last()) else {
        return Err(OpenError::Storage("no segments".into()));
    };
    let active = Segment { meta: book.clone(), keyspace: keyspace.clone() };
    let newest = segment::last_offset(&active)?;
    book.bytes = 0;
    let mut damaged = Vec::new();
    let (mut walked, end) = (active.first() - 1, newest.unwrap_or(active.first() - 1));
    while walked < end {
        match segment::read(std::slice::from_ref(&active), walked, end, Max::PAGE)? {
            Read::Records(records) => {
                for record in &records {
                    book.add(record.message.len() * 2, record.accepted_at);
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
    Ok(NewestSegment { newest, damaged })
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
