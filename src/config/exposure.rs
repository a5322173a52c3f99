use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// Read by those who are neither the owner nor of the file's group.
const OTHERS: u32 = 0o004;

/// Files of which it was said; settings are read several times.
static TOLD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Says once of a file with secrets that everyone on this machine may read it.
pub(super) fn warn_of(file: &Path) {
    let is_exposed = std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & OTHERS != 0);
    if is_exposed && TOLD.lock().insert(file.to_owned()) {
        let file = file.display();
        tracing::warn!(%file, "everyone on this machine may read a file with secrets: chmod o-r");
    }
}
