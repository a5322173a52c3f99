use std::io::{self, Write as _};

use serde::Deserialize;

/// Prints events, one a line.
pub(super) struct Printer {
    table: bool,
    colour: bool,
}

#[derive(Deserialize)]
struct Event {
    event_metadata: Metadata,
    details: Details,
}

#[derive(Deserialize)]
struct Metadata {
    event_id: String,
    event_type: String,
    created_at: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    registry_id: String,
    repository_name: String,
    tag: String,
    image_digest: String,
    actor: String,
}

impl Printer {
    pub(super) fn new(table: bool, colour: bool) -> Self {
        Self { table, colour }
    }

    /// Prints one event and tells its id. An error means that nobody reads any more.
    pub(super) fn print(&self, json: &str) -> io::Result<Option<String>> {
        let event: Option<Event> = serde_json::from_str(json).ok();
        let line = match &event {
            Some(event) if self.table => self.row(event),
            _ => json.to_owned(),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()?;
        Ok(event.map(|event| event.event_metadata.event_id))
    }

    fn row(&self, event: &Event) -> String {
        let Details { registry_id, repository_name, tag, image_digest, actor } = &event.details;
        let event_type = event.event_metadata.event_type.rsplit('.').next().unwrap_or_default();
        let time = event.event_metadata.created_at.get(..19).unwrap_or(&event.event_metadata.created_at);
        let colon = if tag.is_empty() { "" } else { ":" };
        let digest = image_digest.get(..19).unwrap_or(image_digest);
        let event_type = self.paint(event_type, &format!("{event_type:<15}"));
        let rest = format!("{registry_id}/{repository_name}{colon}{tag}  {digest}  {actor}");
        // A registry's text must not steer the terminal.
        let rest: String = rest.trim_end().chars().filter(|c| !c.is_control()).collect();
        format!("{time}  {event_type} {rest}")
    }

    fn paint(&self, event_type: &str, text: &str) -> String {
        let code = match event_type {
            _ if !self.colour => return text.to_owned(),
            "CreateImage" => 32,
            "CreateImageTag" => 36,
            "DeleteImage" => 31,
            "DeleteImageTag" => 33,
            _ => 35,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(tag: &str) -> Event {
        let json = serde_json::json!({
            "event_metadata": {"event_id": "crt0", "event_type": "a.b.CreateImageTag", "created_at": "2026-01-07T11:09:14.27Z"},
            "details": {"registry_id": "hub", "repository_name": "team/app", "tag": tag,
                        "image_digest": "sha256:0123456789abcdef", "actor": "bot"},
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_row_tells_what_matters() {
        let row = Printer::new(true, false).row(&event("v1"));
        assert_eq!(row, "2026-01-07T11:09:14  CreateImageTag  hub/team/app:v1  sha256:0123456789ab  bot");
    }

    #[test]
    fn a_registry_cannot_steer_the_terminal() {
        let row = Printer::new(true, false).row(&event("v1\u{1b}[2J\n"));
        assert!(!row.contains('\u{1b}') && !row.contains('\n'), "{row:?}");
    }
}
