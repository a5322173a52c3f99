//! The header by which a proxy tells whom a connection is from: the PROXY protocol, versions 1 and 2.

use std::net::SocketAddr;

use proxy_header::{ParseConfig, Protocol};

/// Bytes of a header at most, with all that a proxy may add to the addresses.
pub(crate) const MAX: usize = 4 << 10;
/// How version 2 begins, and version 1.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V1: &[u8] = b"PROXY ";
/// What tells how long a header of version 2 is, all before that included.
const V2_HEAD: usize = 16;
/// `PROXY UNKNOWN` and the end of the line; and what is never exceeded.
const V1_LEAST: usize = 15;
const V1_MOST: usize = 107;
/// Version 2, and no connection of a client's: the proxy looks whether the gateway is well.
const LOCAL: u8 = 0x20;

/// How much of a header is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// So many bytes more are part of it for certain.
    More(usize),
    /// All of it: whom the connection is from, if the proxy says so.
    Whole(Option<SocketAddr>),
}

/// It is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// Something else begins there.
    #[error("no PROXY header")]
    Missing,
    /// It says nothing that can be read, or of something else than TCP.
    #[error("a PROXY header that says nothing")]
    Malformed,
    /// It is longer than any proxy needs.
    #[error("a PROXY header of more than {MAX} bytes")]
    TooLong,
}

impl ProxyHeader {
    /// Reads the first bytes of a connection, which is asked for no more than what is part of the header: what follows
    /// is not this one's.
    ///
    /// # Errors
    ///
    /// [`ProxyHeaderError`]
    pub fn read(bytes: &[u8]) -> Result<Self, ProxyHeaderError> {
        let Some(first) = bytes.get(..V2.len()) else {
            // Both are longer.
            return Ok(Self::More(V2.len() - bytes.len()));
        };
        if first == V2 {
            return read_v2(bytes);
        }
        if !first.starts_with(V1) {
            return Err(ProxyHeaderError::Missing);
        }
        read_v1(bytes)
    }
}

fn read_v2(bytes: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
    let Some(head) = bytes.first_chunk::<V2_HEAD>() else {
        return Ok(ProxyHeader::More(V2_HEAD - bytes.len()));
    };
    let length = V2_HEAD + usize::from(u16::from_be_bytes([head[14], head[15]]));
    if length > MAX {
        return Err(ProxyHeaderError::TooLong);
    }
    if bytes.len() < length {
        return Ok(ProxyHeader::More(length - bytes.len()));
    }
    if head[12] == LOCAL {
        return Ok(ProxyHeader::Whole(None));
    }
    parsed(&bytes[..length])
}

fn read_v1(bytes: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
    if bytes.len() < V1_LEAST {
        return Ok(ProxyHeader::More(V1_LEAST - bytes.len()));
    }
    if bytes.ends_with(b"\r\n") {
        // A port is digits; the library takes a sign before them.
        return if bytes.contains(&b'+') { Err(ProxyHeaderError::Malformed) } else { parsed(bytes) };
    }
    match if bytes.ends_with(b"\r") { 1 } else { 2 } {
        more if bytes.len() + more > V1_MOST => Err(ProxyHeaderError::TooLong),
        more => Ok(ProxyHeader::More(more)),
    }
}

fn parsed(bytes: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    let malformed = |_| ProxyHeaderError::Malformed;
    let (header, length) = proxy_header::ProxyHeader::parse(bytes, config).map_err(malformed)?;
    match header.proxied_address() {
        _ if length != bytes.len() => Err(ProxyHeaderError::Malformed),
        Some(told) if told.protocol == Protocol::Datagram => Err(ProxyHeaderError::Malformed),
        told => Ok(ProxyHeader::Whole(told.map(|told| canonical(told.source)))),
    }
}

/// An IPv4 address in the form of IPv6 is no way around lists and limits.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [V2, &[command, family], &length, body].concat()
    }

    /// Feeds it byte by byte as it asks, as a connection does: what it says in the end, and what it left.
    fn feed(bytes: &[u8]) -> (Result<Option<SocketAddr>, ProxyHeaderError>, usize) {
        let mut taken = 0;
        loop {
            match ProxyHeader::read(&bytes[..taken]) {
                Ok(ProxyHeader::More(more)) => taken += more,
                Ok(ProxyHeader::Whole(told)) => return (Ok(told), bytes.len() - taken),
                Err(error) => return (Err(error), bytes.len() - taken),
            }
        }
    }

    fn told(bytes: &[u8]) -> Result<Option<String>, ProxyHeaderError> {
        let rest = b"GET / HTTP/1.1\r\n\r\n";
        let (told, left) = feed(&[bytes, rest].concat());
        if told.is_ok() {
            assert_eq!(left, rest.len(), "what follows is not taken");
        }
        told.map(|told| told.map(|address| address.to_string()))
    }

    const V4: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];

    #[test]
    fn both_versions_tell_whom_it_is_from() {
        let seven = Ok(Some("203.0.113.7:4660".to_owned()));
        assert_eq!(told(&v2(0x21, 0x11, &V4)), seven);
        let more = [&V4[..], &[4, 0, 3, 0, 0, 0]].concat();
        assert_eq!(told(&v2(0x21, 0x11, &more)), seven, "with what a proxy adds");
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        (v6[15], v6[33]) = (7, 9);
        assert_eq!(told(&v2(0x21, 0x21, &v6)), Ok(Some("[2001:db8::7]:9".to_owned())));
        v6[..12].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        v6[12..16].copy_from_slice(&[203, 0, 113, 7]);
        assert_eq!(told(&v2(0x21, 0x21, &v6)), Ok(Some("203.0.113.7:9".to_owned())));

        assert_eq!(told(b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 80\r\n"), seven);
        assert_eq!(told(b"PROXY TCP6 2001:db8::7 ::1 9 80\r\n"), Ok(Some("[2001:db8::7]:9".to_owned())));
    }

    #[test]
    fn a_proxy_may_speak_of_itself_or_of_nobody() {
        for bytes in [
            v2(LOCAL, 0, &[]),
            v2(LOCAL, 0x11, &V4),
            v2(LOCAL, 0x11, &[]),
            v2(0x21, 0, &[]),
            v2(0x21, 0, &[1, 2, 3]),
            v2(0x21, 0x31, &[0; 216]),
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n".to_vec(),
        ] {
            assert_eq!(told(&bytes), Ok(None), "{bytes:?}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        use ProxyHeaderError::{Malformed, Missing, TooLong};
        for (bytes, why) in [
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), Missing),
            (b"PROXYTCP4 203.0.113.7 10.0.0.1 4660 80\r\n".to_vec(), Missing),
            (b"proxy TCP4 203.0.113.7 10.0.0.1 4660 80\r\n".to_vec(), Missing),
            (b"\r\n\r\n\0\r\nQUIT\r!!!!".to_vec(), Missing),
            (v2(0x22, 0x11, &V4), Malformed),
            (v2(0x11, 0x11, &V4), Malformed),
            (v2(0x21, 0x12, &V4), Malformed),
            (v2(0x21, 0x41, &V4), Malformed),
            (v2(0x21, 0x11, &V4[..11]), Malformed),
            (v2(0x21, 0x21, &V4), Malformed),
            (v2(0x21, 0x31, &[0; 215]), Malformed),
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 4660\r\n".to_vec(), Malformed),
            (b"PROXY TCP4 203.0.113.256 10.0.0.1 4660 80\r\n".to_vec(), Malformed),
            (b"PROXY TCP4 2001:db8::7 ::1 4660 80\r\n".to_vec(), Malformed),
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 65536\r\n".to_vec(), Malformed),
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 +4660 80\r\n".to_vec(), Malformed),
            (b"PROXY UDP4 203.0.113.7 10.0.0.1 4660 80\r\n".to_vec(), Malformed),
            (format!("PROXY TCP4 {}", "1".repeat(200)).into_bytes(), TooLong),
        ] {
            assert_eq!(told(&bytes), Err(why), "{}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_header_has_its_bound() {
        for (length, good) in [(MAX - 1, true), (MAX, true), (MAX + 1, false)] {
            let mut body = V4.to_vec();
            body.resize(length - V2_HEAD, 0);
            assert_eq!(told(&v2(0x21, 0x11, &body)).is_ok(), good, "{length}");
        }
        for (length, good) in [(V1_MOST - 1, true), (V1_MOST, true), (V1_MOST + 1, false)] {
            let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(length - 16));
            assert_eq!((line.len(), told(line.as_bytes()).is_ok()), (length, good), "{length}");
        }
    }
}
