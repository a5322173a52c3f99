//! What became of posts, counted the same way in every workload.

use std::collections::BTreeMap;

use memchr::memmem;

use crate::clock::{float, float_len};
use crate::event_id::{EventId, ids_in};
use crate::http::Answer;
use crate::report::Report;

/// Posts by what the gateway made of them.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Answered with 200 and `accepted` above 0.
    pub accepted: u64,
    /// Answered with 200 and `accepted` 0.
    pub without_event: u64,
    /// Answered with anything else, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Connections that ended before the answer: nobody knows what became of the post.
    pub lost: u64,
    /// Every event that was acknowledged.
    pub events: Vec<EventId>,
}

impl Outcome {
    /// Counts an answer; how many events it acknowledged, if it is a 200.
    pub fn answered(&mut self, answer: &Answer<'_>) -> Option<usize> {
        if answer.status != 200 {
            *self.refused.entry(answer.status).or_default() += 1;
            return None;
        }
        let before = self.events.len();
        self.events.extend(ids_in(answer.body));
        if accepted(answer.body) {
            self.accepted += 1;
        } else {
            self.without_event += 1;
        }
        Some(self.events.len() - before)
    }

    /// How many posts have no known outcome: they may have made events that nobody heard of.
    pub fn unknown(&self) -> u64 {
        // A 503 may come when the write is late, and yet is made.
        self.lost + self.refused.get(&503).copied().unwrap_or(0)
    }

    /// How many were not answered with 200.
    pub fn failed(&self) -> u64 {
        self.lost + self.refused.values().sum::<u64>()
    }

    /// Tells the counts.
    pub fn tell(&self, report: &mut Report) {
        report.figure("posts accepted", float(self.accepted), "");
        report.figure("events acknowledged", float_len(self.events.len()), "");
        if self.without_event > 0 {
            report.figure("posts without event", float(self.without_event), "");
        }
        for (status, &count) in &self.refused {
            report.figure(format!("posts answered {status}"), float(count), "");
        }
        if self.lost > 0 {
            report.figure("posts without answer", float(self.lost), "");
        }
    }

    /// Checks that every post was answered with 200.
    pub fn check(&self, report: &mut Report) {
        report.check("posts not answered with 200", &self.failed(), self.failed() == 0);
    }
}

fn accepted(body: &[u8]) -> bool {
    const NAME: &[u8] = b"\"accepted\":";
    let digits = memmem::find(body, NAME).and_then(|at| body.get(at + NAME.len()..));
    digits.is_some_and(|digits| digits.first().is_some_and(|digit| (b'1'..=b'9').contains(digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_what_was_said() {
        let mut outcome = Outcome::default();
        let mut answer = |status, body: &'static str| {
            outcome.answered(&Answer { status, accept: b"", body: body.as_bytes(), length: 0 })
        };
        let ids = r#"{"accepted":1,"events":["crtjsu23lo00000004j7","crtjsu23lo00000004j8"]}"#;
        assert_eq!(answer(200, ids), Some(2));
        assert_eq!(answer(200, r#"{"accepted":0,"duplicates":1,"events":[]}"#), Some(0));
        assert_eq!(answer(503, "{}"), None);
        assert_eq!(
            (outcome.accepted, outcome.without_event, outcome.failed(), outcome.unknown()),
            (1, 1, 1, 1)
        );
    }
}
