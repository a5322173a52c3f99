//! What the log on disk does alone, without HTTP, sources, catalog and readers: events made durable a second by one
//! writer and by many, bytes that each costs the disk, and how long retention takes over half of a full log.
//!
//! `cargo bench --bench storage`; it writes about 4 GB, where `TMPDIR` says.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};
use std::{fs, iter, thread};

use tagcast::parts::event::{AttributesBuilder, EventType, Field, Offset};
use tagcast::parts::log::{
    Commit, DiskLog, DiskOptions, EventLog, OnDamage, Record, SpaceLimits, Upkeep as _,
};

/// The gateway's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const TIME: Duration = Duration::from_secs(10);
const FULL: Offset = 1_000_000;
/// Events in a commit while the log is filled.
const AT_ONCE: Offset = 1_000;
/// Of a message, as those of pushes have about.
const MESSAGE: usize = 500;

fn main() {
    for writers in [1, 64] {
        let dir = tempfile::tempdir().expect("a folder");
        durable(dir.path(), writers);
    }
    let dir = tempfile::tempdir().expect("a folder");
    retention(dir.path());
}

/// With the defaults of the settings, but for the age: an event's time is its offset in milliseconds, and half of a
/// full log is too old.
fn open(dir: &Path) -> DiskLog {
    let options = DiskOptions {
        dir: dir.to_owned(),
        memory: 64 << 20,
        segment_bytes: 64 << 20,
        max_age: Duration::from_millis(FULL / 2),
        max_bytes: 10 << 30,
        new_epoch: 1,
        space: SpaceLimits::NONE,
        on_damage: OnDamage::Isolate,
        tables_open: DiskOptions::TABLES_OPEN,
    };
    DiskLog::open(options, &[]).expect("it opens")
}

fn record(offset: Offset) -> Arc<Record> {
    let tag = format!("v{offset}");
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    builder.set(Field::Repository, "team/application");
    builder.set(Field::Tag, &tag);
    // Hashes and times make half of a message, and do not compress.
    let mut noise = offset;
    let mut hex = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{noise:016x}")
    };
    let mut message = iter::repeat_with(&mut hex).take(MESSAGE / 32).collect::<String>();
    message.extend(iter::repeat_n("\"image\":", MESSAGE / 16));
    let accepted_at = i64::try_from(offset).expect("small");
    Arc::new(Record { offset, accepted_at, attributes: builder.build(), message: message.into() })
}

fn append(log: &DiskLog, count: Offset) {
    let first = log.bounds().newest + 1;
    let records = (first..first + count).map(record).collect();
    log.append(Commit { records, changes: Vec::new() }).expect("it is written");
}

/// Each writer sends its next event when the last one is durable; whatever waits becomes one commit, as in the gateway.
fn durable(dir: &Path, writers: usize) {
    let log = open(dir);
    let running = AtomicBool::new(true);
    let (queue, inbox) = channel::<SyncSender<()>>();
    let (begun, before) = (Instant::now(), written());
    thread::scope(|scope| {
        for _ in 0..writers {
            let (queue, running) = (queue.clone(), &running);
            scope.spawn(move || {
                let (done, durable) = sync_channel(1);
                while running.load(Ordering::Relaxed) && queue.send(done.clone()).is_ok() {
                    durable.recv().expect("an answer");
                }
            });
        }
        drop(queue);
        while let Ok(first) = inbox.recv() {
            let group: Vec<_> = iter::once(first).chain(inbox.try_iter()).collect();
            append(&log, group.len() as u64);
            for done in group {
                done.send(()).expect("somebody waits");
            }
            running.store(begun.elapsed() < TIME, Ordering::Relaxed);
        }
    });
    let (took, events) = (begun.elapsed(), log.bounds().newest);
    drop(log);
    println!(
        "{writers:>2} writers: {} events/s durable, {} bytes written for each",
        u128::from(events) * 1_000 / took.as_millis(),
        (written() - before) / events
    );
}

fn retention(dir: &Path) {
    let log = open(dir);
    for _ in 0..FULL / AT_ONCE {
        append(&log, AT_ONCE);
    }
    let (begun, before) = (Instant::now(), written());
    log.maintain(i64::try_from(FULL).expect("small")).expect("it is kept");
    let (took, after) = (begun.elapsed(), written());
    println!(
        "retention: {} of {FULL} events removed in {} ms, {} bytes written",
        log.bounds().oldest - 1,
        took.as_millis(),
        after - before
    );
}

/// Bytes that this process has sent to the disk.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").expect("what the system counts");
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).expect("a number")
}
