use super::{Bus, Search};
use crate::event::Offset;
use crate::log::{Max, Read, ReadError, Record};

impl Bus {
    /// Shows `see` the newest `count` events, as many as there are and the filter may search, in their order, and whether
    /// each matches. It waits for its turn among the replays, page by page.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub(crate) async fn newest(
        &self,
        count: usize,
        search: &mut Search,
        mut see: impl FnMut(&Record, bool),
    ) -> Result<(), ReadError> {
        let bounds = self.reader.bounds();
        let count = Offset::try_from(count).unwrap_or(Offset::MAX);
        let mut after = bounds.newest.saturating_sub(count).max(bounds.oldest - 1);
        while after < bounds.newest {
            match self.read_in_turn(after, Max::PAGE.records).await? {
                Read::Records(records) => {
                    let Some(last) = records.last() else { return Ok(()) };
                    after = last.offset;
                    // Events that came meanwhile are not asked for.
                    let asked = records.partition_point(|record| record.offset <= bounds.newest);
                    let found = search.matches(&records[..asked]).await?;
                    for (record, matches) in records.iter().zip(&found.wanted) {
                        see(record, *matches);
                    }
                    if found.is_over {
                        return Ok(());
                    }
                }
                Read::Gap(gap) => after = gap.to,
            }
        }
        Ok(())
    }
}
