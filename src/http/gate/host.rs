use std::net::{IpAddr, Ipv6Addr};

use axum::extract::Request;
use axum::http::Version;
use axum::http::header::HOST;

use super::Sites;
use super::origin::default_port;
use crate::http::error::ApiError;
use crate::limits::seldom;
use crate::protocol::Code;

/// A host as a request or an origin writes it, and its port where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: &'a str,
    pub port: Option<u16>,
}

/// A name or an address that the settings give the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostName {
    /// In lower case, without a dot at its end.
    Name(String),
    Address(IpAddr),
}

/// Why text of the settings is no host. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("each host is written out: with `*` any name would do, and that is what is guarded against")]
    Wildcard,
    #[error("a host is a name or an address alone, without a scheme, a port, a path or a user")]
    More,
    #[error(
        "no browser sends this; names of other scripts are written xn--…, addresses in their shortest form"
    )]
    NeverSent,
}

impl<'a> Authority<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (host, rest) = if text.starts_with('[') {
            text.split_at(text.find(']')? + 1)
        } else {
            text.split_at(text.find(':').unwrap_or(text.len()))
        };
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        let is_host = if host.starts_with('[') {
            address(host).is_some()
        } else {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
        };
        is_host.then_some(Self { host, port })
    }

    /// Whether both are one place, where a port that is not told is `default`.
    fn is_same(&self, other: &Authority<'_>, default: Option<u16>) -> bool {
        self.is_same_host(other) && self.port.or(default) == other.port.or(default)
    }

    pub(super) fn is_same_host(&self, other: &Authority<'_>) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
    }
}

/// The host that a request is for: of the target where that names one, else of `Host`. `None`: none is told, which
/// only HTTP/1.0 may do, and no browser does.
pub(super) fn of<B>(request: &Request<B>) -> Result<Option<Authority<'_>>, ApiError> {
    let bad = |message| ApiError::new(Code::BadRequest, message);
    let mut told = request.headers().get_all(HOST).iter();
    let header = match (told.next(), told.next()) {
        (None, _) => None,
        (Some(host), None) => {
            let host = host.to_str().ok().and_then(Authority::parse);
            Some(host.ok_or_else(|| bad("the Host is no host"))?)
        }
        (Some(_), Some(_)) => return Err(bad("there is more than one Host")),
    };
    let target = request.uri().authority().map(|target| Authority::parse(target.as_str()));
    let default = request.uri().scheme_str().and_then(default_port);
    match (target, header) {
        (Some(None), _) => Err(bad("the target's host is no host")),
        (Some(Some(target)), Some(header)) if !target.is_same(&header, default) => {
            Err(bad("the Host is another than the target's"))
        }
        (None, None) if request.version() > Version::HTTP_10 => Err(bad("there is no Host")),
        (Some(target), _) => Ok(target),
        (None, header) => Ok(header),
    }
}

impl Sites {
    /// Where nobody shows a token: a name that is not the gateway's own may be an attacker's, whose DNS leads here.
    pub(super) fn check_host(&self, host: Option<Authority<'_>>) -> Result<(), ApiError> {
        match host {
            Some(host) if !self.is_own(host.host) => {
                seldom!(
                    warn,
                    host = host.host,
                    "a Host that is not this gateway's: if it is, add it to http.hosts"
                );
                let message = "the gateway does not know itself by this Host; where nobody shows a token it has to be \
                               one of http.hosts";
                Err(ApiError::new(Code::HostDenied, message))
            }
            _ => Ok(()),
        }
    }

    fn is_own(&self, host: &str) -> bool {
        let name = host.strip_suffix('.').unwrap_or(host);
        if let Some(address) = address(name) {
            let listed = || self.hosts.contains(&HostName::Address(address));
            return address.is_loopback()
                || self.listen.iter().any(|own| own.to_canonical() == address)
                || listed();
        }
        let is_below = || {
            name.len() > 10
                && name[name.len() - 10..].eq_ignore_ascii_case(".localhost")
                && !has_empty_label(name)
        };
        let is_listed =
            |host: &HostName| matches!(host, HostName::Name(own) if name.eq_ignore_ascii_case(own));
        name.eq_ignore_ascii_case("localhost") || is_below() || self.hosts.iter().any(is_listed)
    }
}

/// Whether a name has nothing before, between or behind its dots; no DNS knows such a name.
pub(super) fn has_empty_label(name: &str) -> bool {
    name.split('.').any(str::is_empty)
}

/// The address that a host is, if it is one.
fn address(host: &str) -> Option<IpAddr> {
    let address = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok().filter(IpAddr::is_ipv4),
    };
    address.map(|address| address.to_canonical())
}

impl HostName {
    /// Reads a host of the settings.
    ///
    /// # Errors
    ///
    /// No request could ever name it.
    pub(crate) fn parse(text: &str) -> Result<Self, HostError> {
        if text.contains('*') {
            return Err(HostError::Wildcard);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        if let Some(address) = address(text) {
            return Ok(Self::Address(address));
        }
        if text.contains(['/', ':', '@', '?', '#', '\\', '[', ']']) {
            return Err(HostError::More);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if has_empty_label(&name) {
            return Err(HostError::NeverSent);
        }
        match url::Host::parse(&name) {
            Ok(url::Host::Domain(canonical)) if canonical == name && Authority::parse(&name).is_some() => {
                Ok(Self::Name(name))
            }
            _ => Err(HostError::NeverSent),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_host_and_its_port_are_told_apart() {
        let read = |text| Authority::parse(text).map(|Authority { host, port }| (host, port));
        for (text, expected) in [
            ("localhost", Some(("localhost", None))),
            ("localhost:", Some(("localhost", None))),
            ("LOCALHOST.:65535", Some(("LOCALHOST.", Some(65_535)))),
            ("[::1]:80", Some(("[::1]", Some(80)))),
            ("[::1]", Some(("[::1]", None))),
            ("a_b~c.example:1", Some(("a_b~c.example", Some(1)))),
            ("", None),
            (":80", None),
            ("a:65536", None),
            ("a:+1", None),
            ("a:b", None),
            ("a:1:2", None),
            ("::1", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[1.2.3.4]", None),
            ("user@localhost", None),
            ("localhost/", None),
            ("localhost, evil.example", None),
            ("bücher.example", None),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_its_own_hosts_are_the_gateways() {
        let hosts = ["tagcast.example.com", "192.0.2.7", "2001:db8::7"];
        let sites = Sites {
            listen: ["127.0.0.9", "10.1.2.3"].map(|own| own.parse().unwrap()).into(),
            hosts: hosts.map(|host| HostName::parse(host).unwrap()).into(),
            origins: Arc::default(),
        };
        for (host, own) in [
            ("localhost", true),
            ("LocalHost", true),
            ("localhost.", true),
            ("a.b.localhost", true),
            ("127.0.0.1", true),
            ("127.255.255.254", true),
            ("127.0.0.1.", true),
            ("[::1]", true),
            ("[0:0:0:0:0:0:0:1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("tagcast.example.com", true),
            ("Tagcast.Example.COM.", true),
            ("192.0.2.7", true),
            ("10.1.2.3", true),
            ("[2001:DB8::7]", true),
            ("localhost..", false),
            ("notlocalhost", false),
            (".localhost", false),
            ("..localhost", false),
            ("a..localhost", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("a.tagcast.example.com", false),
            ("tagcast.example.com.evil.example", false),
            ("128.0.0.1", false),
            ("0.0.0.0", false),
            ("[::]", false),
            ("192.0.2.8", false),
            ("2130706433", false),
            ("127.1", false),
        ] {
            assert_eq!(sites.is_own(host), own, "{host}");
        }
    }

    #[test]
    fn what_could_never_be_a_host_is_refused() {
        for (text, why) in [
            ("*", HostError::Wildcard),
            ("*.example.com", HostError::Wildcard),
            ("https://a.example", HostError::More),
            ("a.example:80", HostError::More),
            ("a.example/", HostError::More),
            ("user:hush@a.example", HostError::More),
            ("[::1]:80", HostError::More),
            ("", HostError::NeverSent),
            (".", HostError::NeverSent),
            ("..localhost", HostError::NeverSent),
            (".example.com", HostError::NeverSent),
            ("a..example.com", HostError::NeverSent),
            ("a.example.com..", HostError::NeverSent),
            (" a.example", HostError::NeverSent),
            ("bücher.example", HostError::NeverSent),
            ("a b", HostError::NeverSent),
            ("127.1", HostError::NeverSent),
        ] {
            assert_eq!(HostName::parse(text), Err(why), "{text:?}");
        }
        assert_eq!(HostName::parse("Ops.Example.Com."), Ok(HostName::Name("ops.example.com".into())));
        assert_eq!(HostName::parse("[::1]"), HostName::parse("::1"));
    }
}
