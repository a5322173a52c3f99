//! Events from a file: JSON values one after the other, each an event or an envelope of them.

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::{Attributes, Field};
use crate::protocol::read_event;

/// One event of a file.
pub(super) struct Given {
    /// Which one of the file it is, from 1.
    number: usize,
    pub(super) attributes: Attributes,
}

impl Given {
    /// One line for people.
    pub(super) fn brief(&self) -> String {
        let field = |field| self.attributes.get(field);
        let (repository, tag) = (field(Field::Repository), field(Field::Tag));
        let digest = field(Field::Digest);
        let line = format!("{}: {} {repository}:{tag} {digest}", self.number, self.attributes.event_type());
        line.trim_end().to_owned()
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

/// Every event of a file, or of standard input for `-`.
pub(super) fn read(path: &Path, type_prefix: &str) -> Result<Vec<Given>, String> {
    let place = if path.as_os_str() == "-" { "standard input".into() } else { path.display().to_string() };
    let text = load(path).map_err(|error| format!("{place}: {error}"))?;
    let mut events = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>() {
        let value = value.map_err(|error| format!("{place}: {error}"))?;
        let messages = match serde_json::from_str::<Envelope>(value.get()) {
            Ok(envelope) => envelope.messages,
            Err(_) => vec![value],
        };
        for message in messages {
            let number = events.len() + 1;
            let attributes = read_event(message.get(), type_prefix)
                .map_err(|error| format!("{place}: event {number}: {error}"))?;
            events.push(Given { number, attributes });
        }
    }
    Ok(events)
}

fn load(path: &Path) -> std::io::Result<String> {
    if path.as_os_str() != "-" {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
