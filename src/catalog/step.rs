use super::digest::Digest;
use super::mark::{Mark, Note};
use super::repository::{Chart, Repository};
use super::stamp::Stamp;
use super::tag_graph::Pointer;

/// One change of a catalog's state. What takes it back is a step too.
///
/// Numbers may be given out again while steps wait for their commit. Read backwards they fit; and whoever only asks
/// which tags and images were touched finds them in the step that takes a change back, or at its number.
#[derive(Debug)]
pub(super) enum Step {
    /// A repository comes, at the next free number.
    Open {
        repository: u32,
        held: Box<Repository>,
    },
    /// An empty repository goes.
    Close {
        repository: u32,
    },
    /// A repository made an event at a time of our clock.
    Stir {
        repository: u32,
        changed: i64,
    },
    AddTag {
        repository: u32,
        name: Box<str>,
        shown: Pointer,
    },
    ChangeTag {
        repository: u32,
        tag: u32,
        shown: Pointer,
    },
    RemoveTag {
        repository: u32,
        tag: u32,
    },
    AddImage {
        repository: u32,
        digest: Digest,
        at: Stamp,
    },
    ChangeImage {
        repository: u32,
        image: u32,
        at: Stamp,
    },
    /// An image goes that has no tags any more.
    RemoveImage {
        repository: u32,
        image: u32,
    },
    SetChart {
        repository: u32,
        version: Box<str>,
        chart: Option<Chart>,
    },
    SetMark {
        repository: u32,
        mark: Mark,
        note: Option<Note>,
    },
}

impl Step {
    pub(super) fn repository(&self) -> u32 {
        match self {
            Self::Open { repository, .. }
            | Self::Close { repository }
            | Self::Stir { repository, .. }
            | Self::AddTag { repository, .. }
            | Self::ChangeTag { repository, .. }
            | Self::RemoveTag { repository, .. }
            | Self::AddImage { repository, .. }
            | Self::ChangeImage { repository, .. }
            | Self::RemoveImage { repository, .. }
            | Self::SetChart { repository, .. }
            | Self::SetMark { repository, .. } => *repository,
        }
    }
}
