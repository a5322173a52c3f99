use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::{Policy, PolicyRefusal, masked};
use crate::protocol::Code;

/// Bytes of a target's URL.
const LONGEST: usize = 2_048;

/// Where a target is: an `http` or `https` URL in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetUrl {
    /// Whether it speaks TLS.
    pub https: bool,
    /// Its name or address, without brackets.
    pub host: String,
    /// The same if it is an address.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// `Host`: name, and port where that is not the scheme's own.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

/// Why a text is no target's URL. The text is not shown: it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetUrlError {
    #[error("a URL has at most {LONGEST} bytes")]
    TooLong,
    #[error("a URL has no spaces and no control characters")]
    Space,
    #[error("not a URL: {0}")]
    Syntax(#[from] url::ParseError),
    #[error("a target is http:// or https://")]
    Scheme,
    #[error("no user in the URL; use auth")]
    User,
    #[error("no # in the URL")]
    Fragment,
    #[error("the URL names no host")]
    Host,
    /// What can be known before its name is resolved speaks against it.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
}

impl TargetUrlError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Self::Scheme => Code::TargetScheme,
            Self::Policy(refusal) => refusal.code(),
            _ => Code::TargetInvalid,
        }
    }
}

impl TargetUrl {
    /// Reads a URL and checks what can be known before its name is resolved.
    ///
    /// # Errors
    ///
    /// [`TargetUrlError`]
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, TargetUrlError> {
        if text.len() > LONGEST {
            return Err(TargetUrlError::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(TargetUrlError::Space);
        }
        let url = Url::parse(text)?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(TargetUrlError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetUrlError::User);
        }
        if url.fragment().is_some() {
            return Err(TargetUrlError::Fragment);
        }
        let (host, address) = match url.host() {
            Some(Host::Domain(name)) if is_name(name) => (name.to_owned(), None),
            Some(Host::Ipv4(address)) => (address.to_string(), Some(IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => (address.to_string(), Some(IpAddr::V6(address))),
            _ => return Err(TargetUrlError::Host),
        };
        let port = url.port_or_known_default().unwrap_or(0);
        if !policy.ports.allow(https, port) {
            return Err(PolicyRefusal::Port(port).into());
        }
        if let Some(address) = address {
            policy.check((address, port).into(), false)?;
        }
        let shown = url.host_str().unwrap_or_default();
        let authority = url.port().map_or_else(|| shown.to_owned(), |port| format!("{shown}:{port}"));
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Ok(Self { https, host, address, port, authority, path })
    }

    /// As it may be shown.
    pub fn shown(&self) -> String {
        masked(&self.to_string())
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.https { "https" } else { "http" }, self.authority, self.path)
    }
}

/// Whether all its labels are there; a dot at its end is allowed.
fn is_name(host: &str) -> bool {
    host.strip_suffix('.').unwrap_or(host).split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Result<String, Code> {
        TargetUrl::parse(text, &Policy::default()).map(|url| url.authority).map_err(|error| error.code())
    }

    #[test]
    fn a_url_is_canonical() {
        let url = TargetUrl::parse(
            "HTTPS://Hooks.Example.COM:443/a b?q=1".replace(' ', "%20").as_str(),
            &Policy::default(),
        );
        let url = url.unwrap();
        assert_eq!((url.host.as_str(), url.port, url.https), ("hooks.example.com", 443, true));
        assert_eq!((url.authority.as_str(), url.path.as_str()), ("hooks.example.com", "/a%20b?q=1"));
        assert_eq!(code("http://example.com:8080"), Ok("example.com:8080".into()));
        assert_eq!(code("http://example.com./"), Ok("example.com.".into()));
        assert_eq!(code("http://[2606:4700::1111]/"), Ok("[2606:4700::1111]".into()));
    }

    #[test]
    fn each_refusal_has_its_code() {
        for (text, expected) in [
            ("", Code::TargetInvalid),
            ("example.com/hook", Code::TargetInvalid),
            ("http://", Code::TargetInvalid),
            ("http://user@example.com/", Code::TargetInvalid),
            ("http://-3172.16../", Code::TargetInvalid),
            ("http://.example.com/", Code::TargetInvalid),
            ("http://a..example.com/", Code::TargetInvalid),
            ("http://example.com/#x", Code::TargetInvalid),
            ("http://example.com/a b", Code::TargetInvalid),
            ("http://example.com/\n", Code::TargetInvalid),
            ("ftp://example.com/", Code::TargetScheme),
            ("file:///etc/passwd", Code::TargetScheme),
            ("https://example.com:8443/", Code::TargetPort),
            ("http://example.com:22/", Code::TargetPort),
            ("http://0x7f.1/", Code::TargetBlocked),
            ("http://2130706433/", Code::TargetBlocked),
            ("http://017700000001/", Code::TargetBlocked),
            ("http://127.1/", Code::TargetBlocked),
            ("http://①②⑦.0.0.1/", Code::TargetBlocked),
            ("http://[::ffff:169.254.169.254]/", Code::TargetBlocked),
        ] {
            assert_eq!(code(text), Err(expected), "{text}");
        }
        assert_eq!(code(&format!("http://example.com/{}", "a".repeat(LONGEST))), Err(Code::TargetInvalid));
    }
}
