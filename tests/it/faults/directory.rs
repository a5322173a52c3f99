use std::path::Path;
use std::process::{Command, Output};

use crate::support::fault::SmallDisk;

fn serve(data: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tagcast"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .output()
        .expect("it runs")
}

fn refused(data: &Path) {
    let output = serve(data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert!(said.contains(&*data.to_string_lossy()), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_directory_that_can_not_be_used_is_named() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("file"), "").expect("it is written");
    refused(&place.path().join("file"));
    refused(&place.path().join("file/below"));
}

#[test]
fn a_disk_that_can_only_be_read_is_named() {
    let disk = SmallDisk::mount(16);
    disk.set_read_only();
    refused(&disk.path().join("data"));
}
