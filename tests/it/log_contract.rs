//! One suite, run on every home of the log.

use std::sync::Arc;
use std::time::Duration;

use tagcast::parts::event::{AttributesBuilder, EventType, Field, Offset};
use tagcast::parts::log::{
    Change, Commit, DiskLog, DiskOptions, EventLog, Gap, GapReason, Max, MemoryLog, OnDamage, OpenError,
    Read, Record, SpaceLimits, Table, offset_before,
};

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

fn options(dir: &std::path::Path) -> DiskOptions {
    DiskOptions {
        dir: dir.to_owned(),
        memory: 4_000,
        segment_bytes: 2_000,
        max_age: Duration::from_hours(1),
        max_bytes: 1 << 30,
        new_epoch: 7,
        space: SpaceLimits::NONE,
        on_damage: OnDamage::Isolate,
    }
}

fn disk(dir: &std::path::Path) -> DiskLog {
    DiskLog::open(options(dir)).expect("opens")
}

fn on_each(test: impl Fn(&dyn EventLog)) {
    test(&MemoryLog::new(7, 1 << 20));
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
fn tables_change_with_the_commit() {
    on_each(|log| {
        let change =
            |key: &[u8], value: Option<&[u8]>| Change { key: key.into(), value: value.map(Into::into) };
        let changes = vec![
            (Table::Catalog, change(b"a", Some(b"1"))),
            (Table::Catalog, change(b"b", Some(b"2"))),
            (Table::Repeats, change(b"a", Some(b"3"))),
            (Table::Catalog, change(b"a", None)),
        ];
        log.append(Commit { records: vec![record(1)], changes }).expect("appends");
        assert_eq!(log.table(Table::Catalog).expect("reads"), [(b"b".to_vec(), b"2".to_vec())]);
        assert_eq!(log.table(Table::Repeats).expect("reads"), [(b"a".to_vec(), b"3".to_vec())]);
        assert!(log.table(Table::Quarantine).expect("reads").is_empty());
        assert_eq!(log.row(Table::Catalog, b"b").expect("reads"), Some(b"2".to_vec()));
        assert_eq!(log.row(Table::Catalog, b"a").expect("reads"), None);
        assert!(log.rows(Table::Catalog, b"b", 9).expect("reads").is_empty());
        assert_eq!(log.rows(Table::Catalog, b"a", 9).expect("reads"), [(b"b".to_vec(), b"2".to_vec())]);
        assert!(log.rows(Table::Catalog, b"", 0).expect("reads").is_empty());
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
    let log = MemoryLog::new(7, 4_000);
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
    let change = Change { key: b"k".to_vec(), value: Some(b"v".to_vec()) };
    {
        let log = disk(dir.path());
        log.append(commit(1..=60)).expect("appends");
        log.append(Commit { records: vec![], changes: vec![(Table::Catalog, change)] }).expect("appends");
        log.maintain(0).expect("keeps");
    }
    let log = disk(dir.path());
    assert_eq!((log.bounds().epoch, log.bounds().oldest, log.bounds().newest), (7, 1, 60));
    assert_eq!(offsets(log.read(0, ALL).expect("reads")), (1..=60).collect::<Vec<_>>());
    assert_eq!(log.table(Table::Catalog).expect("reads").len(), 1);
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

#[test]
fn lost_events_are_noticed_by_the_high_water_mark() {
    let dir = tempfile::tempdir().expect("a directory");
    {
        let log = disk(dir.path());
        log.append(commit(1..=20)).expect("appends");
        log.maintain(0).expect("keeps");
    }
    std::fs::remove_dir_all(dir.path().join("store")).expect("removed");
    let log = DiskLog::open(DiskOptions { new_epoch: 8, ..options(dir.path()) }).expect("opens");
    assert_eq!((log.bounds().epoch, log.bounds().newest), (8, 20), "no offset is used for two events");
    let Read::Gap(gap) = log.read(0, ALL).expect("reads") else { panic!("no gap") };
    assert_eq!(gap, Gap { from: 1, to: 20, reason: GapReason::Damaged });
    log.append(commit(21..=21)).expect("goes on");
    assert_eq!(offsets(log.read(20, ALL).expect("reads")), [21]);
}

#[test]
fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let _log = disk(dir.path());
    assert!(matches!(DiskLog::open(options(dir.path())), Err(OpenError::InUse(_))));
}
