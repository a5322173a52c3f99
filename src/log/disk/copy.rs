//! Copies of a whole log: one that is in use, as a stream; and from a stream, as a new directory.

use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable as _};

use super::meta::{self, Meta};
use super::{DiskLog, segment};
use crate::log::ReadError;
use crate::log::backup::{Packer, Unpacker};

/// Rows that are written at once.
const BATCH: usize = 4_096;

impl DiskLog {
    /// Hands the log as it is at this moment to `sink`, chunk by chunk, until that says false.
    pub(super) fn pack(&self, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Result<(), ReadError> {
        let failed = |error: fjall::Error| ReadError(error.to_string());
        let (snapshot, about, segments) = {
            // The writer waits for this, so the book of segments and the events are of one moment.
            let books = self.books.lock();
            let about = Meta { restored: true, ..self.meta(&books) }.stored();
            let segments = self.segments.read().clone();
            (self.db.snapshot(), about, segments)
        };
        let names = segments.iter().map(|s| (segment::name_of(s.first()), s.keyspace.clone()));
        let tables = self.tables.iter().map(|(table, rows)| (table.name().to_owned(), rows.clone()));
        let mut packer = Packer::new(sink);
        for (name, keyspace) in tables.chain(names) {
            for row in snapshot.iter(&keyspace) {
                let (key, value) = row.into_inner().map_err(failed)?;
                if packer.row(&name, &key, &value).is_err() {
                    return Ok(());
                }
            }
        }
        let last = packer.row("meta", meta::KEY.as_bytes(), &about).and_then(|()| packer.finish());
        // Who asked has gone away: nothing is wrong here.
        last.or(Ok(()))
    }

    /// Makes a log of a copy, in a directory that is not there yet or empty. Whoever opens it begins a new
    /// epoch, since what came after the copy had ids of the old one.
    ///
    /// # Errors
    ///
    /// If the directory holds anything, the copy is not whole, or it can't be written; no log is left then.
    pub fn restore(dir: &Path, from: impl Read) -> io::Result<u64> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        if fs::read_dir(dir)?.next().is_some() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the directory is not empty"));
        }
        // Under another name until it is whole; whoever makes the folder has it to himself.
        let partial = dir.join("store.partial");
        DirBuilder::new().mode(0o700).create(&partial)?;
        match unpack(&partial, from) {
            Ok(rows) => {
                fs::rename(&partial, dir.join("store"))?;
                fs::File::open(dir)?.sync_all()?;
                Ok(rows)
            }
            Err(error) => {
                let _ = fs::remove_dir_all(partial);
                Err(error)
            }
        }
    }
}

fn unpack(store: &Path, from: impl Read) -> io::Result<u64> {
    let engine = |error: fjall::Error| io::Error::other(error.to_string());
    let mut copy = Unpacker::new(from)?;
    let db = Database::builder(store).open().map_err(engine)?;
    let (mut batch, mut rows) = (db.batch(), 0);
    let mut into: Option<(String, Keyspace)> = None;
    while let Some((name, key, value)) = copy.next()? {
        let keyspace = match &into {
            Some((open, keyspace)) if *open == name => keyspace.clone(),
            _ => {
                let keyspace = match segment::segment_of(&name) {
                    Some(first) => segment::segment_keyspace(&db, first),
                    None => db.keyspace(&name, KeyspaceCreateOptions::default),
                };
                let keyspace = keyspace.map_err(engine)?;
                into = Some((name, keyspace.clone()));
                keyspace
            }
        };
        batch.insert(&keyspace, key, value);
        rows += 1;
        if batch.len() >= BATCH {
            std::mem::replace(&mut batch, db.batch()).commit().map_err(engine)?;
        }
    }
    batch.commit().map_err(engine)?;
    db.persist(PersistMode::SyncAll).map_err(engine)?;
    Ok(rows)
}
