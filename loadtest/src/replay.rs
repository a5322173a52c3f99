//! One reader of the past: all that the gateway recorded after a position.

use anyhow::{Context as _, bail};

use crate::clock::{self, SECOND};
use crate::dialect::Hello;
use crate::event_id::EventId;
use crate::handshake::{Batches, Subscription};
use crate::message::{Events, Notice};
use crate::options::Common;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::subscriber::{self, Plan, Sink};
use crate::verify;

/// Nothing for so long: no more will come.
const SILENCE: u64 = 5 * SECOND;
/// How long to listen for what should not come, once everything expected is there.
const LINGER: u64 = SECOND / 2;

/// Where the log ends now.
///
/// # Errors
///
/// If the gateway can't be reached or does not say it.
pub fn position(common: &Common) -> anyhow::Result<EventId> {
    let mut sink = Listener::new(None, |_: &[u8]| ());
    listen(common, Subscription::default(), &mut sink)?;
    if let Some(fault) = sink.fault {
        bail!("{fault}");
    }
    sink.position.context("the gateway does not tell its position")
}

/// What a replay brought.
#[derive(Debug, Default)]
pub struct Replay {
    /// Every event, in the order of arrival.
    pub events: Vec<EventId>,
    /// The gap, error or end that stopped it.
    pub fault: Option<String>,
}

impl Replay {
    /// Checks that it went to its end, and brought what was acknowledged.
    pub fn check(&self, what: &str, outcome: &Outcome, report: &mut Report) {
        if let Some(fault) = &self.fault {
            report.check("the replay ended early", fault, false);
        }
        let verdict = verify::compare_all(&outcome.events, &self.events);
        report.check(what, &verdict, verdict.is_good(outcome.unknown() > 0));
    }
}

/// Every event that the filter wants after `after`. It ends a while after `expected` of them, or in silence.
///
/// # Errors
///
/// If the gateway can't be reached.
pub fn read(
    common: &Common,
    filter: String,
    after: EventId,
    expected: usize,
    envelope: impl FnMut(&[u8]),
) -> anyhow::Result<Replay> {
    let cutoff = Some("50ms".to_owned());
    let batches = Batches { batch_size: Some(5_000), batch_bytes: Some(1 << 20), cutoff };
    let subscription = Subscription { filter, after: Some(after.to_string()), batches };
    let mut sink = Listener::new(Some(expected), envelope);
    listen(common, subscription, &mut sink)?;
    Ok(Replay { events: sink.got, fault: sink.fault })
}

fn listen(
    common: &Common,
    subscription: Subscription,
    sink: &mut Listener<impl FnMut(&[u8])>,
) -> anyhow::Result<()> {
    let plan = Plan::new(common, 1, Hello::Tagcast(vec![subscription]), 0);
    subscriber::run(&plan, sink).map(|_| ())
}

struct Listener<F> {
    /// So many events are all; `None`: the subscription alone is.
    expected: Option<usize>,
    envelope: F,
    events: Events,
    got: Vec<EventId>,
    position: Option<EventId>,
    fault: Option<String>,
    /// When the last batch came.
    heard: u64,
}

impl<F> Listener<F> {
    fn new(expected: Option<usize>, envelope: F) -> Self {
        Self {
            expected,
            envelope,
            events: Events::default(),
            got: Vec::new(),
            position: None,
            fault: None,
            heard: clock::now(),
        }
    }
}

impl<F: FnMut(&[u8])> Sink for Listener<F> {
    fn batch(&mut self, _: usize, envelope: &[u8], now: u64) {
        self.heard = now;
        self.events.each(envelope, |id, _| self.got.push(id));
        (self.envelope)(envelope);
    }

    fn notice(&mut self, _: usize, notice: Notice) {
        match notice {
            Notice::Subscribed(position) => self.position = position,
            Notice::Position(_) => {}
            Notice::Gap(text) | Notice::Error(text) => self.fault = Some(text),
        }
    }

    fn closed(&mut self, _: usize, why: String) {
        self.fault = Some(why);
    }

    fn turn(&mut self, now: u64) -> bool {
        let silent = now.saturating_sub(self.heard);
        self.fault.is_some()
            || match self.expected {
                None => self.position.is_some() || silent > SILENCE,
                Some(expected) => silent > if self.got.len() < expected { SILENCE } else { LINGER },
            }
    }
}
