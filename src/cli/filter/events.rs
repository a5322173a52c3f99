//! Events from a file: JSON values one after the other, each an event or an envelope of them.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::input::{self, InputError};
use crate::cli::visible;
use crate::event::{Attributes, Field};
use crate::protocol::{EventError, read_event};

/// One event of a file.
pub(super) struct FileEvent {
    /// Which one of the file it is, from 1.
    number: usize,
    pub(super) attributes: Attributes,
}

impl FileEvent {
    /// One line for people.
    pub(super) fn brief(&self) -> String {
        let field = |field| self.attributes.get(field);
        let (repository, tag) = (field(Field::Repository), field(Field::Tag));
        let digest = field(Field::Digest);
        let line = format!("{}: {} {repository}:{tag} {digest}", self.number, self.attributes.event_type());
        visible::line(line.trim_end()).into_owned()
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

/// The file holds something else than events.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventsError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{0}: {1}")]
    Json(String, serde_json::Error),
    #[error("{0}: event {1}: {2}")]
    Event(String, usize, EventError),
}

/// Every event of a file, or of standard input for `-`.
pub(super) fn read(path: &Path, type_prefix: &str) -> Result<Vec<FileEvent>, EventsError> {
    let (name, text) = (input::name(path), input::read_text(path)?);
    let mut events = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>() {
        let value = value.map_err(|error| EventsError::Json(name.clone(), error))?;
        let messages = match serde_json::from_str::<Envelope>(value.get()) {
            Ok(envelope) => envelope.messages,
            Err(_) => vec![value],
        };
        for message in messages {
            let number = events.len() + 1;
            let attributes = read_event(message.get(), type_prefix)
                .map_err(|error| EventsError::Event(name.clone(), number, error))?;
            events.push(FileEvent { number, attributes });
        }
    }
    Ok(events)
}
