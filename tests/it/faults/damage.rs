use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tagcast::parts::event::{AttributesBuilder, EventType, Field, Offset};
use tagcast::parts::log::{
    Change, Commit, DiskLog, DiskOptions, EventLog, GapReason, Max, OnDamage, OpenError, Read, Record,
    SpaceLimits, Table, Tables as _, Upkeep as _,
};

/// As many as the gateway's, so that the store looks like one of its own.
const TABLES: [Table; 9] = [
    Table::named("catalog"),
    Table::named("repeats"),
    Table::named("quarantine"),
    Table::named("bodies"),
    Table::named("sources"),
    Table::named("triggers"),
    Table::named("deliveries"),
    Table::named("dead-letters"),
    Table::named("attempts"),
];
const CATALOG: Table = TABLES[0];
const EVENTS: Offset = 120;
const EPOCH: u32 = 7;
const NEW_EPOCH: u32 = 8;

fn record(offset: Offset) -> Arc<Record> {
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    let tag = format!("v{offset}");
    builder.set(Field::Tag, &tag);
    let message = format!("{{\"n\":{offset},\"pad\":\"{}\"}}", "x".repeat(300)).into();
    let accepted_at = i64::try_from(offset).expect("small");
    Arc::new(Record { offset, accepted_at, attributes: builder.build(), message })
}

fn options(dir: &Path, new_epoch: u32, on_damage: OnDamage) -> DiskOptions {
    DiskOptions {
        dir: dir.to_owned(),
        memory: 0,
        segment_bytes: 16_000,
        max_age: Duration::from_hours(1),
        max_bytes: 1 << 30,
        new_epoch,
        space: SpaceLimits::NONE,
        on_damage,
        tables_open: DiskOptions::TABLES_OPEN,
    }
}

/// A log with sealed segments, an active one, and rows in its tables.
fn written(dir: &Path) {
    let log = DiskLog::open(options(dir, EPOCH, OnDamage::Isolate), &TABLES).expect("opens");
    for offset in 1..=EVENTS {
        let change = Change { key: offset.to_be_bytes().to_vec(), value: Some(vec![1; 20]) };
        let commit = Commit { records: vec![record(offset)], changes: vec![(CATALOG, change)] };
        log.append(commit).expect("appends");
    }
    log.maintain(0).expect("keeps");
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() { files(&entry, found) } else { found.push(entry) }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            let _ = fs::copy(entry.path(), to).expect("it is copied");
        }
    }
}

/// What a reader of the whole log gets, and whether anything of it is wrong: an event is what was written, or
/// lies in a gap that is told, or the epoch is a new one, which every reader is told of.
fn judge(log: &dyn EventLog) -> Result<BTreeMap<Offset, bool>, String> {
    let bounds = log.bounds();
    if bounds.newest < EVENTS && bounds.epoch == EPOCH {
        return Err(format!("fewer events in silence: {bounds:?}"));
    }
    let (mut told, mut after) = (BTreeMap::new(), bounds.oldest - 1);
    while after < bounds.newest {
        match log.read(after, Max::PAGE).map_err(|error| error.to_string())? {
            Read::Records(records) if records.is_empty() => return Err(format!("nothing behind {after}")),
            Read::Records(records) => {
                for found in records {
                    if found.offset != after + 1 || found != record(found.offset) {
                        return Err(format!("{} is not what was written: {found:?}", after + 1));
                    }
                    after = found.offset;
                    told.insert(after, true);
                }
            }
            Read::Gap(gap) if gap.from == after + 1 && gap.reason == GapReason::Damaged => {
                told.extend((gap.from..=gap.to).map(|offset| (offset, false)));
                after = gap.to;
            }
            Read::Gap(gap) => return Err(format!("a strange gap behind {after}: {gap:?}")),
        }
    }
    Ok(told)
}

/// Opens the log in `TAGCAST_SPOILT`, or a whole one, judges it, and says what it cost. The engine may take
/// the process with it over damaged bytes, so the tests below run this one in a process of its own.
#[test]
fn what_can_be_read_is_what_was_written() {
    let spoilt = std::env::var_os("TAGCAST_SPOILT").map(PathBuf::from);
    let own = tempfile::tempdir().expect("a directory");
    if spoilt.is_none() {
        written(own.path());
    }
    let dir = spoilt.as_deref().unwrap_or(own.path());
    let log = DiskLog::open(options(dir, NEW_EPOCH, OnDamage::Isolate), &TABLES).expect("it opens");
    let told = judge(&log).expect("it is as it should be");
    log.table(CATALOG).expect("a table");
    let next = log.bounds().newest + 1;
    log.append(Commit { records: vec![record(next)], changes: vec![] }).expect("it takes what comes");
    let lost = told.values().filter(|whole| !**whole).count();
    let (new, degraded) = (log.bounds().epoch == NEW_EPOCH, log.condition().is_degraded());
    assert!(degraded || (lost == 0 && !new), "it says that something is wrong");
    assert!(spoilt.is_some() || (lost == 0 && !new && !degraded), "a whole one has lost nothing");
    println!("\ncost: {lost} {new}");
}

/// Damages a copy in one place and opens it, as often as a supervisor would; whether that cost events.
fn after(original: &Path, spoil: impl FnOnce(&Path)) -> Result<bool, String> {
    let dir = tempfile::tempdir().expect("a directory");
    copy(original, dir.path());
    spoil(dir.path());
    let mut said = String::new();
    for _ in 0..3 {
        let child = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "faults::damage::what_can_be_read_is_what_was_written", "--nocapture"])
            .env("TAGCAST_SPOILT", dir.path())
            .output()
            .expect("it runs");
        let out = String::from_utf8_lossy(&child.stdout).into_owned();
        if let Some(cost) = out.lines().find_map(|line| line.strip_prefix("cost: ")) {
            return Ok(cost != "0 false");
        }
        said = String::from_utf8_lossy(&child.stderr).chars().take(600).collect();
        if child.status.code().is_some() {
            break;
        }
    }
    // A spoilt length can make the engine ask for more memory than there is, which no program of safe Rust
    // outlives: then it says so at every start, and everything is left where it was.
    let set_aside = fs::read_dir(dir.path()).expect("a directory").filter_map(Result::ok);
    let untouched = set_aside.into_iter().all(|e| !e.file_name().to_string_lossy().starts_with("damaged-"));
    if said.contains("memory allocation of") && untouched { Ok(true) } else { Err(said) }
}

/// Times that each file is spoilt: `TAGCAST_FLIPS=500 cargo test --test it faults::damage`.
fn times() -> usize {
    std::env::var("TAGCAST_FLIPS").ok().and_then(|times| times.parse().ok()).unwrap_or(3)
}

fn spoil_each(kind: &str, spoil: impl Fn(&mut Vec<u8>)) {
    let original = tempfile::tempdir().expect("a directory");
    written(original.path());
    let mut found = Vec::new();
    files(original.path(), &mut found);
    let (mut tried, mut noticed, mut wrong) = (0, 0, Vec::new());
    for file in &found {
        let inside = file.strip_prefix(original.path()).expect("inside");
        let whole = fs::read(file).expect("a file");
        for _ in 0..times() {
            let mut bytes = whole.clone();
            spoil(&mut bytes);
            if bytes == whole {
                continue;
            }
            tried += 1;
            let at = bytes.iter().zip(&whole).position(|(one, other)| one != other).unwrap_or(bytes.len());
            match after(original.path(), |copy| fs::write(copy.join(inside), &bytes).expect("it is written"))
            {
                Ok(cost) => noticed += usize::from(cost),
                Err(what) => wrong.push(format!("{} at {at}: {what}", inside.display())),
            }
        }
    }
    println!("{kind}: {tried} in {} files, {noticed} cost events", found.len());
    assert!(wrong.is_empty(), "{} of {tried} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(12)]);
    assert!(noticed > 0, "the damage reached something");
}

#[test]
fn a_flipped_bit_anywhere_is_harmless_or_told() {
    spoil_each("flips", |bytes| {
        // Journals are mostly holes, which nobody reads.
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if used > 0 {
            bytes[rand::random_range(0..used)] ^= 1 << rand::random_range(0..8);
        }
    });
}

#[test]
fn a_file_cut_off_anywhere_is_harmless_or_told() {
    spoil_each("cuts", |bytes| {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes.truncate(rand::random_range(0..=used));
    });
}

#[test]
fn a_missing_file_is_harmless_or_told() {
    let original = tempfile::tempdir().expect("a directory");
    written(original.path());
    let mut found = Vec::new();
    files(original.path(), &mut found);
    let wrong: Vec<_> = found
        .iter()
        .filter_map(|file| {
            let inside = file.strip_prefix(original.path()).expect("inside");
            let gone = |copy: &Path| fs::remove_file(copy.join(inside)).expect("it is removed");
            after(original.path(), gone).err().map(|what| format!("{}: {what}", inside.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The control: the judge sees an event with other bytes, and one that is not there.
#[test]
fn the_judge_sees_what_is_wrong() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = DiskLog::open(options(dir.path(), EPOCH, OnDamage::Isolate), &TABLES).expect("opens");
    let changed = |offset| Arc::new(Record { message: b"{}".as_slice().into(), ..(*record(offset)).clone() });
    log.append(Commit { records: (1..EVENTS).map(record).collect(), changes: vec![] }).expect("appends");
    assert!(judge(&log).is_err_and(|what| what.contains("in silence")));
    log.append(Commit { records: vec![changed(EVENTS)], changes: vec![] }).expect("appends");
    assert!(judge(&log).is_err_and(|what| what.contains("not what was written")));
}

#[test]
fn damage_may_be_refused_instead() {
    let dir = tempfile::tempdir().expect("a directory");
    written(dir.path());
    let tables = dir.path().join("store");
    let mut found = Vec::new();
    files(&tables, &mut found);
    let journal = found.iter().find(|file| file.extension().is_some_and(|e| e == "jnl")).expect("a journal");
    fs::remove_file(journal).expect("it is removed");
    let refused = DiskLog::open(options(dir.path(), NEW_EPOCH, OnDamage::Refuse), &TABLES);
    assert!(matches!(&refused, Err(OpenError::Damaged(_))), "{:?}", refused.err());
}

/// The number of a journal's first batch lies under no checksum.
#[test]
fn a_number_that_none_can_follow_is_told() {
    let original = tempfile::tempdir().expect("a directory");
    written(original.path());
    let result = after(original.path(), |copy| {
        let mut found = Vec::new();
        files(&copy.join("store"), &mut found);
        let mut journals = found.iter().filter(|file| file.extension().is_some_and(|e| e == "jnl"));
        let journal = journals.next().expect("a journal");
        let mut bytes = fs::read(journal).expect("a file");
        // A batch begins with 1, its number of items in 4 bytes, its own number in 8, lowest first.
        assert_eq!((bytes[0], bytes[12], journals.next()), (1, 0, None));
        bytes[12] = 0x80;
        fs::write(journal, bytes).expect("it is written");
    });
    assert_eq!(result, Ok(true));
}

/// The smallest file, of which every bit counts: some make it another version of the engine's.
#[test]
fn each_bit_of_the_version_is_harmless_or_told() {
    let original = tempfile::tempdir().expect("a directory");
    written(original.path());
    let whole = fs::read(original.path().join("store/version")).expect("a file");
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let result = after(original.path(), |copy| {
            fs::write(copy.join("store/version"), &bytes).expect("it is written");
        });
        assert!(result.is_ok(), "bit {bit}: {result:?}");
    }
}
