//! What a client sees: the form of an event, the envelope, the messages of both
//! directions, error and close codes.
//!
//! Pure: values in, bytes out. Who sends them and when is known to
//! [`crate::delivery`] and [`crate::http`].

mod check;
mod client;
mod close;
mod cloudevents;
mod code;
mod deflate;
mod duration;
mod envelope;
mod event;
mod frame;
mod framing;
mod inflater;
mod page;
mod read_event;
mod server;
mod shared_frame;
mod start;

pub use check::{CheckRequest, Checked, CheckedEvent, RefusedBy};
pub use client::{BadRequest, BatchRequest, Request, SubscribeRequest};
pub use close::Close;
pub use code::Code;
pub use deflate::{ACCEPTED as DEFLATE_ACCEPTED, BadDeflate, inflate, is_offered as is_deflate_offered};
pub use duration::{parse_bytes, parse_duration};
pub use envelope::{Batching, ENVELOPE_OVERHEAD, Format, encode_envelope};
pub use event::{encode_event, event_id};
pub use frame::{close_frame, ping_frame, text_frame};
pub use framing::Framing;
pub use inflater::Inflater;
pub use page::{PageEnd, PageGap, encode_page};
pub use read_event::{BadEvent, read_event};
pub use server::{ErrorBody, ServerMessage};
pub use shared_frame::SharedFrame;
pub use start::{BadStart, OnGap, Start};
