use super::Bus;
use crate::event::Offset;
use crate::log::{Max, Read, ReadError, Record};

impl Bus {
    /// Shows `see` the newest `count` events, as many as there are, in their order. It waits for its turn
    /// among the replays, page by page.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn newest(&self, count: usize, mut see: impl FnMut(&Record)) -> Result<(), ReadError> {
        let bounds = self.reader.bounds();
        let count = Offset::try_from(count).unwrap_or(Offset::MAX);
        let mut after = bounds.newest.saturating_sub(count).max(bounds.oldest - 1);
        while after < bounds.newest {
            // Nobody closes the semaphore; without it a turn would not be waited for, that is all.
            let _turn = self.reads.acquire().await;
            match self.reader.read(after, Max::PAGE).await? {
                Read::Records(records) => {
                    let Some(last) = records.last() else { return Ok(()) };
                    after = last.offset;
                    // Events that came meanwhile are not asked for.
                    for record in records.iter().filter(|record| record.offset <= bounds.newest) {
                        see(record);
                    }
                }
                Read::Gap(gap) => after = gap.to,
            }
        }
        Ok(())
    }
}
