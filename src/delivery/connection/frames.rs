use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use serde_json::json;

use super::encoding::Encoding;
use super::frame_memory::SharedFrame;
use crate::bus::{Content, Delivery, Forms, GapNotice, Wire};
use crate::metrics::Metrics;
use crate::protocol::{Code, ErrorBody, OnGap, ServerMessage, deflate_frame};

/// Whole frames in one run of bytes, which many are sent; and the same compressed, which is made when it is first asked
/// for.
#[derive(Debug)]
pub(super) struct Frames {
    plain: SharedFrame,
    /// The length of each frame; nothing where there is one.
    lengths: Vec<usize>,
    /// `None` if compressing is not worth it.
    deflated: OnceLock<Option<SharedFrame>>,
}

impl From<Bytes> for Frames {
    fn from(plain: Bytes) -> Self {
        Self { plain: plain.into(), lengths: Vec::new(), deflated: OnceLock::new() }
    }
}

impl Frames {
    /// Frames one behind the other, to be sent in one write.
    fn together(frames: impl Iterator<Item = Bytes>) -> Self {
        let mut frames = frames.peekable();
        let first = frames.next().unwrap_or_default();
        if frames.peek().is_none() {
            return first.into();
        }
        let frames: Vec<_> = std::iter::once(first).chain(frames).collect();
        let lengths: Vec<_> = frames.iter().map(Bytes::len).collect();
        let mut plain = BytesMut::with_capacity(lengths.iter().sum());
        for frame in &frames {
            plain.extend_from_slice(frame);
        }
        Self { plain: plain.freeze().into(), lengths, deflated: OnceLock::new() }
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.lengths.len().max(1) as u64
    }

    /// One by one.
    fn each(&self) -> impl Iterator<Item = Bytes> {
        let mut rest = self.plain.bytes().clone();
        let frames = 0..self.lengths.len().max(1);
        frames.map(move |frame| rest.split_to(self.lengths.get(frame).map_or(rest.len(), |length| *length)))
    }

    /// For those who take no compressed frame.
    pub(super) const fn plain(&self) -> &SharedFrame {
        &self.plain
    }

    /// For those of `permessage-deflate`; short frames stay as they are. `made` is called for each that was
    /// compressed just now.
    pub(super) fn deflated(&self, made: impl Fn()) -> &SharedFrame {
        let deflated = self.deflated.get_or_init(|| self.deflate(made));
        deflated.as_ref().unwrap_or(&self.plain)
    }

    fn deflate(&self, made: impl Fn()) -> Option<SharedFrame> {
        let plain = self.plain.bytes();
        if self.lengths.is_empty() {
            return deflate_frame(plain).inspect(|_| made()).map(SharedFrame::from);
        }
        let mut all = BytesMut::with_capacity(plain.len() / 2);
        for frame in self.each() {
            let deflated = deflate_frame(&frame).inspect(|_| made());
            all.extend_from_slice(deflated.as_ref().unwrap_or(&frame));
        }
        Some(all.freeze().into())
    }
}

/// What a delivery is on the wire, by framing and format.
#[derive(Default)]
struct Rendering([OnceLock<Box<Frames>>; 8]);

/// The frames of a delivery, which are made when they are first asked for and shared by all who take them in this way.
pub(super) fn frames(delivery: &Delivery, encoding: Encoding) -> &Frames {
    let Rendering(frames) = delivery.rendering();
    let index = 2 * encoding.framing as usize + encoding.format as usize;
    frames[index].get_or_init(|| Box::new(render(delivery, encoding)))
}

fn render(delivery: &Delivery, Encoding { framing, format, .. }: Encoding) -> Frames {
    let id = delivery.spec.id.as_deref();
    let message = |message: &ServerMessage<'_>| framing.message(message).unwrap_or_default().into();
    match &delivery.content {
        Content::Batches(batches) => Frames::together(batches.iter().map(|batch| {
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::bus::{Batch, Spec};
    use crate::event::{AttributesBuilder, EventType, Position};
    use crate::log::{GapReason, Record};
    use crate::protocol::{Format, Framing, text_frame};

    const PLAIN: Encoding = Encoding { framing: Framing::WebSocket, format: Format::Tagcast, deflate: false };
    const DEFLATE: Encoding = Encoding { deflate: true, ..PLAIN };
    const LINES: Encoding = Encoding { framing: Framing::Lines, ..PLAIN };

    /// Two batches of one event each, with messages of so many bytes.
    fn batches(bytes: usize) -> Delivery {
        let batch = |offset| {
            let attributes = AttributesBuilder::new(EventType::CreateImage).build();
            let message = vec![b'x'; bytes].into();
            let items = vec![Arc::new(Record { offset, accepted_at: 0, attributes, message })];
            Batch { items, weight: bytes + 1, opened: std::time::Instant::now() }
        };
        Delivery::sample(Content::Batches(vec![batch(1), batch(2)]))
    }

    fn text(frames: &Frames) -> &str {
        std::str::from_utf8(frames.plain().bytes()).expect("text")
    }

    #[test]
    fn a_delivery_has_its_frames_once_for_all_who_take_them_in_one_way() {
        let delivery = batches(3);
        let websocket = frames(&delivery, PLAIN);
        assert!(std::ptr::eq(websocket, frames(&delivery, DEFLATE)));
        assert_eq!(&websocket.plain().bytes()[..2], b"\x81\x12");
        assert_eq!(text(frames(&delivery, LINES)), "xxx\nxxx\n");
        let sse = Encoding { framing: Framing::Sse, ..PLAIN };
        let expected = "data: {\"messages\":[xxx]}\n\n".repeat(2);
        assert_eq!((text(frames(&delivery, sse)), frames(&delivery, sse).count()), (expected.as_str(), 2));
    }

    #[test]
    fn what_is_taken_is_made_beforehand_and_nothing_else() {
        let (delivery, metrics) = (batches(1_000), Arc::<Metrics>::default());
        let mut forms = Forms::default();
        forms.insert(DEFLATE.form());
        FrameWire::new(Arc::clone(&metrics)).prepare(&delivery, forms);
        assert_eq!(metrics.deflated.get(), 2);
        let Rendering(made) = delivery.rendering();
        assert_eq!(made.iter().filter(|frames| frames.get().is_some()).count(), 1);
        let deflated = frames(&delivery, DEFLATE).deflated(|| unreachable!("it is made already"));
        assert!(deflated.bytes().len() < 200);
    }

    #[test]
    fn a_gap_is_a_message_or_the_error_that_ends_a_subscription() {
        let at = |offset| Position { epoch: 1, offset };
        let gap = GapNotice { from: at(1), to: at(2), reason: GapReason::Damaged };
        let mut delivery = Delivery::sample(Content::Gap(gap));
        let message = format!(r#"{{"gap":{{"from":"{}","to":"{}","reason":"damaged"}}}}"#, at(1), at(2));
        assert_eq!(text(frames(&delivery, LINES)), format!("{message}\n"));
        delivery = Delivery::sample(Content::Gap(gap));
        let (id, on_gap) = (Some("a".to_owned()), OnGap::Fail);
        delivery.spec = Arc::new(Spec { id, on_gap, ..Spec::clone(&delivery.spec) });
        let details = format!(r#"{{"from":"{}","reason":"damaged","to":"{}"}}"#, at(1), at(2));
        let message = "events are missing (damaged); nothing more is sent";
        let error =
            format!(r#"{{"error":{{"code":"gap","message":"{message}","details":{details},"id":"a"}}}}"#);
        assert_eq!(text(frames(&delivery, LINES)), format!("{error}\n"));
    }

    #[test]
    fn is_compressed_once_and_only_where_that_helps() {
        let made = Cell::new(0);
        let count = || made.set(made.get() + 1);
        let long = Frames::from(text_frame("long".repeat(1_000).into()));
        assert_eq!(made.get(), 0);
        let first = long.deflated(count).bytes().as_ptr();
        assert_eq!(long.deflated(count).bytes().as_ptr(), first);
        assert_eq!(made.get(), 1);
        assert!(long.deflated(count).bytes().len() < 100 && long.plain().bytes().len() > 4_000);
        let short = Frames::from(text_frame("short".into()));
        assert_eq!(short.deflated(count).bytes(), short.plain().bytes());
        assert_eq!(made.get(), 1);
    }

    #[test]
    fn several_are_compressed_one_by_one() {
        let frame = |text: &str, times| text_frame(text.repeat(times).into());
        let frames = [frame("a", 10), frame("b", 1_000), frame("c", 300)];
        let together = Frames::together(frames.iter().cloned());
        assert_eq!((together.count(), together.plain().bytes()[..] == frames.concat()), (3, true));
        assert!(together.each().eq(frames.iter().cloned()));
        let made = Cell::new(0);
        let one_by_one = frames.iter().map(|frame| Frames::from(frame.clone()));
        let expected: Vec<_> = one_by_one.map(|one| one.deflated(|| ()).bytes().clone()).collect();
        assert_eq!(together.deflated(|| made.set(made.get() + 1)).bytes()[..], expected.concat());
        assert_eq!(made.get(), 2);
        let one = Frames::together(std::iter::once(frames[0].clone()));
        assert_eq!((one.count(), one.each().next()), (1, Some(frames[0].clone())));
    }
}
