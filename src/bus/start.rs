use super::GapNotice;
use crate::event::{Offset, Position};
use crate::log::{GapReason, LogHandle, ReadError};
use crate::protocol::{OnGap, Start};

/// Where a subscription starts, worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartPoint {
    /// Every matching event behind this will come.
    pub position: Position,
    /// Events before that which may be missing, where the log began a new life.
    pub gap: Option<GapNotice>,
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

/// Finds the position that a client means. The replay says later what is missing behind it, unless the client would
/// rather not begin then.
///
/// # Errors
///
/// [`StartError`] if the position lies ahead, storage fails, or something is missing and that is an error.
pub(crate) async fn resolve(
    start: Start,
    on_gap: OnGap,
    reader: &LogHandle,
) -> Result<StartPoint, StartError> {
    let point = find(start, reader).await?;
    match (on_gap, start) {
        (OnGap::Fail, Start::After(after)) => whole_behind(after, point, reader),
        _ => Ok(point),
    }
}

/// Refuses a start behind which something is missing, as far as that is known.
fn whole_behind(after: Position, point: StartPoint, reader: &LogHandle) -> Result<StartPoint, StartError> {
    let bounds = reader.bounds();
    if let Some(GapNotice { from, to, reason }) = point.gap {
        return Err(StartError::Gap { after, from, to, reason });
    }
    let gap = |from, to, reason| StartError::Gap { after, from: bounds.at(from), to: bounds.at(to), reason };
    let after = Position { offset: after.offset, ..point.position };
    if after.offset + 1 < bounds.oldest {
        return Err(gap(after.offset + 1, bounds.oldest - 1, GapReason::Retention));
    }
    let damaged = reader.condition().damaged;
    match damaged.iter().find(|damage| damage.to > after.offset) {
        Some(damage) => Err(gap(damage.from.max(after.offset + 1), damage.to, damage.reason)),
        None => Ok(point),
    }
}

/// Finds the offset before which a page that goes back from an event begins. Of another life of the log the events
/// before where that life and this one part are the same; what came there later is missing.
///
/// # Errors
///
/// [`StartError::Ahead`] if the log has not come so far.
pub(crate) fn resolve_back(
    before: Position,
    reader: &LogHandle,
) -> Result<(Offset, Option<GapNotice>), StartError> {
    let bounds = reader.bounds();
    if before.epoch == bounds.epoch {
        let ahead = before.offset > bounds.newest + 1;
        let newest = bounds.position();
        return if ahead {
            Err(StartError::Ahead { asked: before, newest })
        } else {
            Ok((before.offset, None))
        };
    }
    let former = reader.former(before.epoch);
    if former.is_some_and(|until| before.offset <= until + 1) {
        return Ok((before.offset, None));
    }
    let newest = former.unwrap_or(bounds.oldest - 1);
    let gap = GapNotice { from: before, to: bounds.at(newest), reason: GapReason::EpochChanged };
    Ok((newest + 1, Some(gap)))
}

async fn find(start: Start, reader: &LogHandle) -> Result<StartPoint, StartError> {
    let bounds = reader.bounds();
    let at = |offset: Offset| StartPoint { position: bounds.at(offset), gap: None };
    Ok(match start {
        Start::Now => at(bounds.newest),
        Start::Earliest => at(bounds.oldest - 1),
        Start::Since(time) => at(reader.offset_before(time.as_millisecond()).await?),
        Start::After(asked) if asked.epoch != bounds.epoch => {
            let former = reader.former(asked.epoch);
            if former.is_some_and(|until| asked.offset <= until) {
                // Another life, but up to here the same events.
                return Ok(at(asked.offset));
            }
            let to = bounds.at(former.unwrap_or(bounds.oldest - 1));
            let gap = GapNotice { from: asked, to, reason: GapReason::EpochChanged };
            StartPoint { position: to, gap: Some(gap) }
        }
        Start::After(asked) if asked.offset > bounds.newest => {
            return Err(StartError::Ahead { asked, newest: bounds.position() });
        }
        Start::After(asked) => at(asked.offset),
    })
}
