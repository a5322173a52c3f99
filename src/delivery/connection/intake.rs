use super::ConnectionLimits;
use crate::protocol::{Close, FrameCounts, FrameMeter};

/// What a client may send that comes to no message: control frames at a rate, and so many fragments of one message.
#[derive(Debug, Default)]
pub(super) struct Intake {
    meter: FrameMeter,
    /// Milliseconds on the connection's clock by which its control frames so far would have come at the lasting rate.
    due: u64,
}

/// A client sent more than it may.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("more frames than allowed")]
pub(super) struct TooMuch(pub(super) Close);

impl Intake {
    /// Counts the next bytes of the client's, which came at `now`, in milliseconds.
    ///
    /// # Errors
    ///
    /// [`TooMuch`]: the connection is to end.
    pub(super) fn take(&mut self, bytes: &[u8], now: u64, limits: &ConnectionLimits) -> Result<(), TooMuch> {
        let FrameCounts { control, fragments } = self.meter.count(bytes);
        if fragments > limits.fragments {
            return Err(TooMuch(Close::TooManyFragments));
        }
        let (rate, burst) = (limits.control.per_second.get(), limits.control.burst.get());
        let time = |frames: u32| u64::from(frames) * 1_000 / u64::from(rate);
        if control > 0 {
            self.due = self.due.max(now) + time(control);
        }
        if self.due > now + time(burst) { Err(TooMuch(Close::RateLimited)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];

    fn code(result: Result<(), TooMuch>) -> u16 {
        result.map_or_else(|TooMuch(close)| close.code(), |()| 0)
    }

    #[test]
    fn control_frames_have_a_burst_and_a_rate() {
        let limits = ConnectionLimits::default();
        let pings = |count: usize| PING.repeat(count);
        for (count, ended) in [(19, 0), (20, 0), (21, 4429)] {
            assert_eq!(code(Intake::default().take(&pings(count), 5_000, &limits)), ended, "{count}");
        }
        let mut intake = Intake::default();
        assert_eq!(code(intake.take(&pings(20), 0, &limits)), 0);
        assert_eq!(code(intake.take(&pings(10), 1_000, &limits)), 0, "ten a second");
        assert_eq!(code(intake.take(&pings(1), 1_099, &limits)), 4429, "and no more");
    }

    #[test]
    fn a_message_has_so_many_fragments_however_slowly_they_come() {
        let limits = ConnectionLimits::default();
        for (count, ended) in [(15, 0), (16, 0), (17, 1009)] {
            let mut intake = Intake::default();
            let mut last = Ok(());
            for n in 0..count {
                let first = u8::from(n == 0);
                last = last.and(intake.take(&[first, 0x80, 0, 0, 0, 0], 1_000 * n, &limits));
            }
            assert_eq!(code(last), ended, "{count}");
        }
    }
}
