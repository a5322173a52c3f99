use std::sync::Arc;

use tokio::sync::mpsc;

use super::{AppendError, Change, Commit, EventLog, Max, Read, ReadError, Row, Table, offset_before};
use crate::event::Offset;

/// The log for async readers: from memory where it can be, else on a thread that may block.
#[derive(Clone)]
pub struct LogReader {
    log: Arc<dyn EventLog>,
}

impl LogReader {
    /// Reads `log`.
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log }
    }

    /// The log itself, for what does not block.
    pub fn log(&self) -> &dyn EventLog {
        &*self.log
    }

    /// See [`EventLog::read`].
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn read(&self, after: Offset, max: Max) -> Result<Read, ReadError> {
        match self.log.recent(after, max) {
            Some(records) => Ok(Read::Records(records)),
            None => self.blocking(move |log| log.read(after, max)).await,
        }
    }

    /// The same from storage, also where memory has them.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn stored(&self, after: Offset, max: Max) -> Result<Read, ReadError> {
        self.blocking(move |log| log.read(after, max)).await
    }

    /// See [`EventLog::export`]. Chunks come as fast as they are taken; dropping the receiver ends it.
    pub fn export(&self) -> mpsc::Receiver<Result<Vec<u8>, ReadError>> {
        let (chunks, receiver) = mpsc::channel(4);
        let log = Arc::clone(&self.log);
        tokio::task::spawn_blocking(move || {
            let done = log.export(&mut |chunk| chunks.blocking_send(Ok(chunk)).is_ok());
            if let Err(error) = done {
                let _ = chunks.blocking_send(Err(error));
            }
        });
        receiver
    }

    /// See [`EventLog::acknowledge`].
    ///
    /// # Errors
    ///
    /// [`AppendError`] if storage fails.
    pub async fn acknowledge(&self) -> Result<(), AppendError> {
        let log = Arc::clone(&self.log);
        let done = tokio::task::spawn_blocking(move || log.acknowledge()).await;
        done.unwrap_or_else(|panic| Err(AppendError::Failed(panic.to_string())))
    }

    /// Writes to tables, synced. See [`EventLog::append`].
    ///
    /// # Errors
    ///
    /// [`AppendError`]; nothing of it is written then, or only recovery knows.
    pub async fn write(&self, changes: Vec<(Table, Change)>) -> Result<(), AppendError> {
        let log = Arc::clone(&self.log);
        let commit = Commit { records: Vec::new(), changes };
        let done = tokio::task::spawn_blocking(move || log.append(commit)).await;
        done.unwrap_or_else(|panic| Err(AppendError::Failed(panic.to_string()))).map(drop)
    }

    /// See [`offset_before`].
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn offset_before(&self, time_ms: i64) -> Result<Offset, ReadError> {
        self.blocking(move |log| offset_before(log, time_ms)).await
    }

    /// See [`EventLog::row`].
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn row(&self, table: Table, key: Vec<u8>) -> Result<Option<Vec<u8>>, ReadError> {
        self.blocking(move |log| log.row(table, &key)).await
    }

    /// See [`EventLog::rows`].
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    pub async fn rows(&self, table: Table, after: Vec<u8>, limit: usize) -> Result<Vec<Row>, ReadError> {
        self.blocking(move |log| log.rows(table, &after, limit)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn EventLog) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let log = Arc::clone(&self.log);
        let done = tokio::task::spawn_blocking(move || call(&*log)).await;
        done.unwrap_or_else(|panic| Err(ReadError(panic.to_string())))
    }
}
