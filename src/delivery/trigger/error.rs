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
    #[error("it stands in the settings file: change it there")]
    InSettings,
    /// It is in the wrong state for that.
    #[error("{0}")]
    Conflict(&'static str),
    #[error(transparent)]
    Invalid(#[from] DefinitionError),
    /// There are as many as there may be.
    #[error("there are {0} triggers already")]
    TooMany(usize),
    /// As much is worked on for its cloud as may be.
    #[error(transparent)]
    Busy(#[from] Busy),
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
