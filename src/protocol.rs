//! What a client sees: the form of an event, the envelope, the messages of both
//! directions, error and close codes.
//!
//! Pure: values in, bytes out. Who sends them and when is known to
//! [`crate::delivery`] and [`crate::http`].

mod batch;
mod close;
mod cloudevents;
mod code;
mod deflate;
mod envelope;
mod event;
mod filter_check;
mod frame;
mod frame_meter;
mod framing;
mod heartbeat;
mod inflater;
mod name;
mod page;
mod read_event;
mod recovery;
mod request;
mod server_message;
mod start;
mod subscribe;
mod units;

pub(crate) use batch::{BatchError, BatchLimits, BatchSpec};
pub use close::Close;
pub(crate) use cloudevents::{cloud_event, encode_cloud_event};
pub use code::Code;
pub(crate) use deflate::{accept as accept_deflate, deflate_frame};
pub(crate) use envelope::{Batching, Format, encode_envelope};
pub(crate) use event::{encode_event, event_id};
pub(crate) use filter_check::{CheckReport, CheckRequest, EventReport, Mismatch};
pub(crate) use frame::{close_frame, ping_frame, text_frame};
pub(crate) use frame_meter::{FrameCounts, FrameMeter};
pub(crate) use framing::Framing;
pub(crate) use heartbeat::{HEARTBEATS, read_heartbeat};
pub use inflater::Inflater;
pub(crate) use name::{NAME_RULE, is_name};
pub(crate) use page::{PageEnd, PageGap, encode_page};
pub(crate) use read_event::{EventError, read_event};
pub(crate) use recovery::Recovery;
pub(crate) use request::BadRequest;
pub use request::Request;
pub(crate) use server_message::ErrorBody;
pub use server_message::ServerMessage;
pub(crate) use start::ParseStartError;
pub use start::{OnGap, Start};
pub(crate) use subscribe::SubscribeRequest;
use units::read_bytes;
pub(crate) use units::{parse_bytes, parse_duration, read_duration};
