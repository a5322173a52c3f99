use crate::event::{Offset, Position};
use crate::log::{GapReason, LogReader, ReadError};
use crate::protocol::Start;

/// Where a subscription starts, worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Every matching event behind this will come.
    pub position: Position,
    /// What the client must be told first.
    pub notice: Option<Notice>,
}

/// Events between these can't be told apart from lost ones: the log began a new life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The position that the client gave.
    pub from: Position,
    /// Where it goes on instead.
    pub to: Position,
    /// Why.
    pub reason: GapReason,
}

/// Why a subscription can't start there.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log does not reach that far.
    #[error("{asked} lies ahead of the newest event, {newest}")]
    Ahead {
        /// What was asked for.
        asked: Position,
        /// What there is.
        newest: Position,
    },
    /// Storage could not be searched.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Finds the place in the log that a client means. What retention took since is told later, by the replay.
///
/// # Errors
///
/// [`StartError`] if the place lies ahead, or storage fails.
pub async fn resolve(start: Start, reader: &LogReader) -> Result<Started, StartError> {
    let bounds = reader.log().bounds();
    let at = |offset: Offset| Started { position: bounds.at(offset), notice: None };
    Ok(match start {
        Start::Now => at(bounds.newest),
        Start::Earliest => at(bounds.oldest - 1),
        Start::Since(time) => at(reader.offset_before(time.as_millisecond()).await?),
        Start::After(asked) if asked.epoch != bounds.epoch => {
            let to = bounds.at(bounds.oldest - 1);
            let notice = Notice { from: asked, to, reason: GapReason::EpochChanged };
            Started { position: to, notice: Some(notice) }
        }
        Start::After(asked) if asked.offset > bounds.newest => {
            return Err(StartError::Ahead { asked, newest: bounds.position() });
        }
        Start::After(asked) => at(asked.offset),
    })
}
