use std::io::{self, Write};
use std::mem::take;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::metrics::Counter;

/// Bytes that wait to be written; a line beyond them is dropped. As many more may be on their way.
const MOST: usize = 1 << 20;
/// After the other end said that it takes nothing now.
const PAUSE: Duration = Duration::from_millis(20);

/// Lines that wait for a slow reader: whoever adds one never does.
pub(in crate::cli) struct Queue {
    waiting: Mutex<Waiting>,
    /// There is a line to write.
    more: Condvar,
    /// All that was there is written.
    done: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Whether some are on their way.
    writing: bool,
    /// Since the start, and how many of them were told of.
    dropped: u64,
    told: u64,
    counter: Option<Counter>,
}

impl Queue {
    /// One whose lines go to `to`, from a thread of its own that lives as long as the process.
    pub(in crate::cli) fn start(to: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::empty());
        let own = Arc::clone(&queue);
        thread::Builder::new().name("diagnostics".into()).spawn(move || own.write_all(to))?;
        Ok(queue)
    }

    fn empty() -> Self {
        Self { waiting: Mutex::default(), more: Condvar::new(), done: Condvar::new() }
    }

    /// Adds a line, or drops it where too much waits.
    pub(in crate::cli) fn push(&self, line: &[u8]) {
        let mut waiting = self.waiting.lock();
        if waiting.bytes.len() + line.len() > MOST {
            return waiting.drop_lines(1);
        }
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        self.more.notify_one();
    }

    /// Counts what is dropped there too, from the first on.
    pub(in crate::cli) fn count_on(&self, counter: Counter) {
        let mut waiting = self.waiting.lock();
        counter.inc_by(waiting.dropped);
        waiting.counter = Some(counter);
    }

    /// Waits until what was added is written, but no longer than `most`.
    pub(in crate::cli) fn flush(&self, most: Duration) {
        let end = Instant::now() + most;
        let mut waiting = self.waiting.lock();
        while waiting.writing || !waiting.bytes.is_empty() {
            if self.done.wait_until(&mut waiting, end).timed_out() {
                return;
            }
        }
    }

    fn write_all(&self, mut to: impl Write) {
        loop {
            let bytes = self.next();
            let written = write_patiently(&mut to, &bytes);
            let mut waiting = self.waiting.lock();
            if written.is_err() {
                let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
                waiting.drop_lines(lines as u64);
            }
            let untold = waiting.dropped > waiting.told && written.is_ok();
            if untold {
                waiting.told = waiting.dropped;
            }
            let dropped = waiting.dropped;
            drop(waiting);
            if untold {
                tracing::warn!(
                    dropped,
                    "nobody read the diagnostics: lines were dropped, so many since the start"
                );
            }
            self.waiting.lock().writing = false;
            self.done.notify_all();
        }
    }

    /// What waits, once there is some.
    fn next(&self) -> Vec<u8> {
        let mut waiting = self.waiting.lock();
        while waiting.bytes.is_empty() {
            self.more.wait(&mut waiting);
        }
        waiting.writing = true;
        take(&mut waiting.bytes)
    }
}

impl Waiting {
    fn drop_lines(&mut self, count: u64) {
        self.dropped += count;
        if let Some(counter) = &self.counter {
            counter.inc_by(count);
        }
    }
}

/// Waits as long as it takes, also where the other end was set not to wait.
fn write_patiently(to: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_its_bound_a_line_is_dropped_and_held() {
        let queue = Queue::empty();
        queue.push(&vec![b'x'; MOST - 2]);
        let counter = Counter::default();
        let held = || {
            let waiting = queue.waiting.lock();
            (waiting.bytes.len(), waiting.dropped)
        };
        queue.push(b"1");
        assert_eq!(held(), (MOST - 1, 0));
        queue.push(b"2");
        assert_eq!(held(), (MOST, 0));
        queue.push(b"3");
        queue.count_on(counter.clone());
        assert_eq!(counter.get(), 1);
        queue.push(b"4");
        assert_eq!((held(), counter.get()), ((MOST, 2), 2));
        let began = Instant::now();
        queue.flush(Duration::from_millis(1));
        assert!(began.elapsed() >= Duration::from_millis(1), "nobody writes");
    }

    #[test]
    fn what_is_added_is_written_in_order_and_an_end_that_is_closed_loses_it() {
        let (mut there, here) = io::pipe().unwrap();
        let queue = Queue::start(here).unwrap();
        let counter = Counter::default();
        queue.count_on(counter.clone());
        queue.push(b"one\n");
        queue.push(b"two\n");
        queue.flush(Duration::from_secs(20));
        let mut text = [0; 8];
        io::Read::read_exact(&mut there, &mut text).unwrap();
        assert_eq!(&text, b"one\ntwo\n");
        drop(there);
        queue.push(b"three\nfour\n");
        queue.flush(Duration::from_secs(20));
        assert_eq!(counter.get(), 2);
    }
}
