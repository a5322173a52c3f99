use crate::event::{Offset, Position};
use crate::log::{GapReason, LogReader, ReadError};
use crate::protocol::{OnGap, Start};

/// Where a subscription starts, worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Started {
    /// Every matching event behind this will come.
    pub position: Position,
    /// What the client must be told first.
    pub notice: Option<Notice>,
}

/// Events between these can't be told apart from lost ones: the log began a new life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The position that the client gave.
    pub from: Position,
    /// Where it goes on instead.
    pub to: Position,
    /// Why.
    pub reason: GapReason,
}

/// Why a subscription can't start there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The log does not reach that far.
    #[error("{asked} lies ahead of the newest event, {newest}")]
    Ahead {
        /// What was asked for.
        asked: Position,
        /// What there is.
        newest: Position,
    },
    /// Events behind it are missing, and the client wants all or nothing.
    #[error("events behind {after} are missing ({})", .reason.as_str())]
    Gap {
        /// Where it wants to start.
        after: Position,
        /// The first one missing; of another epoch, what was asked for.
        from: Position,
        /// The last one missing; of another epoch, behind what it could go on.
        to: Position,
        /// Why.
        reason: GapReason,
    },
    /// Storage could not be searched.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Finds the place in the log that a client means. What is missing behind it is told later, by the replay,
/// unless the client would rather not begin.
///
/// # Errors
///
/// [`StartError`] if the place lies ahead, storage fails, or something is missing and that is an error.
pub(crate) async fn resolve(start: Start, on_gap: OnGap, reader: &LogReader) -> Result<Started, StartError> {
    let started = place(start, reader).await?;
    match (on_gap, start) {
        (OnGap::Fail, Start::After(after)) => whole_behind(after, started, reader),
        _ => Ok(started),
    }
}

/// Refuses a start behind which something is missing, as far as that is known.
fn whole_behind(after: Position, started: Started, reader: &LogReader) -> Result<Started, StartError> {
    let bounds = reader.log().bounds();
    if let Some(Notice { from, to, reason }) = started.notice {
        return Err(StartError::Gap { after, from, to, reason });
    }
    let gap = |from, to, reason| StartError::Gap { after, from: bounds.at(from), to: bounds.at(to), reason };
    let after = Position { offset: after.offset, ..started.position };
    if after.offset + 1 < bounds.oldest {
        return Err(gap(after.offset + 1, bounds.oldest - 1, GapReason::Retention));
    }
    let damaged = reader.log().condition().damaged;
    match damaged.iter().find(|damage| damage.to > after.offset) {
        Some(damage) => Err(gap(damage.from.max(after.offset + 1), damage.to, damage.reason)),
        None => Ok(started),
    }
}

/// Finds the place before which a page that goes back from an event begins. Of another life of the log the events
/// before where that life and this one part are the same; what came there later is missing.
///
/// # Errors
///
/// [`StartError::Ahead`] if the log has not come so far.
pub(crate) fn resolve_back(
    before: Position,
    reader: &LogReader,
) -> Result<(Offset, Option<Notice>), StartError> {
    let bounds = reader.log().bounds();
    if before.epoch == bounds.epoch {
        let ahead = before.offset > bounds.newest + 1;
        let newest = bounds.position();
        return if ahead {
            Err(StartError::Ahead { asked: before, newest })
        } else {
            Ok((before.offset, None))
        };
    }
    let former = reader.log().former(before.epoch);
    if former.is_some_and(|until| before.offset <= until + 1) {
        return Ok((before.offset, None));
    }
    let newest = former.unwrap_or(bounds.oldest - 1);
    let notice = Notice { from: before, to: bounds.at(newest), reason: GapReason::EpochChanged };
    Ok((newest + 1, Some(notice)))
}

async fn place(start: Start, reader: &LogReader) -> Result<Started, StartError> {
    let bounds = reader.log().bounds();
    let at = |offset: Offset| Started { position: bounds.at(offset), notice: None };
    Ok(match start {
        Start::Now => at(bounds.newest),
        Start::Earliest => at(bounds.oldest - 1),
        Start::Since(time) => at(reader.offset_before(time.as_millisecond()).await?),
        Start::After(asked) if asked.epoch != bounds.epoch => {
            let former = reader.log().former(asked.epoch);
            if former.is_some_and(|until| asked.offset <= until) {
                // Another life, but up to here the same events.
                return Ok(at(asked.offset));
            }
            let to = bounds.at(former.unwrap_or(bounds.oldest - 1));
            let notice = Notice { from: asked, to, reason: GapReason::EpochChanged };
            Started { position: to, notice: Some(notice) }
        }
        Start::After(asked) if asked.offset > bounds.newest => {
            return Err(StartError::Ahead { asked, newest: bounds.position() });
        }
        Start::After(asked) => at(asked.offset),
    })
}
