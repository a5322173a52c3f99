use serde::{Deserialize, Serialize};

/// A CloudEvent 1.0 in the JSON format (cloudevents/spec `formats/json-format.md`), with the attributes that this
/// gateway sends or reads. `T` is a text, `D` the data, `A` a time.
///
/// Attributes that nobody reads are only written, so that whoever sends others' values in them is still understood.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, expecting = "a CloudEvent as an object")]
pub(crate) struct CloudEvent<T, D, A = T> {
    #[serde(skip_deserializing)]
    pub(crate) specversion: T,
    pub(crate) id: T,
    #[serde(rename = "type")]
    pub(crate) event_type: T,
    pub(crate) source: T,
    pub(crate) subject: T,
    pub(crate) time: A,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) datacontenttype: Option<T>,
    pub(crate) data: D,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) cloudid: Option<T>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) folderid: Option<T>,
    /// Of the W3C Trace Context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<T>,
}

impl<T, D> CloudEvent<T, D> {
    /// Name and value of each attribute that is there, but for the type of the data.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'static str, &T)> {
        let always = [
            ("specversion", &self.specversion),
            ("id", &self.id),
            ("type", &self.event_type),
            ("source", &self.source),
            ("subject", &self.subject),
            ("time", &self.time),
        ];
        let extensions =
            [("cloudid", &self.cloudid), ("folderid", &self.folderid), ("traceparent", &self.traceparent)];
        let extensions = extensions.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        always.into_iter().chain(extensions)
    }
}
