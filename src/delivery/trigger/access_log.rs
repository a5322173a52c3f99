use serde::Serialize;

use super::keys;
use super::rows::DeliveryRow;
use super::table::{TriggerError, Triggers};
use crate::event::{EventType, Field, Offset, Position};
use crate::log::Record;
use crate::protocol::Mismatch;
use crate::trigger::Definition;

/// Rows of deliveries read at once.
const PAGE: usize = 1_000;

/// Which rows are wanted; newest first.
#[derive(Clone, Debug)]
pub(crate) struct LogAsked {
    /// Only those before this event.
    pub before: Option<Position>,
    /// `triggered` or `untriggered`; `None` for both.
    pub outcome: Option<String>,
    /// Only those in whose text this occurs.
    pub search: String,
    /// At most so many.
    pub limit: usize,
}

/// Some of a trigger's access log.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LogPage {
    /// Newest first.
    pub rows: Vec<LogRow>,
    /// Ask with `before` set to this for what is older.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a trigger made of one event.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LogRow {
    /// The event.
    pub event_id: String,
    /// Its type, without the prefix.
    #[serde(rename = "type")]
    pub event_type: EventTypeName,
    /// Where it happened.
    pub registry: String,
    /// See `registry`.
    pub repository: String,
    /// See `registry`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// `triggered` or `untriggered`.
    pub outcome: &'static str,
    /// What refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<Mismatch>,
    /// What became of its batch; nothing where none was tried yet, or that is no longer known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryRow>,
}

/// A type's short name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventTypeName(EventType);

impl Serialize for EventTypeName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl Triggers {
    /// A page of a trigger's access log: a row for every event of its cloud since it began.
    ///
    /// # Errors
    ///
    /// There is no such trigger, or storage fails.
    pub(crate) async fn log(
        &self,
        name: &str,
        cloud: Option<&str>,
        asked: &LogAsked,
    ) -> Result<LogPage, TriggerError> {
        let (definition, since) = self.considered(name, cloud)?;
        let everything = self.of_cloud(&definition.cloud)?;
        let bounds = self.shared().bus.reader().bounds();
        let known = |position: &Position| position.epoch == bounds.epoch;
        let before = asked.before.filter(known).map_or(bounds.newest + 1, |position| position.offset);
        let since = since.filter(known).map_or(0, |position| position.offset);
        let limit = if asked.search.is_empty() && asked.outcome.is_none() { asked.limit } else { PAGE };
        let page = self.shared().bus.page_back(&everything, (before, Some(since)), limit).await;
        let page = page.map_err(|error| TriggerError::Storage(error.to_string()))?;
        let deliveries = self.deliveries(name).await?;
        let (mut rows, mut reached) = (Vec::new(), page.reached);
        for record in &page.records {
            let row = row(&definition, record, bounds.at(record.offset), &deliveries);
            if asked.wants(&row) {
                rows.push(row);
            }
            if rows.len() >= asked.limit {
                reached = record.offset;
                break;
            }
        }
        let more = page.more || page.records.last().is_some_and(|last| last.offset < reached);
        Ok(LogPage { rows, next: more.then(|| bounds.at(reached).to_string()) })
    }

    /// What is known of a trigger's batches: first and last event, and the row.
    async fn deliveries(&self, name: &str) -> Result<Vec<(Offset, Offset, DeliveryRow)>, TriggerError> {
        let (prefix, mut found) = (keys::of(name), Vec::new());
        let mut after = prefix.clone();
        loop {
            let rows = self.shared().bus.reader().rows(keys::ATTEMPTS, after.clone(), PAGE).await;
            let rows = rows.map_err(|error| TriggerError::Storage(error.to_string()))?;
            let count = rows.len();
            for (key, value) in rows {
                if !key.starts_with(&prefix) {
                    return Ok(found);
                }
                after = key;
                let Ok(row) = serde_json::from_slice::<DeliveryRow>(&value) else { continue };
                let place = |id: &str| id.parse::<Position>().map(|position| position.offset);
                if let (Ok(first), Ok(last)) = (place(&row.first), place(&row.last)) {
                    found.push((first, last, row));
                }
            }
            if count < PAGE {
                return Ok(found);
            }
        }
    }
}

impl LogAsked {
    fn wants(&self, row: &LogRow) -> bool {
        self.outcome.as_ref().is_none_or(|outcome| outcome == row.outcome)
            && (self.search.is_empty()
                || serde_json::to_string(row).is_ok_and(|text| text.contains(&self.search)))
    }
}

fn row(
    definition: &Definition,
    record: &Record,
    position: Position,
    deliveries: &[(Offset, Offset, DeliveryRow)],
) -> LogRow {
    let explanation = definition.filter.explain(&record.attributes);
    let text = |field| record.attributes.get(field).to_owned();
    // The latest of them: one that was formed anew has the same events.
    let of_event = |(first, last, _): &&(Offset, Offset, _)| (*first..=*last).contains(&record.offset);
    let delivery = deliveries.iter().rev().find(of_event).map(|(_, _, row)| row.clone());
    LogRow {
        event_id: position.to_string(),
        event_type: EventTypeName(record.attributes.event_type()),
        registry: text(Field::Registry),
        repository: text(Field::Repository),
        tag: text(Field::Tag),
        outcome: if explanation.matched { "triggered" } else { "untriggered" },
        delivery: delivery.filter(|_| explanation.matched),
        refused_by: (!explanation.matched).then_some(Mismatch {
            text: explanation.text,
            offset: explanation.offset,
            length: explanation.length,
            pointer: explanation.pointer,
            value: explanation.value,
        }),
    }
}
