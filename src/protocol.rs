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
mod start;

pub(crate) use check::{CheckRequest, Checked, CheckedEvent, RefusedBy};
pub use client::Request;
pub(crate) use client::{BadRequest, SubscribeRequest};
pub use close::Close;
pub(crate) use cloudevents::encode_cloud_event;
pub use code::Code;
pub(crate) use deflate::{ACCEPTED as DEFLATE_ACCEPTED, deflate_frame, is_offered as is_deflate_offered};
pub(crate) use duration::{parse_bytes, parse_duration};
pub(crate) use envelope::{Batching, Format, encode_envelope};
pub(crate) use event::{encode_event, event_id};
pub(crate) use frame::{close_frame, ping_frame, text_frame};
pub(crate) use framing::Framing;
pub use inflater::Inflater;
pub(crate) use page::{PageEnd, PageGap, encode_page};
pub(crate) use read_event::read_event;
pub(crate) use server::ErrorBody;
pub use server::ServerMessage;
pub(crate) use start::BadStart;
pub use start::{OnGap, Start};
