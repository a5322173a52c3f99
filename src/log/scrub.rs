use std::time::Duration;

use super::{LogHandle, Max, Read};

/// After a read that storage could not answer.
const PAUSE: Duration = Duration::from_secs(10);

/// Reads the whole log again and again, once in `every` and at most so many bytes a second, so that damage is
/// found before a reader meets it; the log notes what it finds. Ends only with the runtime.
pub(crate) async fn scrub(log: LogHandle, every: Duration, bytes_per_second: u64) {
    loop {
        let began = tokio::time::Instant::now();
        let bounds = log.bounds();
        let mut after = bounds.oldest - 1;
        while after < bounds.newest {
            match log.stored(after, Max::PAGE).await {
                Ok(Read::Records(records)) => {
                    let Some(last) = records.last() else { break };
                    after = last.offset;
                    let bytes: usize = records.iter().map(|record| record.weight()).sum();
                    let millis = bytes as u64 * 1_000 / bytes_per_second.max(1);
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                }
                Ok(Read::Gap(gap)) => after = gap.to,
                Err(error) => {
                    tracing::warn!(%error, after, "the log can't be read to be checked");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        tracing::debug!(newest = bounds.newest, "the log was checked");
        tokio::time::sleep_until(began + every).await;
    }
}
