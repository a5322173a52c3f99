use xxhash_rust::xxh3::xxh3_64;

use super::{Order, Rules};
use crate::event::{Notification, Timestamp};

/// The source's time and emitter of an input: what tells late from early.
///
/// Every known tag and image has one, so it is kept in 12 bytes that need no alignment to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    nanos: [u32; 2],
    /// A hash of the emitter's name, 0 where the order of arrival says nothing. Two of a handful
    /// of replicas that meet in it would be taken for one, in the order of arrival.
    emitter: u32,
}

/// No input has named it.
const NEVER: i64 = i64::MIN;
/// The input that named it had no time.
const UNTOLD: i64 = i64::MIN + 1;
/// How far apart the clocks of two machines may be.
const BETWEEN_CLOCKS: i64 = 2_000_000_000;
/// How far ahead of ours a source's clock may be before its time counts as the time of arrival:
/// a wrong clock must not make everything after it late.
const AHEAD: i64 = 5 * 60 * 1_000_000_000;
/// How late an input can be: no sender repeats for more than a week. One that seems later comes from a clock
/// that was set anew, and must not be silenced until that clock has caught up.
const LATE: i64 = 31 * 24 * 60 * 60 * 1_000_000_000;

impl Stamp {
    /// Of what no input has named.
    pub(super) const NEVER: Self = Self::stored(NEVER, 0);

    /// Of a notification that arrives `now`.
    pub(super) fn of(told: &Notification, rules: Rules, now: i64) -> Self {
        let nanos = match told.at.map(nanos) {
            None => UNTOLD,
            Some(at) if at > now.saturating_add(AHEAD) => now,
            Some(at) => at,
        };
        let emitter = if rules.keeps_order { xxh3_64(told.emitter.as_bytes()) } else { 0 };
        #[expect(clippy::cast_possible_truncation, reason = "32 bits of a hash")]
        Self::stored(nanos, emitter as u32)
    }

    pub(super) const fn stored(nanos: i64, emitter: u32) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both halves are kept")]
        Self { nanos: [(nanos >> 32) as u32, nanos as u32], emitter }
    }

    pub(super) fn nanos(self) -> i64 {
        (i64::from(self.nanos[0]) << 32) | i64::from(self.nanos[1])
    }

    pub(super) fn emitter(self) -> u32 {
        self.emitter
    }

    /// The source's time, if it told one.
    pub(super) fn time(self) -> Option<i64> {
        Some(self.nanos()).filter(|&nanos| nanos > UNTOLD)
    }

    /// Whether this input is before what was recorded earlier, though it arrives later.
    pub(super) fn before(self, recorded: Self, rules: Rules) -> bool {
        let (Some(own), Some(other)) = (self.time(), recorded.time()) else { return false };
        other.saturating_sub(own) <= LATE && self.earlier(recorded, rules)
    }

    fn earlier(self, recorded: Self, rules: Rules) -> bool {
        let (Some(own), Some(other)) = (self.time(), recorded.time()) else { return false };
        match (rules.order, rules.keeps_order) {
            (Order::Arrival, _) => false,
            (_, true) => self.emitter != recorded.emitter && own.saturating_add(BETWEEN_CLOCKS) < other,
            _ => own < other,
        }
    }

    /// Whether what was recorded is before this input, so that the input has the say about it.
    pub(super) fn after(self, recorded: Self, rules: Rules) -> bool {
        match (self.time(), recorded.time()) {
            _ if rules.order == Order::Arrival => false,
            // One emitter tells in order, whatever the times.
            (Some(_), Some(_)) if rules.keeps_order && self.emitter == recorded.emitter => true,
            (Some(_), Some(_)) => recorded.earlier(self, rules),
            // What was only listed (`warm`) is older than what is told of it later.
            (Some(_), None) => recorded == Self::NEVER,
            _ => false,
        }
    }

    /// The later of what was recorded and this input.
    pub(super) fn max(self, recorded: Self, rules: Rules) -> Self {
        if self.before(recorded, rules) { recorded } else { self }
    }
}

/// A time in nanoseconds since 1970, held within the years 1677 to 2262.
pub(super) fn nanos(time: Timestamp) -> i64 {
    let nanos = time.as_nanosecond().clamp(i128::from(UNTOLD) + 1, i128::from(i64::MAX));
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

/// The time again.
pub(super) fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}
