use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, watch};

use super::{
    AppendError, Bounds, Change, Condition, Home, Max, Read, ReadError, Record, Room, Row, Table, Upkeep,
    offset_before,
};
use crate::event::{Epoch, Offset};

/// Reads at once. Fewer than threads that may wait for the disk: whatever is read, who writes finds one.
const READS: usize = 128;

/// A home for all but the writer, who alone appends and calls for upkeep. What may block the caller is done on
/// a thread that may.
#[derive(Clone)]
pub struct LogHandle {
    home: Arc<dyn Home>,
    reads: Arc<Semaphore>,
}

impl LogHandle {
    /// A handle on `home`.
    pub fn new(home: Arc<dyn Home>) -> Self {
        Self { home, reads: Arc::new(Semaphore::new(READS)) }
    }

    /// How far the log reaches.
    pub fn bounds(&self) -> Bounds {
        self.home.bounds()
    }

    /// The newest offset, to wait for more.
    pub fn tail(&self) -> watch::Receiver<Offset> {
        self.home.tail()
    }

    /// The events behind `after` from memory alone; `None` where only storage has them.
    pub fn recent(&self, after: Offset, max: Max) -> Option<Vec<Arc<Record>>> {
        self.home.recent(after, max)
    }

    /// Of an earlier life of this log: up to which offset its events are the same.
    pub fn former(&self, epoch: Epoch) -> Option<Offset> {
        self.home.former(epoch)
    }

    /// Whether it takes events, as far as its room goes.
    pub fn room(&self) -> Room {
        self.home.room()
    }

    /// What an operator should know of it.
    pub fn condition(&self) -> Condition {
        self.home.condition()
    }

    /// The events behind `after`, from memory where it has them.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn read(&self, after: Offset, max: Max) -> Result<Read, ReadError> {
        match self.home.recent(after, max) {
            Some(records) => Ok(Read::Records(records)),
            None => self.stored(after, max).await,
        }
    }

    /// The same for whoever hands on what everybody waits for: it never waits for those who read for themselves.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn follow(&self, after: Offset, max: Max) -> Result<Read, ReadError> {
        match self.home.recent(after, max) {
            Some(records) => Ok(Read::Records(records)),
            None => self.on_a_thread(move |home| home.read(after, max)).await,
        }
    }

    /// The same from storage, also where memory has them.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn stored(&self, after: Offset, max: Max) -> Result<Read, ReadError> {
        self.reading(move |home| home.read(after, max)).await
    }

    /// The last offset of events accepted before `time_ms`.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn offset_before(&self, time_ms: i64) -> Result<Offset, ReadError> {
        self.reading(move |home| offset_before(home, time_ms)).await
    }

    /// One row of a table.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn row(&self, table: Table, key: Vec<u8>) -> Result<Option<Vec<u8>>, ReadError> {
        self.reading(move |home| home.row(table, &key)).await
    }

    /// Up to `limit` rows of a table, in the order of their keys, those behind `after` only.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn rows(&self, table: Table, after: Vec<u8>, limit: usize) -> Result<Vec<Row>, ReadError> {
        self.reading(move |home| home.rows(table, &after, limit)).await
    }

    /// Writes to the caller's own tables, synced.
    ///
    /// # Errors
    ///
    /// [`AppendError`]; nothing of it is written then, or only recovery knows.
    pub async fn write(&self, changes: Vec<(Table, Change)>) -> Result<(), AppendError> {
        self.writing(move |home| home.write(changes)).await
    }

    /// Says that an operator knows of what was damaged or lost so far.
    ///
    /// # Errors
    ///
    /// [`AppendError`] if storage fails.
    pub async fn acknowledge(&self) -> Result<(), AppendError> {
        self.writing(Upkeep::acknowledge).await
    }

    /// A copy of log and tables. Chunks come as fast as they are taken; dropping the receiver ends it.
    pub fn export(&self) -> mpsc::Receiver<Result<Vec<u8>, ReadError>> {
        let (chunks, receiver) = mpsc::channel(4);
        let home = Arc::clone(&self.home);
        tokio::task::spawn_blocking(move || {
            let done = home.export(&mut |chunk| chunks.blocking_send(Ok(chunk)).is_ok());
            if let Err(error) = done {
                let _ = chunks.blocking_send(Err(error));
            }
        });
        receiver
    }

    async fn reading<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Home) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let place = Arc::clone(&self.reads).acquire_owned().await;
        let place = place.map_err(|closed| ReadError(closed.to_string()))?;
        self.on_a_thread(move |home| {
            // Until the read ends, whether or not anyone waits for it still.
            let _place = place;
            call(home)
        })
        .await
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Home) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let home = Arc::clone(&self.home);
        let done = tokio::task::spawn_blocking(move || call(&*home)).await;
        done.unwrap_or_else(|panic| Err(ReadError(panic.to_string())))
    }

    async fn writing(
        &self,
        call: impl FnOnce(&dyn Home) -> Result<(), AppendError> + Send + 'static,
    ) -> Result<(), AppendError> {
        let home = Arc::clone(&self.home);
        let done = tokio::task::spawn_blocking(move || call(&*home)).await;
        done.unwrap_or_else(|panic| Err(AppendError::Failed(panic.to_string())))
    }
}
