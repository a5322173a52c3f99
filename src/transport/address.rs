use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What stands before the path of a Unix socket.
const UNIX: &str = "unix:";
/// Bytes of such a path, at most: the kernel's own bound, without the zero at its end.
const PATH: usize = 107;

/// Where the gateway listens: `127.0.0.1:8080`, or `unix:/run/tagcast.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    /// An address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A file that is made for it, or one that systemd made.
    Unix(PathBuf),
}

/// Why text is no address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// Neither form.
    #[error("an address is written 127.0.0.1:8080, [::1]:8080 or unix:/run/tagcast.sock")]
    Form,
    /// A socket without a file has no mode that guards it.
    #[error("a Unix socket has a file: unix:/run/tagcast.sock")]
    NoFile,
    /// The kernel takes no more.
    #[error("the path of a Unix socket has at most {PATH} bytes")]
    TooLong,
}

/// Where a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerAddress {
    /// Port 0: a proxy told none.
    Tcp(SocketAddr),
    /// A program of this machine, by a Unix socket.
    Unix,
}

impl ListenAddress {
    /// Whether only programs of this machine reach it.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// Its address and port, if it has one.
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Whether both can't be had. Port 0 is another one each time.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self == other && self.tcp().is_none_or(|address| address.port() != 0)
    }
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let Some(path) = text.strip_prefix(UNIX) else {
            return text.parse().map(Self::Tcp).map_err(|_| AddressError::Form);
        };
        if path.is_empty() || path.starts_with('@') || path.contains('\0') || path.ends_with('/') {
            return Err(AddressError::NoFile);
        }
        if path.len() > PATH {
            return Err(AddressError::TooLong);
        }
        Ok(Self::Unix(Path::new(path).to_owned()))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl PeerAddress {
    /// What limits and lists of addresses go by: who comes by a Unix socket is on loopback.
    pub(crate) fn ip(self) -> IpAddr {
        match self {
            Self::Tcp(address) => address.ip(),
            Self::Unix => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) if address.port() == 0 => address.ip().fmt(f),
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_or_a_file() {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/tagcast.sock", "unix:tagcast.sock"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
        let long = |bytes| format!("unix:/{}", "x".repeat(bytes - 1));
        assert!(long(PATH).parse::<ListenAddress>().is_ok());
        for (text, why) in [
            ("", AddressError::Form),
            ("8080", AddressError::Form),
            (":8080", AddressError::Form),
            ("127.0.0.1", AddressError::Form),
            ("localhost:8080", AddressError::Form),
            ("http://127.0.0.1:8080", AddressError::Form),
            ("/run/tagcast.sock", AddressError::Form),
            ("UNIX:/run/tagcast.sock", AddressError::Form),
            ("unix:", AddressError::NoFile),
            ("unix:@tagcast", AddressError::NoFile),
            ("unix:/run/", AddressError::NoFile),
            ("unix:/run/\0", AddressError::NoFile),
            (&long(PATH + 1), AddressError::TooLong),
        ] {
            assert_eq!(text.parse::<ListenAddress>(), Err(why), "{text:?}");
        }
    }

    #[test]
    fn only_loopback_and_files_are_local() {
        let local = |text: &str| text.parse::<ListenAddress>().unwrap().is_local();
        for text in ["127.0.0.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/x"] {
            assert!(local(text), "{text}");
        }
        for text in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
            assert!(!local(text), "{text}");
        }
    }
}
