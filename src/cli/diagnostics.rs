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
use crate::config::hint;
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
    pub(super) fn start(filter: EnvFilter) -> Self {
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
        let lines = Arc::clone(&queue);
        let lines =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || Line(Arc::clone(&lines)));
        let set = if is_terminal { lines.try_init() } else { lines.json().try_init() };
        if let Err(error) = set {
            queue.push(format!("tagcast: diagnostics: {error}\n").as_bytes());
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

/// What is to be reported, and what is wrong with each part that can't be read.
pub(super) fn read(filter: &str) -> (EnvFilter, Vec<String>) {
    let parts = || filter.split(',').map(str::trim).filter(|part| !part.is_empty());
    let wrong = parts().filter_map(|part| wrong(part).map(|why| format!("'{part}' {why}"))).collect();
    let good = parts().filter(|part| part.parse::<Directive>().is_ok());
    // The storage engine tells of its own affairs at `info`.
    let good: Vec<_> = good.chain(["fjall=warn", "lsm_tree=warn"]).collect();
    (EnvFilter::new(good.join(",")), wrong)
}

/// What is wrong with a part of a filter: one that names no level, and looks like one, would silence all but a module.
fn wrong(part: &str) -> Option<String> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let level = part.rsplit('=').next().unwrap_or_default();
    let is_word = part.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_level = LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level));
    let hint = hint(level, LEVELS);
    let is_good = part.parse::<Directive>().is_ok() && (is_level || !is_word || hint.is_empty());
    (!is_good).then(|| format!("is neither a level (error, warn, info, debug) nor MODULE=LEVEL{hint}"))
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
        assert!(
            wrong.len() == 2 && wrong[0].starts_with("'a=b=c' is") && wrong[1].starts_with("'loud=very' is")
        );
        let text = filter.to_string();
        assert!(text.contains("tagcast::bus=debug") && text.contains("fjall=warn"), "{text}");
    }

    #[test]
    fn a_misspelt_level_is_no_module() {
        for (part, meant) in
            [("wran", "warn"), ("warning", "warn"), ("tagcast=dbug", "debug"), ("infos", "info")]
        {
            let told = read(part).1.concat();
            assert!(told.ends_with(&format!("did you mean \"{meant}\"?")), "{part}: {told}");
        }
        for part in
            ["info", "WARN", "off", "tagcast", "tagcast::bus", "hyper=trace", "tagcast[span]=debug", "2"]
        {
            assert_eq!(read(part).1, Vec::<String>::new(), "{part}");
        }
        assert_eq!(read("bogus==").1.len(), 1);
    }
}
