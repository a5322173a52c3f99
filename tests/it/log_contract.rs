//! One suite, run on every home of the log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tagcast::parts::event::{AttributesBuilder, EventType, Field, Offset};
use tagcast::parts::log::{
    AppendError, Change, Commit, DiskLog, DiskOptions, EventLog, Gap, GapReason, Home, Max, MemoryLog,
    OnDamage, OpenError, Read, Record, Room, SpaceLimits, Table, Tables as _, Upkeep as _, offset_before,
};

const ONE: Table = Table::named("one");
const OTHER: Table = Table::named("an-other");
const NOBODYS: Table = Table::named("nobody's");
const TABLES: [Table; 2] = [ONE, OTHER];

fn record(offset: Offset) -> Arc<Record> {
    let tag = format!("v{offset}");
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    builder.set(Field::Tag, &tag);
    let message = format!("{{\"n\":{offset},\"pad\":\"{}\"}}", "x".repeat(200)).into();
    let accepted_at = i64::try_from(offset * 10).expect("small");
    Arc::new(Record { offset, accepted_at, attributes: builder.build(), message })
}

fn commit(offsets: std::ops::RangeInclusive<Offset>) -> Commit {
    Commit { records: offsets.map(record).collect(), changes: Vec::new() }
}

fn offsets(read: Read) -> Vec<Offset> {
    match read {
        Read::Records(records) => records.iter().map(|r| r.offset).collect(),
        Read::Gap(gap) => panic!("{gap:?}"),
    }
}

fn options(dir: &Path) -> DiskOptions {
    DiskOptions {
        dir: dir.to_owned(),
        memory: 4_000,
        segment_bytes: 2_000,
        max_age: Duration::from_hours(1),
        max_bytes: 1 << 30,
        new_epoch: 7,
        space: SpaceLimits::NONE,
        on_damage: OnDamage::Isolate,
        tables_open: DiskOptions::TABLES_OPEN,
    }
}

fn disk(dir: &Path) -> DiskLog {
    DiskLog::open(options(dir), &TABLES).expect("opens")
}

fn on_each(test: impl Fn(&dyn Home)) {
    test(&MemoryLog::new(7, 1 << 20, &TABLES));
    let dir = tempfile::tempdir().expect("a directory");
    test(&disk(dir.path()));
}

const ALL: Max = Max { records: 1_000, bytes: 1 << 20 };

#[test]
fn an_empty_log_has_nothing_and_says_so() {
    on_each(|log| {
        let bounds = log.bounds();
        assert_eq!((bounds.epoch, bounds.oldest, bounds.newest), (7, 1, 0));
        assert!(offsets(log.read(0, ALL).expect("reads")).is_empty());
        assert_eq!(offset_before(log, 1_000).expect("reads"), 0);
    });
}

#[test]
fn what_is_appended_is_read_from_any_position() {
    on_each(|log| {
        let tail = log.tail();
        log.append(commit(1..=3)).expect("appends");
        let position = log.append(commit(4..=60)).expect("appends");
        assert_eq!((position.epoch, position.offset), (7, 60));
        assert_eq!(*tail.borrow(), 60);
        for after in [0, 1, 3, 30, 59, 60, 99] {
            let found = offsets(log.read(after, ALL).expect("reads"));
            assert_eq!(found, (after + 1..=60).collect::<Vec<_>>());
        }
        let Read::Records(found) = log.read(41, Max { records: 1, bytes: 0 }).expect("reads") else {
            panic!()
        };
        assert_eq!(found[0], record(42));
    });
}

#[test]
fn a_read_is_bounded_and_always_moves_on() {
    on_each(|log| {
        log.append(commit(1..=60)).expect("appends");
        assert_eq!(offsets(log.read(0, Max { records: 2, bytes: 1 << 20 }).expect("reads")), [1, 2]);
        assert_eq!(offsets(log.read(0, Max { records: 99, bytes: 1 }).expect("reads")), [1]);
        assert_eq!(offsets(log.read(57, Max { records: 99, bytes: 1_000 }).expect("reads")), [58, 59, 60]);
    });
}

#[test]
fn offsets_must_follow() {
    on_each(|log| {
        log.append(commit(1..=2)).expect("appends");
        assert!(log.append(commit(4..=5)).is_err());
        assert_eq!(log.bounds().newest, 2);
    });
}

#[test]
fn memory_has_the_newest_without_a_read() {
    on_each(|log| {
        log.append(commit(1..=60)).expect("appends");
        let recent = log.recent(58, ALL).expect("the newest are in memory");
        assert_eq!(recent.iter().map(|r| r.offset).collect::<Vec<_>>(), [59, 60]);
        assert_eq!(log.recent(60, ALL).expect("the end is known"), []);
        let one = log.recent(58, Max { records: 9, bytes: 0 }).expect("the newest are in memory");
        assert_eq!(one.len(), 1, "one comes, however large");
    });
}

#[test]
fn tables_change_with_the_commit() {
    on_each(|log| {
        let changes = vec![
            (ONE, Change::put("a", "1")),
            (ONE, Change::put("b", "2")),
            (OTHER, Change::put("a", "3")),
            (ONE, Change::remove("a")),
        ];
        log.append(Commit { records: vec![record(1)], changes }).expect("appends");
        assert_eq!(log.table(ONE).expect("reads"), [(b"b".to_vec(), b"2".to_vec())]);
        assert_eq!(log.table(OTHER).expect("reads"), [(b"a".to_vec(), b"3".to_vec())]);
    });
}

#[test]
fn a_commit_that_fails_changes_no_table() {
    on_each(|log| {
        let changes = vec![(ONE, Change::put("a", "1"))];
        assert!(log.append(Commit { records: vec![record(2)], changes }).is_err());
        assert!(log.table(ONE).expect("reads").is_empty());
        assert_eq!(log.bounds().newest, 0);
    });
}

#[test]
fn tables_are_written_without_an_event() {
    on_each(|log| {
        log.append(commit(1..=2)).expect("appends");
        let tail = log.tail();
        let rows = ["a", "b", "c", "d"].map(|key| (ONE, Change::put(key, key)));
        log.write(rows.to_vec()).expect("writes");
        log.write(vec![(ONE, Change::remove("c")), (ONE, Change::put("b", "2"))]).expect("writes");
        assert_eq!(log.row(ONE, b"b").expect("reads"), Some(b"2".to_vec()));
        assert_eq!(log.row(ONE, b"c").expect("reads"), None);
        let rows = |after: &[u8], limit| {
            let rows = log.rows(ONE, after, limit).expect("reads");
            rows.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(rows(b"", 9), ["a", "b", "d"]);
        assert_eq!(rows(b"a", 1), ["b"]);
        assert_eq!(rows(b"c", 9), ["d"]);
        assert!(rows(b"d", 9).is_empty() && rows(b"", 0).is_empty());
        assert!(log.table(OTHER).expect("reads").is_empty());
        assert_eq!((log.bounds().newest, *tail.borrow()), (2, 2));
    });
}

#[test]
fn a_table_that_nobody_named_is_refused() {
    on_each(|log| {
        assert!(log.row(NOBODYS, b"a").is_err());
        assert!(log.rows(NOBODYS, b"", 9).is_err());
        assert!(log.table(NOBODYS).is_err());
        let changes = vec![(ONE, Change::put("a", "1")), (NOBODYS, Change::put("a", "1"))];
        assert!(matches!(log.write(changes), Err(AppendError::Failed(_))));
        assert!(log.table(ONE).expect("reads").is_empty(), "all of it or nothing");
    });
}

#[test]
fn a_new_log_is_in_order() {
    on_each(|log| {
        log.append(commit(1..=60)).expect("appends");
        log.maintain(0).expect("keeps up");
        assert_eq!((log.room(), log.former(7), log.former(6)), (Room::Enough, None, None));
        assert!(!log.condition().is_degraded());
        log.acknowledge().expect("there is nothing to know");
        assert_eq!((log.bounds().oldest, log.bounds().newest), (1, 60), "upkeep takes what is old alone");
    });
}

#[test]
fn a_time_finds_its_place() {
    on_each(|log| {
        log.append(commit(1..=60)).expect("appends");
        for (time, before) in [(0, 0), (10, 0), (11, 1), (300, 29), (600, 59), (601, 60), (9_999, 60)] {
            assert_eq!(offset_before(log, time).expect("reads"), before, "{time}");
        }
    });
}

#[test]
fn memory_keeps_the_newest_and_tells_what_went() {
    let log = MemoryLog::new(7, 4_000, &[]);
    log.append(commit(1..=60)).expect("appends");
    let oldest = log.bounds().oldest;
    assert!((2..=60).contains(&oldest));
    let Read::Gap(gap) = log.read(0, ALL).expect("reads") else { panic!("no gap") };
    assert_eq!(gap, Gap { from: 1, to: oldest - 1, reason: GapReason::Retention });
    assert_eq!(offsets(log.read(gap.to, ALL).expect("reads")).first(), Some(&oldest));
}

#[test]
fn the_disk_has_everything_after_a_new_start() {
    let dir = tempfile::tempdir().expect("a directory");
    {
        let log = disk(dir.path());
        log.append(commit(1..=60)).expect("appends");
        log.write(vec![(ONE, Change::put("k", "v"))]).expect("writes");
        log.maintain(0).expect("keeps");
    }
    let log = disk(dir.path());
    assert_eq!((log.bounds().epoch, log.bounds().oldest, log.bounds().newest), (7, 1, 60));
    assert_eq!(offsets(log.read(0, ALL).expect("reads")), (1..=60).collect::<Vec<_>>());
    assert_eq!(log.table(ONE).expect("reads").len(), 1);
    log.append(commit(61..=61)).expect("goes on");
}

#[test]
fn retention_drops_whole_segments_and_tells_the_range() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = disk(dir.path());
    for offset in 1..=60 {
        log.append(commit(offset..=offset)).expect("appends");
    }
    log.maintain(3_600_000 + 300).expect("keeps");
    let oldest = log.bounds().oldest;
    assert!((2..=31).contains(&oldest), "{oldest}");
    let Read::Gap(gap) = log.read(0, ALL).expect("reads") else { panic!("no gap") };
    assert_eq!(gap, Gap { from: 1, to: oldest - 1, reason: GapReason::Retention });
    assert_eq!(offsets(log.read(gap.to, ALL).expect("reads")), (oldest..=60).collect::<Vec<_>>());
    drop(log);
    assert_eq!(disk(dir.path()).bounds().oldest, oldest, "a new start forgets nothing and revives nothing");
}

/// A log of twenty events whose store is gone, and whose high-water mark is not.
fn without_its_store(directory: &Path) -> DiskLog {
    let log = disk(directory);
    log.append(commit(1..=20)).expect("appends");
    log.maintain(0).expect("keeps");
    drop(log);
    std::fs::remove_dir_all(directory.join("store")).expect("removed");
    DiskLog::open(DiskOptions { new_epoch: 8, ..options(directory) }, &[]).expect("opens")
}

#[test]
fn lost_events_are_noticed_by_the_high_water_mark() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = without_its_store(dir.path());
    assert_eq!((log.bounds().epoch, log.bounds().newest), (8, 20), "no offset is used for two events");
    let Read::Gap(gap) = log.read(0, ALL).expect("reads") else { panic!("no gap") };
    assert_eq!(gap, Gap { from: 1, to: 20, reason: GapReason::Damaged });
    log.append(commit(21..=21)).expect("goes on");
    assert_eq!(offsets(log.read(20, ALL).expect("reads")), [21]);
}

#[test]
fn a_copy_is_the_same_log_in_a_new_life() {
    let (dir, copy) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let log = disk(dir.path());
    log.append(commit(1..=20)).expect("appends");
    log.write(vec![(ONE, Change::put("k", "v"))]).expect("writes");
    let mut packed = Vec::new();
    let mut sink = |chunk: Vec<u8>| {
        packed.extend(chunk);
        true
    };
    log.export(&mut sink).expect("is copied");
    DiskLog::restore(copy.path(), &*packed).expect("is unpacked");
    let log = DiskLog::open(DiskOptions { new_epoch: 8, ..options(copy.path()) }, &TABLES).expect("opens");
    assert_eq!((log.bounds().epoch, log.bounds().newest), (8, 20));
    assert_eq!(log.former(7), Some(20), "ids of the old life go on to name their events");
    assert_eq!(offsets(log.read(0, ALL).expect("reads")), (1..=20).collect::<Vec<_>>());
    assert_eq!(log.row(ONE, b"k").expect("reads"), Some(b"v".to_vec()));
    let error = MemoryLog::new(7, 4_000, &[]).export(&mut |_| true).expect_err("memory can't be copied");
    assert!(error.to_string().contains("can't be copied"));
}

#[test]
fn what_an_operator_knows_of_is_no_concern() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = without_its_store(dir.path());
    let condition = log.condition();
    assert_eq!((condition.truncated, condition.damaged.len()), (Some(20), 1));
    log.acknowledge().expect("is noted");
    assert!(!log.condition().is_degraded());
    drop(log);
    assert!(!disk(dir.path()).condition().is_degraded(), "it is noted for good");
}

#[test]
fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let _log = disk(dir.path());
    assert!(matches!(DiskLog::open(options(dir.path()), &[]), Err(OpenError::InUse(_))));
}
