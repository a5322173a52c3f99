//! A trigger's access log: what it made of each event of its cloud since it began, and what became of its batches.

mod delivery;

use std::sync::Arc;

use serde::Serialize;

use super::error::TriggerError;
use super::{Context, keys, text};
use crate::bus::{Page, Search};
use crate::event::{EventType, Field, Position};
use crate::log::{Bounds, ReadError, Record};
use crate::protocol::Mismatch;
use crate::trigger::{Definition, QualifiedName};

pub(super) use delivery::{DeliveryOutcome, DeliveryRow};

/// Events looked at for one page that is searched.
const PAGE: usize = 1_000;
/// The same of a trigger whose filter would be refused today.
const OUTDATED: usize = 20;

/// Which rows are wanted; newest first.
#[derive(Clone, Debug)]
pub(crate) struct AccessQuery {
    /// Only those before this event.
    pub(crate) before: Option<Position>,
    /// `None` for both.
    pub(crate) outcome: Option<AccessOutcome>,
    /// Only those in whose text this occurs.
    pub(crate) search: String,
    /// Rows.
    pub(crate) limit: usize,
}

/// Some of a trigger's access log.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AccessPage {
    /// Newest first.
    pub(crate) rows: Vec<AccessRow>,
    /// Ask with `before` set to this for what is older.
    #[serde(skip_serializing_if = "Option::is_none", with = "text::optional")]
    pub(crate) next: Option<Position>,
}

/// What a trigger made of one event.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AccessRow {
    #[serde(with = "text")]
    pub(crate) event_id: Position,
    /// Without the prefix.
    #[serde(rename = "type", with = "text")]
    pub(crate) event_type: EventType,
    pub(crate) registry: String,
    pub(crate) repository: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) tag: String,
    pub(crate) outcome: AccessOutcome,
    /// What of the filter refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused_by: Option<Mismatch>,
    /// What became of its batch; nothing where none was tried yet, or that is no longer known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<DeliveryRow>,
}

/// Whether an event passed the trigger's filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccessOutcome {
    Triggered,
    Untriggered,
}

/// A page of the access log of the trigger `definition`, which began at `since`.
pub(super) async fn page(
    shared: &Context,
    definition: &Arc<Definition>,
    since: Option<Position>,
    query: &AccessQuery,
) -> Result<AccessPage, TriggerError> {
    let bounds = shared.bus.reader().bounds();
    let known = |position: &Position| position.epoch == bounds.epoch;
    let before = query.before.filter(known).map_or(bounds.newest + 1, |position| position.offset);
    let since = since.filter(known).map_or(0, |position| position.offset);
    let limit = if query.search.is_empty() && query.outcome.is_none() { query.limit } else { PAGE };
    // One whose states are made as it runs may take long for each event.
    let limit = if definition.filter.outdated().is_some() { limit.min(OUTDATED) } else { limit };
    let allowance = shared.allowance(&definition.cloud);
    let _turn = shared.bus.turn(&allowance).await?;
    let search = Search::of_page(&definition.scope, &allowance);
    let page = shared.bus.page_back(search, (before, Some(since)), limit).await?;
    let deliveries = deliveries(shared, &definition.id()).await?;
    let (definition, query) = (Arc::clone(definition), query.clone());
    let explained = allowance.compute(move || explain(&definition, &page, &deliveries, &query, bounds));
    Ok(explained.await?)
}

/// What the trigger made of the events of a page, as far as that is wanted.
fn explain(
    definition: &Definition,
    page: &Page,
    deliveries: &[DeliveryRow],
    query: &AccessQuery,
    bounds: Bounds,
) -> AccessPage {
    let (mut rows, mut reached) = (Vec::new(), page.reached);
    for record in &page.records {
        let row = AccessRow::new(definition, record, bounds.at(record.offset), deliveries);
        if query.wants(&row) {
            rows.push(row);
        }
        if rows.len() >= query.limit {
            reached = record.offset;
            break;
        }
    }
    let more = page.more || page.records.last().is_some_and(|last| last.offset < reached);
    AccessPage { rows, next: more.then(|| bounds.at(reached)) }
}

/// What is known of a trigger's batches, in the order in which they were first tried.
async fn deliveries(shared: &Context, id: &QualifiedName) -> Result<Vec<DeliveryRow>, ReadError> {
    let mut found = Vec::new();
    keys::each_row(shared.bus.reader(), keys::ATTEMPTS, &keys::deliveries(id), |_, value| {
        found.extend(serde_json::from_slice::<DeliveryRow>(&value).ok());
        Ok::<_, ReadError>(())
    })
    .await?;
    Ok(found)
}

impl AccessQuery {
    fn wants(&self, row: &AccessRow) -> bool {
        self.outcome.is_none_or(|outcome| outcome == row.outcome)
            && (self.search.is_empty()
                || serde_json::to_string(row).is_ok_and(|text| text.contains(&self.search)))
    }
}

impl AccessRow {
    fn new(definition: &Definition, record: &Record, event_id: Position, deliveries: &[DeliveryRow]) -> Self {
        let explanation = definition.filter.explain(&record.attributes);
        let text = |field| record.attributes.get(field).to_owned();
        let row = Self {
            event_id,
            event_type: record.attributes.event_type(),
            registry: text(Field::Registry),
            repository: text(Field::Repository),
            tag: text(Field::Tag),
            outcome: AccessOutcome::Untriggered,
            refused_by: None,
            delivery: None,
        };
        if explanation.matched {
            // The latest of them: one that was formed anew has the same events.
            let delivery = deliveries.iter().rev().find(|row| row.has(record.offset)).cloned();
            return Self { outcome: AccessOutcome::Triggered, delivery, ..row };
        }
        let refused_by = Mismatch {
            text: explanation.text,
            offset: explanation.offset,
            length: explanation.length,
            pointer: explanation.pointer,
            value: explanation.value,
        };
        Self { refused_by: Some(refused_by), ..row }
    }
}
