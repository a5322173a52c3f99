use std::ops::Range;

use super::EventType;

/// A text field that a filter may name. (`type` and `size` stand beside these.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Field {
    /// `cloud_id`
    Cloud = 0,
    /// `folder_id`
    Folder = 1,
    /// `registry_id`
    Registry = 2,
    /// `repository_name`
    Repository = 3,
    /// `tag`
    Tag = 4,
    /// `image_digest`
    Digest = 5,
    /// `image_id`
    ImageId = 6,
    /// `media_type`
    MediaType = 7,
    /// `actor`
    Actor = 8,
    /// `source`
    Source = 9,
}

impl Field {
    /// Every text field, in stored order.
    pub const ALL: [Self; 10] = [
        Self::Cloud,
        Self::Folder,
        Self::Registry,
        Self::Repository,
        Self::Tag,
        Self::Digest,
        Self::ImageId,
        Self::MediaType,
        Self::Actor,
        Self::Source,
    ];
}

/// The fields of one event that a filter may name, in one allocation.
///
/// They are stored beside the encoded message, so that filtering parses no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    event_type: EventType,
    size: i64,
    /// Where each field ends in `text`; it begins where the one before it ends.
    ends: [u32; Field::ALL.len()],
    text: Box<str>,
}

impl Attributes {
    /// What happened.
    pub fn event_type(&self) -> EventType {
        self.event_type
    }

    /// Bytes of the manifest, 0 where not told.
    pub fn size(&self) -> i64 {
        self.size
    }

    /// The field's value, empty where the event lacks it.
    pub fn get(&self, field: Field) -> &str {
        &self.text[self.place(field)]
    }

    /// The value as bytes, which is a little faster.
    pub fn bytes(&self, field: Field) -> &[u8] {
        &self.text.as_bytes()[self.place(field)]
    }

    fn place(&self, field: Field) -> Range<usize> {
        let index = field as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        start as usize..self.ends[index] as usize
    }
}

/// Gathers the fields of one event; those not set stay empty.
#[derive(Clone, Debug)]
pub struct AttributesBuilder<'a> {
    event_type: EventType,
    size: i64,
    fields: [&'a str; Field::ALL.len()],
}

impl<'a> AttributesBuilder<'a> {
    /// An event of this type with every other field empty.
    pub fn new(event_type: EventType) -> Self {
        Self { event_type, size: 0, fields: [""; Field::ALL.len()] }
    }

    /// Sets a text field.
    pub fn set(&mut self, field: Field, value: &'a str) -> &mut Self {
        self.fields[field as usize] = value;
        self
    }

    /// Sets the size in bytes.
    pub fn size(&mut self, size: i64) -> &mut Self {
        self.size = size;
        self
    }

    /// Puts the fields into one text.
    pub fn build(&self) -> Attributes {
        let mut text = String::with_capacity(self.fields.iter().map(|f| f.len()).sum());
        let mut ends = [0; Field::ALL.len()];
        for (end, field) in ends.iter_mut().zip(self.fields) {
            text.push_str(field);
            *end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        }
        Attributes { event_type: self.event_type, size: self.size, ends, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_comes_back() {
        let names: Vec<String> = Field::ALL.iter().map(|f| format!("{f:?}")).collect();
        let mut builder = AttributesBuilder::new(EventType::DeleteImage);
        for (field, name) in Field::ALL.into_iter().zip(&names) {
            builder.set(field, name);
        }
        let attributes = builder.size(7).build();
        for (field, name) in Field::ALL.into_iter().zip(&names) {
            assert_eq!(attributes.get(field), name);
        }
        assert_eq!((attributes.event_type(), attributes.size()), (EventType::DeleteImage, 7));
        assert_eq!(AttributesBuilder::new(EventType::CreateImage).build().get(Field::Tag), "");
    }
}
