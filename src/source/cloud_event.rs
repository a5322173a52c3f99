//! The CloudEvents 1.0 envelope, for every kind that uses it: structured, in batches, and binary (attributes in
//! `ce-*` headers, the body is the data alone). Published in cloudevents/spec `cloudevents/spec.md`,
//! `formats/json-format.md` and `bindings/http-protocol-binding.md`.

use percent_encoding::percent_decode_str;

use super::json::{self, Part, Place};
use super::text::{Text, Time};
use super::{Limits, Request, Unreadable};
use crate::message;

/// One event; the data is left to the kind that knows its type.
pub(super) type CloudEvent<'a> = message::CloudEvent<Text<'a>, Part<'a>, Time>;

type Events<'a> = Vec<Result<CloudEvent<'a>, Unreadable>>;

/// All events of a request, in whichever mode it is.
pub(super) fn read<'a>(request: &Request<'a>, limits: &Limits) -> Result<Events<'a>, Unreadable> {
    if request.headers.contains_key("ce-type") {
        return Ok(vec![Ok(binary(request, json::parse(request.body, limits)?))]);
    }
    json::list(request.body, Place::Bare, limits)
}

fn binary<'a>(request: &Request<'a>, data: Part<'a>) -> CloudEvent<'a> {
    let attribute = |name| {
        let value = percent_decode_str(request.header(name).unwrap_or_default());
        Text::from(value.decode_utf8_lossy())
    };
    CloudEvent {
        id: attribute("ce-id"),
        source: attribute("ce-source"),
        event_type: attribute("ce-type"),
        subject: attribute("ce-subject"),
        time: Time::parse(&attribute("ce-time")),
        traceparent: Some(attribute("ce-traceparent")),
        data,
        ..CloudEvent::default()
    }
}
