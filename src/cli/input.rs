//! A file that a command reads, or standard input.

use std::io::{self, Read as _};
use std::path::Path;

/// It can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {error}")]
pub(super) struct InputError {
    name: String,
    error: io::Error,
}

/// The whole of a file; of standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let read = if is_standard(path) {
        io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    read.map(|()| bytes).map_err(|error| InputError { name: name(path), error })
}

/// The same as text.
pub(super) fn read_text(path: &Path) -> Result<String, InputError> {
    let no_text = |_| InputError { name: name(path), error: io::Error::from(io::ErrorKind::InvalidData) };
    String::from_utf8(read(path)?).map_err(no_text)
}

/// What a message calls it.
pub(super) fn name(path: &Path) -> String {
    if is_standard(path) { "standard input".into() } else { path.display().to_string() }
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}
