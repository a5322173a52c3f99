use std::sync::Arc;

use super::search::Matches;
use super::{Bus, Search};
use crate::event::Offset;
use crate::log::{Gap, GapReason, Max, Read, ReadError, Record};

/// Events that are looked at for one page, whatever matches.
pub(crate) const LOOKED_AT: usize = 20_000;
/// Bytes of the messages on a page, and one message more.
const BYTES: usize = 1 << 20;
/// Events that are read at once on the way back.
const BACK: Offset = 512;

/// Some of what lies in the log.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// What matches, in the order in which it was asked for.
    pub records: Vec<Arc<Record>>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// Forwards: everything up to here was looked at. Back: everything from here on.
    pub reached: Offset,
    /// Whether there is more behind that.
    pub more: bool,
}

/// What a page still has room for.
struct Room {
    records: usize,
    bytes: usize,
    looks: usize,
}

impl Room {
    fn new(limit: usize) -> Self {
        Self { records: limit, bytes: BYTES, looks: LOOKED_AT }
    }

    fn is_over(&self) -> bool {
        self.records == 0 || self.bytes == 0 || self.looks == 0
    }

    fn take(&mut self, record: &Record) {
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(record.message.len());
    }
}

impl Bus {
    /// Up to `limit` events behind `after` that match, oldest first. One call looks at [`LOOKED_AT`] events at
    /// most, and as far as the filter may search; it waits for its turn among the replays.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub(crate) async fn page(
        &self,
        mut search: Search,
        after: Offset,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let mut page = Page { reached: after, ..Page::default() };
        let mut room = Room::new(limit);
        while !room.is_over() {
            let records = match self.read_in_turn(page.reached, room.looks).await? {
                Read::Records(records) if records.is_empty() => return Ok(page),
                Read::Records(records) => records,
                Read::Gap(gap) => {
                    page.reached = gap.to;
                    page.gaps.push(gap);
                    continue;
                }
            };
            let found = search.matches(&records).await?;
            page.look(records, &found, &mut room);
            if found.is_over {
                break;
            }
        }
        page.more = page.reached < self.reader.bounds().newest;
        Ok(page)
    }

    /// Up to `limit` events before `before` and behind `after` that match, newest first; bounded as [`Self::page`].
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub(crate) async fn page_back(
        &self,
        mut search: Search,
        (before, after): (Offset, Option<Offset>),
        limit: usize,
    ) -> Result<Page, ReadError> {
        let bounds = self.reader.bounds();
        let end = after.unwrap_or(0).max(bounds.oldest - 1);
        let mut page = Page { reached: before.min(bounds.newest + 1), ..Page::default() };
        let mut room = Room::new(limit);
        while page.reached > end + 1 && !room.is_over() {
            let from = (page.reached - 1).saturating_sub(BACK).max(end);
            let mut records = self.between(from, page.reached, &mut page.gaps).await?;
            records.reverse();
            let found = search.matches(&records).await?;
            if page.look(records, &found, &mut room) || found.is_over {
                page.more = true;
                return Ok(page);
            }
            page.reached = from + 1;
        }
        page.more = page.reached > end + 1;
        if let Some(after) = after.filter(|after| !page.more && after + 1 < bounds.oldest) {
            let (from, to) = (after + 1, bounds.oldest - 1);
            page.gaps.push(Gap { from, to, reason: GapReason::Retention });
        }
        Ok(page)
    }

    /// The events between two offsets, neither included; what is missing goes into `gaps`.
    async fn between(
        &self,
        mut after: Offset,
        before: Offset,
        gaps: &mut Vec<Gap>,
    ) -> Result<Vec<Arc<Record>>, ReadError> {
        let mut found = Vec::new();
        while after + 1 < before {
            let wanted = usize::try_from(before - after - 1).unwrap_or(usize::MAX);
            match self.read_in_turn(after, wanted).await? {
                Read::Records(records) => {
                    let Some(last) = records.last() else { break };
                    after = last.offset;
                    found.extend(records);
                }
                Read::Gap(gap) => {
                    after = gap.to;
                    gaps.push(Gap { to: gap.to.min(before - 1), ..gap });
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn read_in_turn(&self, after: Offset, most: usize) -> Result<Read, ReadError> {
        // Nobody closes the semaphore; without it a turn would not be waited for, that is all.
        let _turn = self.reads.acquire().await;
        // Events in memory are had without waiting, and others are to have their turn.
        tokio::task::yield_now().await;
        self.reader.read(after, Max { records: most.min(Max::PAGE.records), ..Max::PAGE }).await
    }
}

impl Page {
    /// Looks at records in their order; true if there was no room for some that were matched.
    fn look(&mut self, records: Vec<Arc<Record>>, found: &Matches, room: &mut Room) -> bool {
        for (record, matches) in records.into_iter().zip(&found.wanted) {
            if room.is_over() {
                return true;
            }
            room.looks -= 1;
            self.reached = record.offset;
            if *matches {
                room.take(&record);
                self.records.push(record);
            }
        }
        false
    }
}
