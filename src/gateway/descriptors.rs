use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::log::DiskOptions;

/// Descriptors for what is not counted: the runtime, listeners, the journal, look-ups, what is asked of registries.
const OTHERS: usize = 64;
/// Beside the tables that the store keeps open: those that it reads, writes and compacts just now.
const AT_WORK: usize = 128;

/// How many descriptors there are, and who may have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// All of them.
    pub limit: usize,
    /// Tables that the store keeps open.
    pub tables: usize,
    /// What is kept for the store, for targets and for all else.
    pub reserve: usize,
    /// Connections.
    pub accepts: usize,
    /// Connections that have shown nothing yet.
    pub unproven: usize,
    /// WebSockets and streams.
    pub connections: usize,
    /// Requests to targets.
    pub in_flight: usize,
}

/// What the settings ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// `connections.unproven`
    pub unproven: usize,
    /// `connections.total`
    pub connections: usize,
    /// `targets.in_flight`
    pub in_flight: usize,
}

impl Descriptors {
    /// Raises the soft limit to the hard one, and shares out what there is.
    pub(crate) fn raise(wanted: Wanted) -> Self {
        let now = getrlimit(Resource::Nofile);
        if now.current != now.maximum {
            // Where the hard one is more than the system has, the soft one stays.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, ..now });
        }
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self::share(usize::try_from(limit).unwrap_or(usize::MAX).min(1 << 30), wanted)
    }

    fn share(limit: usize, wanted: Wanted) -> Self {
        let tables = (limit / 16).clamp(16, DiskOptions::TABLES_OPEN);
        let store = tables + AT_WORK.min(limit / 8);
        let reserve = store + 2 * wanted.in_flight + OTHERS;
        // With very few, connections still have their part, and targets make do with less.
        let accepts = limit.saturating_sub(reserve).max(limit / 4).max(2);
        let rest = limit.saturating_sub(accepts + store + OTHERS);
        let unproven = wanted.unproven.min(accepts / 4).max(1);
        Self {
            limit,
            tables,
            reserve: limit.saturating_sub(accepts),
            accepts,
            unproven,
            connections: wanted.connections.min(accepts - unproven),
            in_flight: wanted.in_flight.min(rest / 2).max(1),
        }
    }

    /// Says how they are shared out, and what of the settings there is not enough for.
    pub(crate) fn tell(&self, wanted: Wanted) {
        let Self { limit, reserve, accepts, unproven, connections, in_flight, .. } = *self;
        tracing::info!(limit, reserve, accepts, unproven, "descriptors");
        if connections < wanted.connections {
            let wanted = wanted.connections;
            tracing::warn!(wanted, connections, limit, "too few descriptors: connections.total is lowered");
        }
        if in_flight < wanted.in_flight {
            let wanted = wanted.in_flight;
            tracing::warn!(wanted, in_flight, limit, "too few descriptors: targets.in_flight is lowered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted { unproven: 1_000, connections: 20_000, in_flight: 256 };

    #[test]
    fn with_many_everyone_has_what_the_settings_say() {
        let all = Descriptors::share(65_536, WANTED);
        assert_eq!((all.tables, all.reserve, all.accepts), (900, 1_604, 63_932));
        assert_eq!((all.unproven, all.connections, all.in_flight), (1_000, 20_000, 256));
    }

    #[test]
    fn with_fewer_readers_have_fewer() {
        let least = 20_000 + 1_000 + 1_604;
        assert_eq!(Descriptors::share(least, WANTED).connections, 20_000);
        assert_eq!(Descriptors::share(least - 1, WANTED).connections, 19_999);
    }

    #[test]
    fn the_parts_are_never_more_than_the_whole() {
        for limit in [64, 256, 512, 1_024, 4_096, 20_000, 1 << 20, 1 << 30] {
            let all = Descriptors::share(limit, WANTED);
            assert!(all.accepts + all.reserve <= limit, "{all:?}");
            assert!(all.unproven + all.connections <= all.accepts, "{all:?}");
            assert!(all.tables + 2 * all.in_flight <= all.reserve, "{all:?}");
            assert!(all.accepts >= limit / 4 && all.unproven > 0 && all.connections > 0, "{all:?}");
        }
    }
}
