use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::client::{brief, id};
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::recorder::whole_log;

fn tagcast(arguments: &[&str], path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tagcast")).args(arguments).arg(path).output().expect("it runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn briefs(log: &[Value]) -> Vec<String> {
    log.iter().map(brief).collect()
}

/// A copy is taken while events pour in; opened, it has a beginning of the log, a new epoch, and knows repeats.
#[test]
fn a_backup_is_consistent_and_begins_a_new_epoch() {
    let gateway = Gateway::with_settings("[log]\nsegment = \"16KiB\"\nmax_size = \"128MiB\"\n");
    for n in 0..50 {
        gateway.notify(new_image(n));
    }
    let place = tempfile::tempdir().expect("a directory");
    let copy = place.path().join("copy");
    std::thread::scope(|scope| {
        scope.spawn(|| (50..150).for_each(|n| assert_eq!(gateway.notify(new_image(n)).status, 200)));
        let done = tagcast(&["backup", "--url", &gateway.url()], &copy);
        assert!(done.status.success(), "{}", text(&done));
    });
    let original = whole_log(&gateway);
    let restored = Gateway::within("", Some(&copy), &[]);
    let events = whole_log(&restored);
    assert!(events.len() >= 100 && events.len().is_multiple_of(2), "{}", events.len());
    assert_eq!(briefs(&events), briefs(&original)[..events.len()], "one moment of it");
    let position = restored.get("/v1/server").json()["position"].as_str().expect("a position").to_owned();
    assert!(position[..10] != id(&original[0])[..10], "a new epoch");
    let repeat = restored.notify(new_image(7)).json();
    assert_eq!((&repeat["duplicates"], &repeat["accepted"]), (&1.into(), &0.into()));
    // What is in the copy has the names that it had.
    let mut same = restored.connect(&format!("?filter=true&batch_size=5000&after={}", id(&original[9])));
    assert_eq!(id(&same.batch()[0]), id(&original[10]));
    // Who resumes from behind it is told that this is another life.
    let last = id(original.last().expect("events"));
    let mut client = restored.connect(&format!("?filter=true&after={last}"));
    assert_eq!(client.wait_for("gap")["gap"]["reason"], "epoch_changed");
    // A second copy into the same place is refused, and changes nothing.
    let again = tagcast(&["backup", "--url", &gateway.url()], &copy);
    assert!(!again.status.success() && text(&again).contains("not empty"), "{}", text(&again));
}

#[test]
fn verify_reads_all_and_changes_nothing() {
    let mut gateway = Gateway::with_settings("[log]\nsegment = \"16KiB\"\nmax_size = \"128MiB\"\n");
    for n in 0..100 {
        gateway.notify(new_image(n));
    }
    let data = gateway.data_dir();
    let in_use = tagcast(&["verify", "--data-dir"], &data);
    assert_eq!(in_use.status.code(), Some(74), "{}", text(&in_use));
    gateway.kill();
    let before = contents(&data);
    let whole = tagcast(&["verify", "--data-dir"], &data);
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole));
    assert!(text(&whole).contains("events 1 to 200: 200 are as they were written"), "{}", text(&whole));
    assert!(contents(&data) == before, "nothing is changed");
    assert_eq!(
        fs::read_dir(data.parent().expect("a parent")).expect("a directory").count(),
        2,
        "nothing is left"
    );
    // One byte of each table but the engine's own: the newest may have been under way when it was killed.
    let is_ours = |file: &String| file.ends_with("tables/0") && !file.contains("keyspaces/0/");
    for table in files(&data).into_iter().filter(is_ours) {
        let path = data.join(table);
        let mut bytes = fs::read(&path).expect("a file");
        bytes[40] ^= 1;
        fs::write(&path, bytes).expect("it is written");
    }
    let damaged = tagcast(&["verify", "--data-dir"], &data);
    assert_eq!(damaged.status.code(), Some(1), "{}", text(&damaged));
    assert!(text(&damaged).contains("DAMAGED"), "{}", text(&damaged));
}

#[test]
fn files_are_their_owners_alone() {
    let gateway = Gateway::start();
    gateway.notify(new_image(1));
    let data = gateway.data_dir();
    let mut seen = 0;
    for file in files(&data) {
        // What is written under another name first is gone again soon.
        let Ok(found) = fs::metadata(data.join(&file)) else { continue };
        let mode = found.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{file}: {mode:o}");
        seen += 1;
    }
    assert!(seen > 5, "only {seen} files");
    assert_eq!(fs::metadata(&data).expect("it is there").permissions().mode() & 0o777, 0o700);
}

fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|inside| format!("{name}/{inside}")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    files(dir).into_iter().map(|file| (file.clone(), fs::read(dir.join(file)).expect("a file"))).collect()
}
