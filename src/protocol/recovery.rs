//! Whether it helps to come back: for each code, status and close code, said here alone. Our own clients go by it, and
//! so does what an answer says in `Retry-After`. `docs/errors.md` and `docs/protocol.md` say the same to everyone else.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Close, Code};

/// Whether a client that comes back unchanged may fare better, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// It will fare the same.
    Never,
    /// It may come at once; only if it fails again, after a pause.
    AtOnce,
    /// It comes after a pause, which grows and is random, or after what `Retry-After` says.
    Soon,
    /// The same, but not before this time is over.
    After(Duration),
}

impl Recovery {
    /// How long a client that goes by what a stream says of `retry:` stays away, somewhere between these. It can't be told
    /// to stay away for ever.
    pub(crate) fn pause(self) -> RangeInclusive<Duration> {
        match self {
            Self::AtOnce => Duration::from_millis(100)..=Duration::from_secs(1),
            Self::Soon => Duration::from_secs(1)..=Duration::from_secs(4),
            Self::After(wait) => wait..=2 * wait,
            Self::Never => Duration::from_secs(30)..=Duration::from_mins(1),
        }
    }

    /// What the status of an error of ours means whose [`Code`] is not known.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            408 | 425 | 429 | 500.. => Self::Soon,
            _ => Self::Never,
        }
    }

    /// What a status means where no gateway answered, but something on the way to it, as proxies do while the one behind
    /// them is replaced: they know no such path (404), or no such name (421), or show a page of their own, with a success
    /// or by a redirect for a while. What has moved for good, and what is wrong with who asks or with the request, stays.
    ///
    /// It is for those who wait for a gateway. A trigger's target is somebody's own, and given up by its schedule alone: see
    /// `trigger::verdict`. Commands that ask once tell what they met, and leave it to who asked.
    pub(crate) const fn of_foreign(status: u16) -> Self {
        match status {
            301 | 308 => Self::Never,
            404 | 421 => Self::Soon,
            400.. => Self::of_status(status),
            _ => Self::Soon,
        }
    }

    /// What the number in a closing frame means, also one that is not ours.
    pub(crate) fn of_close(number: u16) -> Self {
        match Close::ALL.into_iter().find(|close| close.code() == number) {
            Some(close) => close.recovery(),
            None if (4400..4500).contains(&number) => Self::Never,
            None => Self::Soon,
        }
    }
}

impl Code {
    /// Whether what failed with this code may be tried again unchanged.
    pub(crate) const fn recovery(self) -> Recovery {
        match self {
            Self::AckTimeout
            | Self::AuthUnavailable
            | Self::BodyTimeout
            | Self::CredentialsRate
            | Self::HandshakeRate
            | Self::Overloaded
            | Self::RateLimited
            | Self::ShuttingDown
            | Self::SourceRateLimited
            | Self::StorageFailed
            | Self::StorageLow
            | Self::TooManyConnections
            | Self::Warming => Recovery::Soon,
            Self::AlreadySubscribed
            | Self::BadRequest
            | Self::BodyTooLarge
            | Self::Conflict
            | Self::FilterStopped
            | Self::Forbidden
            | Self::Gap
            | Self::HostDenied
            | Self::InvalidAfter
            | Self::InvalidBatch
            | Self::InvalidFilter
            | Self::InvalidFormat
            | Self::InvalidId
            | Self::MalformedEvent
            | Self::MethodNotAllowed
            | Self::NotFound
            | Self::NotSubscribed
            | Self::OriginDenied
            | Self::PositionAhead
            | Self::QuotaExceeded
            | Self::SourceForbidden
            | Self::SourceUnauthenticated
            | Self::TargetBlocked
            | Self::TargetInvalid
            | Self::TargetPort
            | Self::TargetScheme
            | Self::TooManySubscriptions
            | Self::Unauthenticated
            | Self::UpgradeRequired => Recovery::Never,
        }
    }
}

impl Close {
    /// Whether the gateway, or its operator, ended the connection for reasons of their own: whoever was there did nothing
    /// to it, and left nothing undone.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(
            self,
            Self::Normal | Self::InternalError | Self::ShuttingDown | Self::MaxLifetime | Self::FeedChanged
        )
    }

    /// Whether a client that was closed with this comes back.
    pub(crate) const fn recovery(self) -> Recovery {
        match self {
            Self::MaxLifetime | Self::FeedChanged => Recovery::AtOnce,
            // We answer with 1000 a client that closes. Another one that gets it was closed by something on the way.
            Self::Normal
            | Self::InternalError
            | Self::ShuttingDown
            | Self::SlowConsumer
            | Self::PongTimeout => Recovery::Soon,
            Self::RateLimited => Recovery::After(Duration::from_secs(30)),
            Self::ProtocolError
            | Self::BinaryNotSupported
            | Self::InvalidUtf8
            | Self::MessageTooBig
            | Self::TooManyFragments
            | Self::Forbidden
            | Self::Revoked
            | Self::TooManyErrors => Recovery::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    const ERRORS: &str = include_str!("../../docs/errors.md");
    const PROTOCOL: &str = include_str!("../../docs/protocol.md");
    const LIBRARY: &str = include_str!("../../web/client/src/closing.ts");

    type Row<'a> = BTreeMap<&'a str, &'a str>;

    fn cells(line: &str) -> Vec<&str> {
        line[1..].split(" |").map(str::trim).collect()
    }

    /// The rows of every table whose first column is called `code`, by the names of their columns.
    fn rows(page: &str) -> Vec<Row<'_>> {
        let (mut header, mut rows) = (Vec::new(), Vec::new());
        for line in page.lines() {
            if line.starts_with("| code |") {
                header = cells(line);
            } else if !line.starts_with('|') {
                header.clear();
            } else if !header.is_empty() && !line.starts_with("| ---") {
                rows.push(header.iter().copied().zip(cells(line)).collect());
            }
        }
        rows
    }

    #[test]
    fn a_code_passes_where_the_page_of_errors_says_so() {
        let mut unsaid: Vec<_> = Code::ALL.to_vec();
        for row in rows(ERRORS) {
            let Some(code) = Code::parse(row["code"].trim_matches('`')) else { continue };
            let passes = code.recovery() != Recovery::Never;
            match (row.get("status"), row.get("what to do")) {
                (Some(status), _) => {
                    assert_eq!(code.recovery(), Recovery::of_status(status.parse().unwrap()), "{row:?}");
                }
                (None, Some(advice)) => {
                    assert_eq!(passes, advice.contains("again") || advice.starts_with("wait"), "{row:?}");
                }
                (None, None) => continue,
            }
            unsaid.retain(|known| *known != code);
        }
        assert_eq!(unsaid, [Code::InvalidFilter], "its table tells what is wrong with a filter");
    }

    #[test]
    fn the_library_waits_out_the_same_codes() {
        let sections = ERRORS.split("\n## ").filter(|section| {
            section.starts_with("Opening a WebSocket") || section.starts_with("Subscribing")
        });
        let ours: BTreeSet<_> = sections
            .flat_map(rows)
            .filter_map(|row| Code::parse(row["code"].trim_matches('`')))
            .filter(|code| code.recovery() != Recovery::Never)
            .map(Code::as_str)
            .collect();
        assert_eq!(of_the_library("PASSING"), ours);
    }

    /// A list of the library's.
    fn of_the_library(name: &str) -> BTreeSet<&'static str> {
        let (_, list) = LIBRARY.split_once(&format!("{name} = new Set([")).unwrap();
        let names = list.split_once(']').unwrap().0.split(',').map(|name| name.trim().trim_matches('"'));
        names.filter(|name| !name.is_empty()).collect()
    }

    fn numbers(name: &str) -> Vec<u16> {
        of_the_library(name).into_iter().map(|number| number.parse().unwrap()).collect()
    }

    #[test]
    fn the_library_goes_by_the_same_statuses_and_closes() {
        let (passing, of_proxies, moved) =
            (numbers("PASSING_STATUSES"), numbers("PROXY_STATUSES"), numbers("MOVED"));
        for status in 100..600 {
            let passes = status >= 500 || passing.contains(&status);
            assert_eq!(passes, Recovery::of_status(status) != Recovery::Never, "{status}");
            let passes = passes || of_proxies.contains(&status) || (status < 400 && !moved.contains(&status));
            assert_eq!(passes, Recovery::of_foreign(status) != Recovery::Never, "{status}");
        }
        let (stop, at_once) = (numbers("FINAL_CLOSES"), numbers("AT_ONCE"));
        for number in 1000..4500 {
            let stops = stop.contains(&number) || (4400..4500).contains(&number) && number != 4429;
            assert_eq!(stops, Recovery::of_close(number) == Recovery::Never, "{number}");
            assert_eq!(at_once.contains(&number), Recovery::of_close(number) == Recovery::AtOnce, "{number}");
        }
    }

    #[test]
    fn a_close_passes_where_the_page_of_the_protocol_says_so() {
        let rows = rows(PROTOCOL);
        assert!(rows.len() > 10);
        for row in rows {
            let (number, advice) = (row["code"].parse().unwrap(), row["the client should"]);
            let expected = match advice {
                _ if advice.starts_with("resume at once") => Recovery::AtOnce,
                _ if advice.contains("resume") => Recovery::Soon,
                "wait at least 30 s" => Recovery::After(Duration::from_secs(30)),
                "" => Recovery::Soon,
                _ => Recovery::Never,
            };
            assert_eq!(Recovery::of_close(number), expected, "{row:?}");
        }
    }

    #[test]
    fn numbers_that_are_not_ours_go_by_their_range() {
        for number in [1000, 1001, 1005, 1006, 1013, 4000, 4399, 4500] {
            assert_eq!(Recovery::of_close(number), Recovery::Soon, "{number}");
        }
        for number in [4400, 4401, 4499] {
            assert_eq!(Recovery::of_close(number), Recovery::Never, "{number}");
        }
    }
}
