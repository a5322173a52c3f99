use super::definition::SealError;
use super::row_writer::RowWriterGone;
use crate::limits::Busy;
use crate::log::ReadError;
use crate::trigger::DefinitionError;

/// Why something can't be done with a trigger.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TriggerError {
    #[error("there is no such trigger")]
    NotFound,
    #[error("there is no such dead letter")]
    NoLetter,
    /// Nothing can be stored now.
    #[error("no room on the disk")]
    NoRoom,
    #[error("it stands in the settings file: change it there")]
    InSettings,
    /// It is in the wrong state for that.
    #[error("{0}")]
    Conflict(&'static str),
    #[error(transparent)]
    Invalid(#[from] DefinitionError),
    /// Several clouds have one of that name.
    #[error("say which: cloud_id is one of {}", .0.join(", "))]
    SeveralClouds(Vec<String>),
    /// Its cloud has as many as it may.
    #[error("this cloud has {0} triggers already")]
    TooMany(usize),
    /// As much is worked on for its cloud as may be.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// One of several admins has made as many as it may.
    #[error("you have made {0} triggers of this cloud already, half of what it may have")]
    TooManyOfOne(usize),
    #[error("storage failed: {0}")]
    Storage(#[from] StorageError),
}

impl From<ReadError> for TriggerError {
    fn from(error: ReadError) -> Self {
        Self::Storage(error.into())
    }
}

/// Why what triggers keep can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] RowWriterGone),
    #[error(transparent)]
    Seal(#[from] SealError),
}
