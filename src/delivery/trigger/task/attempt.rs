use std::time::Duration;

use crate::delivery::trigger::progress::BatchId;
use crate::event::{Position, Timestamp};
use crate::header::retry_after;
use crate::outgoing::Reply;
use crate::trigger::{Failure, FailureCode, Payload, Verdict, verdict};

/// A batch as it is sent, the same on every attempt.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) id: BatchId,
    /// Its last event.
    pub(crate) last: Position,
    /// Which events are missing and why, if it tells of that.
    pub(crate) gap: Option<String>,
    pub(crate) payload: Payload,
}

/// What became of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) verdict: Verdict,
    /// `None` if there was no answer.
    pub(crate) status: Option<u16>,
    /// Why there was none.
    pub(crate) failure: Option<FailureCode>,
    pub(crate) took: Duration,
    /// The beginning of the answer.
    pub(crate) answer: String,
}

impl Attempt {
    pub(super) fn new(answered: Result<Reply, Failure>, took: Duration) -> Self {
        match answered {
            Ok(Reply { status, headers, body }) => {
                let verdict = verdict(status, retry_after(&headers, Timestamp::now()));
                let answer = String::from_utf8_lossy(&body).into_owned();
                Self { verdict, status: Some(status), failure: None, took, answer }
            }
            Err(failure) => {
                let verdict = Verdict::Failed(None);
                Self { verdict, status: None, failure: Some(failure.code()), took, answer: String::new() }
            }
        }
    }

    /// Of a gap, of which there is nothing that could have been sent.
    pub(super) fn of_gap() -> Self {
        let (verdict, failure) = (Verdict::Refused, Some(FailureCode::Gap));
        Self { verdict, status: None, failure, took: Duration::ZERO, answer: String::new() }
    }

    /// As metrics count it.
    pub(super) fn outcome(&self) -> &'static str {
        match (self.verdict, self.failure) {
            (Verdict::Delivered, _) => "delivered",
            (_, Some(failure)) => failure.as_str(),
            (Verdict::Refused | Verdict::TooLarge, _) => "refused",
            (Verdict::Gone, _) => "gone",
            (Verdict::Failed(_), _) => "failed",
        }
    }
}
