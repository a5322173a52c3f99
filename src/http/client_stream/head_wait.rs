use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::metrics::Counter;

/// For how long a connection may say nothing, or only a part of a head, while no request of it is answered.
#[derive(Clone, Debug)]
pub(in crate::http) struct HeadLimits {
    /// From the accept to the end of the first head, and from the first byte of each later one to its end.
    pub head: Duration,
    /// From the end of an answer to the first byte of the next head.
    pub idle: Duration,
    /// Counts heads that took too long.
    pub slow: Counter,
    /// Counts connections that were kept in vain.
    pub unused: Counter,
}

/// The wait for a request's head, and its end. Somebody who was answered may be silent for long; who has begun a head,
/// or has sent none yet, may not.
pub(super) struct HeadWait {
    until: Instant,
    /// Nothing of a head has come since the last answer.
    is_idle: bool,
    /// Made when something is waited for the first time.
    timer: Option<Pin<Box<Sleep>>>,
}

impl HeadWait {
    /// The wait for the first head, from now on.
    pub(super) fn new(limits: &HeadLimits) -> Self {
        Self { until: Instant::now() + limits.head, is_idle: false, timer: None }
    }

    /// An answer is out: from now on the next request is waited for.
    pub(super) fn rest(&mut self, limits: &HeadLimits) {
        self.until = Instant::now() + limits.idle;
        self.is_idle = true;
    }

    /// Notes what came. Empty lines between requests, as some clients send them after a body, begin none.
    pub(super) fn hear(&mut self, bytes: &[u8], limits: &HeadLimits) {
        if self.is_idle && bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.until = Instant::now() + limits.head;
            self.is_idle = false;
        }
    }

    /// Ready when it took too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, limits: &HeadLimits) -> Poll<()> {
        let until = self.until;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        // A timer that ends too early costs one wake-up; to set it anew for each request would cost more.
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        ready!(timer.as_mut().poll(cx));
        if timer.deadline() < until {
            timer.as_mut().reset(until);
            ready!(timer.as_mut().poll(cx));
        }
        if self.is_idle { &limits.unused } else { &limits.slow }.inc();
        Poll::Ready(())
    }
}
