use super::host::{Authority, has_empty_label};

/// Where a page comes from: scheme, host and port. As the settings write it, it is what browsers send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(String);

/// The same as a request tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageOrigin<'a> {
    scheme: &'a str,
    authority: Authority<'a>,
}

/// Why text of the settings is the origin of no page. Says nothing of the text itself, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginError {
    #[error("each origin is written out; there is no `*`")]
    Wildcard,
    #[error("`null` is what browsers send for any page that they tell nothing of")]
    Null,
    #[error("an origin begins with a scheme: https://ops.example.com")]
    NoScheme,
    #[error("no page has an origin of this scheme")]
    Scheme,
    #[error("an origin has no user and no password")]
    User,
    #[error("an origin ends with its host and port, without a path or a slash")]
    Path,
    #[error("browsers leave out the port that is the scheme's own")]
    DefaultPort,
    #[error(
        "browsers write this origin in another way: in lower case, names of other scripts as xn--…, addresses in \
         their shortest form"
    )]
    Spelling,
    #[error("this is no host, or no port")]
    Unreadable,
}

/// Schemes of URLs that no page is loaded by, or whose pages' origin is `null`.
const PAGELESS: [&str; 8] = ["about", "blob", "data", "file", "ftp", "javascript", "ws", "wss"];

impl Origin {
    /// Reads an origin of the settings.
    ///
    /// # Errors
    ///
    /// No browser could ever send it.
    pub(crate) fn parse(text: &str) -> Result<Self, OriginError> {
        if text.contains('*') {
            return Err(OriginError::Wildcard);
        }
        if text.trim().eq_ignore_ascii_case("null") {
            return Err(OriginError::Null);
        }
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::NoScheme)?;
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(OriginError::User);
        }
        if authority.len() < rest.len() {
            return Err(OriginError::Path);
        }
        let lower = scheme.to_ascii_lowercase();
        if PAGELESS.contains(&lower.as_str()) {
            return Err(OriginError::Scheme);
        }
        if matches!(lower.as_str(), "http" | "https") {
            let url = url::Url::parse(text).map_err(|_| OriginError::Unreadable)?;
            let host = url.host_str().unwrap_or_default();
            if has_empty_label(host.strip_suffix('.').unwrap_or(host)) {
                return Err(OriginError::Unreadable);
            }
            let told = Authority::parse(authority).and_then(|authority| authority.port);
            return match url.origin().ascii_serialization() {
                canonical if canonical == text => Ok(Self(canonical)),
                _ if told.is_some() && told == default_port(&lower) => Err(OriginError::DefaultPort),
                _ => Err(OriginError::Spelling),
            };
        }
        // Of an extension or an app: a scheme of its own, and what stands for a host.
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        match PageOrigin::parse(text) {
            _ if !is_scheme => Err(OriginError::NoScheme),
            None => Err(OriginError::Unreadable),
            Some(_) if text.bytes().any(|b| b.is_ascii_uppercase()) => Err(OriginError::Spelling),
            Some(_) => Ok(Self(text.to_owned())),
        }
    }

    /// Whether a page of `origin` is one of this.
    pub(super) fn is(&self, origin: &PageOrigin<'_>) -> bool {
        PageOrigin::parse(&self.0).is_some_and(|own| own.is(origin))
    }

    /// Whether this is what the header `Origin` says.
    pub(in crate::http) fn is_told_by(&self, header: &[u8]) -> bool {
        str::from_utf8(header).ok().and_then(PageOrigin::parse).is_some_and(|origin| self.is(&origin))
    }
}

impl<'a> PageOrigin<'a> {
    /// Reads the header `Origin`; `None` of `null`, and of what is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        Some(Self { scheme, authority: Authority::parse(authority)? })
    }

    fn port(&self) -> Option<u16> {
        self.authority.port.or_else(|| default_port(self.scheme))
    }

    fn is(&self, other: &PageOrigin<'_>) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme)
            && self.authority.is_same_host(&other.authority)
            && self.port() == other.port()
    }

    /// Whether its pages were loaded from `host`. By which of both schemes, a proxy before the gateway knows alone.
    pub(super) fn is_of(&self, host: &Authority<'_>) -> bool {
        let default = default_port(self.scheme);
        default.is_some() && self.authority.is_same_host(host) && self.port() == host.port.or(default)
    }
}

/// The port of URLs that name none.
pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => Some(80),
        _ if scheme.eq_ignore_ascii_case("https") => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_browser_sends_is_refused_with_its_reason() {
        for (text, why) in [
            ("*", OriginError::Wildcard),
            ("https://*.example.com", OriginError::Wildcard),
            ("https://ops.example.com:*", OriginError::Wildcard),
            ("null", OriginError::Null),
            ("NULL", OriginError::Null),
            ("", OriginError::NoScheme),
            ("ops.example.com", OriginError::NoScheme),
            ("//ops.example.com", OriginError::NoScheme),
            ("https:ops.example.com", OriginError::NoScheme),
            ("1a://ops", OriginError::NoScheme),
            ("://ops", OriginError::NoScheme),
            ("wss://ops.example.com", OriginError::Scheme),
            ("file:///tmp/page.html", OriginError::Path),
            ("file://host", OriginError::Scheme),
            ("https://user:hush@ops.example.com", OriginError::User),
            ("https://user@ops.example.com/", OriginError::User),
            ("https://ops.example.com/", OriginError::Path),
            ("https://ops.example.com/dash", OriginError::Path),
            ("https://ops.example.com?x", OriginError::Path),
            ("https://ops.example.com#x", OriginError::Path),
            ("https://ops.example.com\\x", OriginError::Path),
            ("https://ops.example.com:443", OriginError::DefaultPort),
            ("http://ops.example.com:80", OriginError::DefaultPort),
            ("http://[::1]:80", OriginError::DefaultPort),
            ("HTTPS://ops.example.com", OriginError::Spelling),
            ("https://Ops.example.com", OriginError::Spelling),
            (" https://ops.example.com", OriginError::NoScheme),
            ("https://ops.example.com ", OriginError::Spelling),
            ("https://ops.example.com:08443", OriginError::Spelling),
            ("https://ops.example.com:", OriginError::Spelling),
            ("https://bücher.example", OriginError::Spelling),
            ("http://127.1", OriginError::Spelling),
            ("http://[0:0:0:0:0:0:0:1]", OriginError::Spelling),
            ("Chrome-Extension://abc", OriginError::Spelling),
            ("https://", OriginError::Unreadable),
            ("https://a b", OriginError::Unreadable),
            ("https://..localhost", OriginError::Unreadable),
            ("https://ops..example.com", OriginError::Unreadable),
            ("https://ops.example.com:65536", OriginError::Unreadable),
            ("app://", OriginError::Unreadable),
        ] {
            let read = Origin::parse(text);
            let is_same = read == Err(why) || (text.starts_with(' ') && read.is_err());
            assert!(is_same, "{text:?}: {read:?}, not {why:?}");
        }
        for good in [
            "https://ops.example.com",
            "http://localhost:3000",
            "https://ops.example.com:8443",
            "http://ops.example.com:443",
            "https://xn--bcher-kva.example",
            "http://127.0.0.1:9",
            "http://[::1]:3000",
            "chrome-extension://abcdefghijklmnop",
            "app://localhost",
        ] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn origins_are_compared_as_origins() {
        let ops = Origin::parse("https://ops.example.com").unwrap();
        for (told, same) in [
            ("https://ops.example.com", true),
            ("https://ops.example.com:443", true),
            ("HTTPS://OPS.example.com", true),
            ("http://ops.example.com", false),
            ("https://ops.example.com:80", false),
            ("https://ops.example.com.evil.example", false),
            ("https://evil.example/https://ops.example.com", false),
            ("https://ops.example.com/", false),
            ("https://user@ops.example.com", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(ops.is_told_by(told.as_bytes()), same, "{told}");
        }
    }

    #[test]
    fn a_page_is_the_gateways_own_by_host_and_port() {
        for (origin, host, own) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("https://tagcast.example.com", "tagcast.example.com", true),
            ("https://tagcast.example.com", "tagcast.example.com:443", true),
            ("https://tagcast.example.com", "TAGCAST.example.com", true),
            ("http://localhost", "localhost:80", true),
            ("http://localhost:3000", "localhost:8080", false),
            ("http://localhost", "localhost:8080", false),
            ("https://localhost:80", "localhost", false),
            ("http://localhost:8080", "127.0.0.1:8080", false),
            ("app://localhost", "localhost", false),
        ] {
            let (page, host) = (PageOrigin::parse(origin).unwrap(), Authority::parse(host).unwrap());
            assert_eq!(page.is_of(&host), own, "{origin} at {host:?}");
        }
    }
}
