use super::at::At;
use super::digest::Digest;
use super::mark::{Mark, Note};
use super::repository::{Chart, Repository};
use super::table::Shown;

/// One change of state since the last commit, with what it takes to undo it.
///
/// Numbers may be given out again while a journal runs. Read backwards they fit; and whoever only
/// asks which tags and images were touched finds them here or at their number.
#[derive(Debug)]
pub(super) enum Step {
    /// A repository came.
    Opened {
        repository: u32,
    },
    /// An empty repository went.
    Closed {
        repository: u32,
        was: Box<Repository>,
    },
    /// A repository made an event.
    Stirred {
        repository: u32,
        was: i64,
    },
    TagAdded {
        repository: u32,
        tag: u32,
    },
    TagChanged {
        repository: u32,
        tag: u32,
        was: Shown,
    },
    TagRemoved {
        repository: u32,
        name: Box<str>,
        was: Shown,
    },
    ImageAdded {
        repository: u32,
        image: u32,
    },
    ImageChanged {
        repository: u32,
        image: u32,
        was: At,
    },
    ImageRemoved {
        repository: u32,
        digest: Digest,
        was: At,
    },
    Chart {
        repository: u32,
        version: Box<str>,
        was: Option<Chart>,
    },
    Mark {
        repository: u32,
        mark: Mark,
        was: Option<Note>,
    },
}
