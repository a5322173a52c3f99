use std::sync::{Arc, OnceLock};

use serde_json::json;

use super::encoding::Encoding;
use crate::bus::{Content, Delivery, Forms, GapNotice, Wire};
use crate::metrics::Metrics;
use crate::protocol::{Code, ErrorBody, OnGap, ServerMessage, SharedFrames};

/// What a delivery is on the wire, by framing and format.
#[derive(Default)]
struct Rendering([OnceLock<Box<SharedFrames>>; 6]);

/// The frames of a delivery, which are made when they are first asked for and shared by all who take them in this way.
pub(super) fn frames(delivery: &Delivery, encoding: Encoding) -> &SharedFrames {
    let Rendering(frames) = delivery.rendering();
    let index = 2 * encoding.framing as usize + encoding.format as usize;
    frames[index].get_or_init(|| Box::new(render(delivery, encoding)))
}

fn render(delivery: &Delivery, Encoding { framing, format, .. }: Encoding) -> SharedFrames {
    let id = delivery.spec.id.as_deref();
    let message = |message: &ServerMessage<'_>| framing.message(message).unwrap_or_default().into();
    match &delivery.content {
        Content::Batches(batches) => SharedFrames::together(batches.iter().map(|batch| {
            let messages = batch.items.iter().map(|record| &record.message);
            framing.batch(id, format, messages)
        })),
        Content::Position(position) => {
            message(&ServerMessage::Position { id, event_id: position.to_string() })
        }
        Content::Gap(gap) if delivery.spec.on_gap == OnGap::Fail => message(&gap_error(gap, id)),
        Content::Gap(gap) => message(&gap_message(gap, id)),
    }
}

/// Says which events are missing.
pub(super) fn gap_message<'a>(gap: &GapNotice, id: Option<&'a str>) -> ServerMessage<'a> {
    ServerMessage::Gap { id, from: gap.from.to_string(), to: gap.to.to_string(), reason: gap.reason.as_str() }
}

/// Says so as the error that ends the subscription.
fn gap_error<'a>(gap: &GapNotice, id: Option<&'a str>) -> ServerMessage<'a> {
    let reason = gap.reason.as_str();
    let message = format!("events are missing ({reason}); nothing more is sent");
    let details = json!({"from": gap.from.to_string(), "to": gap.to.to_string(), "reason": reason});
    ServerMessage::Error { error: ErrorBody { details, ..ErrorBody::new(Code::Gap, message) }, id }
}

/// Makes the frames that a group shares, before they are handed out.
pub(crate) struct FrameWire {
    metrics: Arc<Metrics>,
}

impl FrameWire {
    /// `metrics` count what it compresses.
    pub(crate) const fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

impl Wire for FrameWire {
    fn prepare(&self, delivery: &Delivery, forms: Forms) {
        for encoding in forms.iter().map(Encoding::of) {
            let frames = frames(delivery, encoding);
            if encoding.deflate {
                frames.deflated(|| {
                    self.metrics.deflated.inc();
                });
            }
        }
    }
}
