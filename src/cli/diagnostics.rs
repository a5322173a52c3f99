//! Lines for whoever runs the gateway. Nobody waits for them: they may go into a pipe that nobody reads.

mod queue;

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::panic::PanicHookInfo;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

pub(super) use self::queue::Queue;
use crate::message::unbroken;
use crate::metrics::Counter;

/// How long the end of the process waits for its last lines.
pub(super) const LAST: Duration = Duration::from_secs(1);
/// How long a panic does, which may be the end.
const PANIC: Duration = Duration::from_millis(100);

/// What is reported on standard error while it is there; dropping it waits a moment for the last lines.
pub(super) struct Diagnostics {
    queue: Option<Arc<Queue>>,
}

/// Where the lines are made.
struct Line(Arc<Queue>);

impl Diagnostics {
    /// Plain lines for a person, JSON for whatever collects them; panics too.
    pub(super) fn start(filter: &str) -> Self {
        let stderr = io::stderr();
        let is_terminal = stderr.is_terminal();
        // A descriptor of its own: who holds the lock of the other one while nobody reads would stop all others.
        let own = stderr.as_fd().try_clone_to_owned();
        let queue = match own.and_then(|own| Queue::start(File::from(own))) {
            Ok(queue) => queue,
            Err(error) => {
                say(io::stderr(), format!("tagcast: diagnostics: {error}\n"));
                return Self { queue: None };
            }
        };
        let (filter, wrong) = read(filter);
        let lines = Arc::clone(&queue);
        let lines =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || Line(Arc::clone(&lines)));
        let set = if is_terminal { lines.try_init() } else { lines.json().try_init() };
        if let Err(error) = set {
            queue.push(format!("tagcast: diagnostics: {error}\n").as_bytes());
        }
        for directive in wrong {
            tracing::warn!(directive, "a part of --log that can't be read is ignored");
        }
        let last = Arc::clone(&queue);
        std::panic::set_hook(Box::new(move |panic| tell_panic(panic, &last)));
        Self { queue: Some(queue) }
    }

    /// Counts what is dropped there.
    pub(super) fn count_on(&self, dropped: &Counter) {
        if let Some(queue) = &self.queue {
            queue.count_on(dropped.clone());
        }
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.flush(LAST);
        }
    }
}

impl Write for Line {
    /// `line` is a whole one.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // In JSON as on a terminal, what is an escape ends no line.
        self.0.push(unbroken(line).as_deref().unwrap_or(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes `text`, and waits for that a moment at most.
pub(super) fn say(mut to: impl Write + Send + 'static, text: String) {
    let (said, done) = mpsc::sync_channel(1);
    let saying = thread::Builder::new().spawn(move || {
        // Whether anyone reads it is no concern of the gateway's.
        let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
        let _ = said.send(());
    });
    if saying.is_ok() {
        let _ = done.recv_timeout(LAST);
    }
}

/// What is to be reported, and what of it can't be read.
fn read(filter: &str) -> (EnvFilter, Vec<&str>) {
    let (good, wrong): (Vec<_>, Vec<_>) = filter
        .split(',')
        .filter(|directive| !directive.trim().is_empty())
        .partition(|directive| directive.parse::<Directive>().is_ok());
    // The storage engine tells of its own affairs at `info`.
    let good = [good.as_slice(), &["fjall=warn", "lsm_tree=warn"]].concat().join(",");
    (EnvFilter::new(good), wrong)
}

fn tell_panic(panic: &PanicHookInfo<'_>, queue: &Queue) {
    let thread = thread::current();
    let trace = std::backtrace::Backtrace::capture();
    let trace =
        matches!(trace.status(), std::backtrace::BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(thread = thread.name(), trace, "{panic}");
    queue.flush(PANIC);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_read_of_a_filter_is_told() {
        let (filter, wrong) = read("info,tagcast::bus=debug,a=b=c,,loud=very");
        assert_eq!(wrong, ["a=b=c", "loud=very"]);
        let text = filter.to_string();
        assert!(text.contains("tagcast::bus=debug") && text.contains("fjall=warn"), "{text}");
    }
}
