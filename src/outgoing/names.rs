//! The one door through which names are looked up. The system's resolver can't be bounded from outside: it goes through
//! its name servers at its own pace, on a thread. So who waits has a bound, and so have the threads.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::LazyLock;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::limits::Turns;

/// For the addresses of a name. The system's resolver gives a silent name server five seconds before it asks the next
/// one, so the second of two is heard, and the third.
pub(super) const NAME_TIME: Duration = Duration::from_secs(12);

/// Look-ups at once, in all and below one domain: whose name servers are silent holds up few others. One that nobody
/// waits for any more holds its place until the resolver gives it up.
static OF_TARGETS: LazyLock<Turns> = LazyLock::new(|| Turns::new(32, 4));
/// The same of what the operator named, which no trigger's target can hold up.
static OWN: LazyLock<Turns> = LazyLock::new(|| Turns::new(16, 4));

/// Who named the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// The settings, or whoever runs a command.
    Operator,
    /// A trigger.
    Trigger,
}

/// Why a name has no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    /// The resolver's own words.
    #[error("{0}")]
    Unknown(String),
    /// No name server answered in time.
    #[error("no answer in time")]
    Late,
}

/// Every address of a host, which may be one itself, in the order in which they should be tried; at least one.
///
/// # Errors
///
/// [`NameError`]
pub(super) async fn look_up(by: NamedBy, host: &str, port: u16) -> Result<Vec<SocketAddr>, NameError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let asked = async {
        let turns = if by == NamedBy::Trigger { &OF_TARGETS } else { &OWN };
        let place = turns.wait(domain(host)).await;
        let host = host.to_owned();
        let found = spawn_blocking(move || {
            let _place = place;
            (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)
        });
        match found.await {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            Ok(Ok(_)) => Err(NameError::Unknown("it has no addresses".into())),
            Ok(Err(error)) => Err(NameError::Unknown(error.to_string())),
            Err(error) => Err(NameError::Unknown(error.to_string())),
        }
    };
    timeout(NAME_TIME, asked).await.unwrap_or(Err(NameError::Late))
}

/// The last two labels of a name.
fn domain(host: &str) -> &str {
    let name = host.trim_end_matches('.');
    let second = name.rmatch_indices('.').nth(1);
    second.map_or(name, |(dot, _)| &name[dot + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_two_labels() {
        for (host, its) in [
            ("a.b.example.com", "example.com"),
            ("example.com.", "example.com"),
            ("localhost", "localhost"),
            ("", ""),
        ] {
            assert_eq!(domain(host), its, "{host}");
        }
    }

    #[tokio::test]
    async fn an_address_is_its_own_and_no_name_has_none() {
        for (host, address) in [("127.0.0.1", "127.0.0.1:7"), ("[::1]", "[::1]:7"), ("::1", "[::1]:7")] {
            assert_eq!(look_up(NamedBy::Operator, host, 7).await, Ok(vec![address.parse().unwrap()]));
        }
        assert!(matches!(look_up(NamedBy::Trigger, "a b", 7).await, Err(NameError::Unknown(_))));
    }
}
