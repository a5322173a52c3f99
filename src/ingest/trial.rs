use super::interpreter::{Interpreter, Outcome, content};
use super::{Receipt, Source};
use crate::event::{Event, Notification, Timestamp, TraceContext};
use crate::source::{self, Handshake, Item, Keys, Reading, Request, Unreadable};

/// A source on a catalog of its own, without a server: it says what requests become and writes nothing.
pub struct Trial {
    source: Source,
    interpreter: Interpreter,
}

/// What a request became.
#[derive(Debug, Default)]
pub struct TrialReport {
    /// The counts of the answer. The events have no ids, since they have no place in a log.
    pub receipt: Receipt,
    /// The events, in their order.
    pub events: Vec<Event>,
    /// Why notifications are no event.
    pub ignored: Vec<&'static str>,
    /// Which notifications can't be read, and why.
    pub unreadable: Vec<(usize, Unreadable)>,
    /// The answer to a handshake.
    pub answer: Option<Handshake>,
    /// What would be asked for before the answer.
    pub confirm: Option<String>,
}

impl Trial {
    /// Begins with an empty catalog.
    pub fn new(source: Source) -> Self {
        Self { source, interpreter: Interpreter::default() }
    }

    /// Takes a request as if it had arrived at `now`.
    ///
    /// # Errors
    ///
    /// The request is not the source's.
    pub fn take(&mut self, request: Request<'_>, now: Timestamp) -> Result<TrialReport, source::Refusal> {
        let verified = source::verify(&self.source.settings, request, &Keys::default(), now)?;
        let mut tried = TrialReport::default();
        match source::read(&self.source.settings, &verified) {
            Reading::Answer(answer) => tried.answer = Some(answer),
            Reading::Confirm { url } => tried.confirm = Some(url),
            Reading::Unreadable(why) => tried.unreadable.push((0, why)),
            Reading::Items(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    match item {
                        Item::Told(told) => self.told(index, &told, now, &mut tried),
                        Item::Ignored(reason) => tried.ignored.push(reason),
                        Item::Unreadable(why) => tried.unreadable.push((index, why)),
                    }
                }
            }
        }
        tried.receipt.accepted = tried.events.len();
        tried.receipt.ignored = tried.ignored.len();
        tried.receipt.quarantined = tried.unreadable.len();
        Ok(tried)
    }

    fn told(&mut self, index: usize, told: &Notification, now: Timestamp, tried: &mut TrialReport) {
        match self.interpreter.take(&self.source, told, content(told), &TraceContext::default(), now) {
            Outcome::Events(events) if events.is_empty() => tried.ignored.push("unchanged"),
            Outcome::Events(events) => tried.events.extend(events),
            Outcome::Repeat => tried.receipt.duplicates += 1,
            Outcome::Conflict => tried.unreadable.push((index, Unreadable::conflict(&told.id))),
        }
        // A trial is never written, so there is nothing to take back.
        self.interpreter.catalog.settle();
        self.interpreter.repeats.settle();
    }
}
