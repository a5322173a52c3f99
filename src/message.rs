//! The JSON in which an event travels, as two shapes: the message that clients see, and a CloudEvent.
//!
//! [`source`](crate::source) reads both from anyone, [`protocol`](crate::protocol) writes both, and
//! [`trigger`](crate::trigger) makes other registries' forms of them. So the names and the order of their members
//! are here, once. What a member may hold is each border's own affair: the shapes are generic over the types of
//! their leaves.
//!
//! Whatever JSON is written as a line, or into one, is written by [`to_line`].
//! Beside them: what is read from an object alone, and why JSON can't be read.
//!
//! Pure, and below every module that reads or writes JSON: it knows no event, no registry and no client.

mod cloud_event;
mod event_message;
mod json_fault;
mod line;
mod object;
mod text;
mod whole;

pub(crate) use cloud_event::CloudEvent;
pub(crate) use event_message::{
    EventDetails, EventMessage, EventMetadata, StoredMessage, TracingContext, short_type,
};
pub(crate) use json_fault::JsonFault;
pub(crate) use line::{to_line, unbroken};
pub(crate) use object::{Object, object};
pub(crate) use text::Text;
pub(crate) use whole::Whole;
