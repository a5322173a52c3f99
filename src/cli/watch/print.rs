use std::io::{self, IsTerminal as _, Write as _};

use crate::cli::visible;
use crate::message::{StoredMessage, short_type, unbroken};

/// Prints events, one a line.
pub(super) struct Printer {
    table: bool,
    colour: bool,
    /// Where a person reads it, JSON too is made so that it can be read.
    terminal: bool,
}

impl Printer {
    pub(super) fn new(table: bool, colour: bool) -> Self {
        Self { table, colour, terminal: io::stdout().is_terminal() }
    }

    /// Whether an error means that nobody reads any more. A terminal that hung up is told by an error of its own.
    pub(super) fn is_abandoned(&self, error: &io::Error) -> bool {
        self.terminal || matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
    }

    /// Prints one event.
    ///
    /// # Errors
    ///
    /// It can't be written: nobody reads any more, or there is no room.
    pub(super) fn print(&self, json: &[u8]) -> io::Result<()> {
        let event: Option<StoredMessage<'_>> =
            if self.table { serde_json::from_slice(json).ok() } else { None };
        let row = event.map(|event| self.row(&event).into_bytes()).or_else(|| self.readable(json));
        let mut out = io::stdout().lock();
        out.write_all(row.as_deref().unwrap_or(json))?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// The same JSON, if it has to be written otherwise: on a terminal with escapes for what would steer it, elsewhere for
    /// what would end the line.
    fn readable(&self, json: &[u8]) -> Option<Vec<u8>> {
        if !self.terminal {
            return unbroken(json);
        }
        str::from_utf8(json).ok().map(|text| visible::json(text).into_owned().into_bytes())
    }

    fn row(&self, event: &StoredMessage<'_>) -> String {
        let (metadata, details) = (&event.event_metadata, &event.details);
        let (registry, repository) = (&*details.registry_id, &*details.repository_name);
        let event_type = visible::line(short_type(&metadata.event_type));
        let time = metadata.created_at.get(..19).unwrap_or(&metadata.created_at);
        let colon = if details.tag.is_empty() { "" } else { ":" };
        let digest = details.image_digest.get(..19).unwrap_or(&details.image_digest);
        let event_type = self.paint(&event_type, &format!("{event_type:<15}"));
        let rest = format!("{registry}/{repository}{colon}{}  {digest}  {}", &*details.tag, &*details.actor);
        // A registry's text must not steer the terminal.
        format!("{}  {event_type} {}", visible::line(time), visible::line(rest.trim_end()))
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

    fn row(tag: &str) -> String {
        let json = serde_json::json!({
            "event_metadata": {"event_id": "crt0", "event_type": "a.b.CreateImageTag", "created_at": "2026-01-07T11:09:14.27Z"},
            "details": {"registry_id": "hub", "repository_name": "team/app", "tag": tag,
                        "image_digest": "sha256:0123456789abcdef", "actor": "bot"},
        });
        Printer::new(true, false).row(&serde_json::from_str(&json.to_string()).unwrap())
    }

    #[test]
    fn a_row_tells_what_matters() {
        let row = row("v1");
        assert_eq!(row, "2026-01-07T11:09:14  CreateImageTag  hub/team/app:v1  sha256:0123456789ab  bot");
    }

    #[test]
    fn a_registry_cannot_steer_the_terminal() {
        let row = row("v1\u{1b}[2J\n");
        assert!(!row.contains('\u{1b}') && !row.contains('\n'), "{row:?}");
        assert!(self::row("v1\u{202e}gpj").contains("team/app:v1[U+202E]gpj  "));
    }
}
