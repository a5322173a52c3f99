use bytes::Bytes;
use http::Method;

use super::quarantine::{BODIES, QUARANTINE, QuarantineId, QuarantineRecord, RequestHead};
use super::{About, Ingest, Receipt, Refusal, via};
use crate::event::Timestamp;
use crate::log::ReadError;
use crate::source::{self, Item, Reading, Request, Verified};

/// Records read at once while looking for those of one source.
const AT_ONCE: usize = 200;

/// A page of the quarantine, oldest first.
#[derive(Debug, Default)]
pub struct QuarantinePage {
    /// The records.
    pub records: Vec<(QuarantineId, QuarantineRecord)>,
    /// Whether more follow.
    pub more: bool,
}

/// Why something could not be done with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineError {
    /// There is no such record, or not for this caller.
    #[error("there is no such record")]
    NotFound,
    /// There is no longer a source of that name.
    #[error("there is no source '{0}' any more")]
    NoSource(String),
    /// It can't be written now.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// Storage can't be read.
    #[error("{0}")]
    Unread(String),
}

impl From<ReadError> for QuarantineError {
    fn from(error: ReadError) -> Self {
        Self::Unread(error.to_string())
    }
}

/// Whose records are meant: of one cloud, of one source, or all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// The cloud.
    pub cloud: Option<&'a str>,
    /// The source.
    pub source: Option<&'a str>,
}

impl Scope<'_> {
    fn holds(self, record: &QuarantineRecord) -> bool {
        self.cloud.is_none_or(|cloud| cloud == record.cloud)
            && self.source.is_none_or(|source| source == record.source)
    }
}

impl Ingest {
    /// Up to `limit` records, those behind `after` only.
    ///
    /// # Errors
    ///
    /// Storage can't be read.
    pub async fn quarantine(
        &self,
        scope: Scope<'_>,
        after: Option<QuarantineId>,
        limit: usize,
    ) -> Result<QuarantinePage, QuarantineError> {
        let mut page = QuarantinePage::default();
        let mut after = after.map(QuarantineId::key).unwrap_or_default();
        loop {
            let rows = self.log.rows(QUARANTINE, after.clone(), AT_ONCE).await?;
            for (key, value) in &rows {
                let record = serde_json::from_slice::<QuarantineRecord>(value);
                let (Some(id), Ok(record)) = (QuarantineId::of_key(key), record) else { continue };
                if !scope.holds(&record) {
                    continue;
                }
                if page.records.len() == limit {
                    page.more = true;
                    return Ok(page);
                }
                page.records.push((id, record));
            }
            match rows.into_iter().last() {
                Some((key, _)) => after = key,
                None => return Ok(page),
            }
        }
    }

    /// A record and its body, byte for byte.
    ///
    /// # Errors
    ///
    /// There is none, or storage can't be read.
    pub async fn quarantined(
        &self,
        scope: Scope<'_>,
        id: QuarantineId,
    ) -> Result<(QuarantineRecord, Bytes), QuarantineError> {
        let head = self.log.row(QUARANTINE, id.key()).await?.ok_or(QuarantineError::NotFound)?;
        let record: QuarantineRecord =
            serde_json::from_slice(&head).map_err(|error| QuarantineError::Unread(error.to_string()))?;
        if !scope.holds(&record) {
            return Err(QuarantineError::NotFound);
        }
        let body = self.log.row(BODIES, id.key()).await?.ok_or(QuarantineError::NotFound)?;
        Ok((record, body.into()))
    }

    /// Reads a record anew with its source, as if it had come now; it was verified when it came. What was taken
    /// then is not taken again. If all can be read, the record goes in the same commit; else it says what is wrong
    /// now.
    ///
    /// # Errors
    ///
    /// There is no such record or source, or nothing can be written now.
    pub async fn replay(
        &self,
        scope: Scope<'_>,
        id: QuarantineId,
        now: Timestamp,
    ) -> Result<Receipt, QuarantineError> {
        let (record, body) = self.quarantined(scope, id).await?;
        // A source of that name may be another cloud's by now.
        let status = self
            .sources
            .get(&record.source)
            .filter(|status| scope.cloud.is_none() || status.source.tenant.cloud == record.cloud);
        let status = status.ok_or_else(|| QuarantineError::NoSource(record.source.clone()))?;
        let source = &status.source;
        let headers = record.header_map();
        let request =
            Request { method: &Method::POST, headers: &headers, query: None, body: &body, peer: None };
        let verified = Verified::when_it_came(request, record.signed);
        let (items, whole) = match source::read(&source.settings, &verified) {
            Reading::Items(items) => (items, false),
            Reading::Unreadable(why) => (vec![Item::Unreadable(why)], true),
            // Whoever asked has long gone.
            Reading::Answer(_) | Reading::Confirm { .. } => (vec![Item::Ignored("handshake")], false),
        };
        let wanted = items.into_iter().enumerate().map(|(index, item)| match item {
            item if record.wants(index) => item,
            _ => Item::Ignored("taken_before"),
        });
        let wanted = wanted.collect();
        let kept = RequestHead { headers: record.headers.clone(), signed: record.signed, whole };
        let about = About {
            body: &body,
            kept,
            replays: Some((id, record)),
            traceparent: None,
            via: via(&headers),
            now,
        };
        let receipt = self.write(source, wanted, about).await?;
        status.take(&receipt, now);
        Ok(receipt)
    }

    /// Drops a record.
    ///
    /// # Errors
    ///
    /// There is none, or nothing can be written now.
    pub async fn discard(&self, scope: Scope<'_>, id: QuarantineId) -> Result<(), QuarantineError> {
        self.quarantined(scope, id).await?;
        let dropped = self.durable(self.writer.discard(vec![id]).ok_or(Refusal::ShuttingDown)?).await?;
        if dropped == 0 { Err(QuarantineError::NotFound) } else { Ok(()) }
    }

    /// Drops every record of the scope that is there now; tells how many.
    ///
    /// # Errors
    ///
    /// Nothing can be read or written now.
    pub async fn discard_all(&self, scope: Scope<'_>) -> Result<usize, QuarantineError> {
        let mut dropped = 0;
        let mut after = None;
        loop {
            let page = self.quarantine(scope, after, AT_ONCE).await?;
            let ids: Vec<_> = page.records.iter().map(|(id, _)| *id).collect();
            let Some(last) = ids.last() else { return Ok(dropped) };
            after = Some(*last);
            dropped += self.durable(self.writer.discard(ids).ok_or(Refusal::ShuttingDown)?).await?;
        }
    }
}
