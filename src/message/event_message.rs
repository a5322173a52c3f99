use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::Text;

/// An event as clients see it: `{"event_metadata":{…},"details":{…}}`, as `docs/protocol.md` lists it.
///
/// Who reads it takes any member as left out, and passes over those that are not listed.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, expecting = "an event as an object")]
pub(crate) struct EventMessage<M, D> {
    pub(crate) event_metadata: M,
    pub(crate) details: D,
}

/// One of our own messages, as it is stored: nothing in it is of a wrong sort, and most is borrowed.
pub(crate) type StoredMessage<'a, D = EventDetails<Text<'a>>> = EventMessage<EventMetadata<Text<'a>>, D>;

/// What every event has. `T` is a text, `A` a time, `C` the tracing context, `O` what the gateway that sends it knows
/// of its own.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EventMetadata<T, A = T, C = TracingContext<T>, O = T> {
    pub(crate) event_id: T,
    /// With its prefix.
    pub(crate) event_type: T,
    pub(crate) created_at: A,
    pub(crate) cloud_id: O,
    pub(crate) folder_id: O,
    pub(crate) tracing_context: C,
}

/// Ids of the W3C Trace Context, in hexadecimal.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the protocol's names")]
pub(crate) struct TracingContext<T> {
    pub(crate) trace_id: T,
    pub(crate) span_id: T,
    pub(crate) parent_span_id: T,
}

impl<T: Deref<Target = str>> TracingContext<T> {
    /// The header by which whoever is told of the event goes on with its trace.
    pub(crate) fn traceparent(&self) -> String {
        format!("00-{}-{}-01", &*self.trace_id, &*self.span_id)
    }
}

/// What an event is about. The members of the seed format, the first five, are always written; those that follow are
/// left out where the source does not tell them. `T` is a text, `N` a number, `O` what the gateway that sends it
/// knows of its own, `L` a list of texts.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(
    default,
    bound(serialize = "T: Serialize + Default + PartialEq, N: Serialize + Default + PartialEq, \
                                    O: Serialize + Default + PartialEq, L: Serialize + Default + PartialEq")
)]
pub(crate) struct EventDetails<T, N = u64, O = T, L = Vec<T>> {
    pub(crate) registry_id: T,
    pub(crate) repository_name: T,
    pub(crate) tag: T,
    pub(crate) image_id: O,
    pub(crate) image_digest: T,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) media_type: T,
    /// Bytes of the manifest.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) size: N,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) actor: T,
    /// The name of the gateway's source.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) source: O,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) source_event_id: O,
    /// Members that are not as the source told them: characters that can't be shown were replaced.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) cut: L,
    /// Gateways that the event passed through before this one.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) via: L,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The name of an event's type behind its prefix, which is a setting of whoever sends it.
pub(crate) fn short_type(event_type: &str) -> &str {
    event_type.rsplit('.').next().unwrap_or_default()
}
