use serde_json::json;

use super::reader::{Reader, filter_error};
use crate::bus::{Admission, Bus, Spec, StartError, StartPoint, resolve};
use crate::delivery;
use crate::event::Position;
use crate::limits::seldom;
use crate::protocol::{Batching, Code, ErrorBody, Format, Start, SubscribeRequest};

/// A subscription that can start: its filter is compiled, its start is found.
pub(crate) struct Plan {
    pub(super) spec: Spec,
    pub(super) batching: Batching,
    pub(super) format: Format,
    pub(super) admission: Admission,
    /// The filter as it was understood, without the reader's rights.
    pub(super) understood: String,
    pub(super) start: StartPoint,
}

impl Plan {
    /// Compiles the filter of `request` and finds where it starts.
    ///
    /// # Errors
    ///
    /// What to tell the client.
    pub(crate) async fn new(
        request: SubscribeRequest,
        reader: &Reader,
        bus: &Bus,
    ) -> Result<Self, ErrorBody> {
        if request.start != Start::Now && bus.load().sheds_replays() {
            return Err(ErrorBody::new(Code::Overloaded, "too much waits for the disk; come again"));
        }
        let own = match &reader.feed {
            Some(feed) => feed.filter.clone(),
            None => reader.filter_in_turn(&request.filter, bus).await?,
        };
        let filter = own.and(&reader.rights).map_err(|error| filter_error(&error))?;
        let admission =
            bus.admit(&filter, &reader.allowance, reader.sharer()).map_err(|error| filter_error(&error))?;
        let start = resolve(request.start, request.on_gap, bus.reader())
            .await
            .map_err(|error| start_error(&error))?;
        let SubscribeRequest { id, batching, format, on_gap, .. } = request;
        let window = delivery::window(batching, id.as_deref());
        Ok(Self {
            spec: Spec { filter, window, id, on_gap },
            batching,
            format,
            admission,
            understood: own.canonical().to_owned(),
            start,
        })
    }

    /// Where it starts.
    pub(crate) fn position(&self) -> Position {
        self.start.position
    }
}

/// A start that can't be had, as a client is told.
pub(crate) fn start_error(error: &StartError) -> ErrorBody {
    let message = error.to_string();
    match error {
        StartError::Ahead { newest, .. } => ErrorBody {
            details: json!({"newest": newest.to_string()}),
            ..ErrorBody::new(Code::PositionAhead, message)
        },
        StartError::Gap { from, to, reason, .. } => ErrorBody {
            details: json!({"from": from.to_string(), "to": to.to_string(), "reason": reason.as_str()}),
            ..ErrorBody::new(Code::Gap, message)
        },
        StartError::Read(error) => {
            seldom!(error, %error, "where a subscription starts can't be read");
            ErrorBody::new(Code::StorageFailed, "storage failed to read")
        }
    }
}
