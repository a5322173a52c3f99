/// What a registry's `WWW-Authenticate` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password.
    Basic,
    /// A token from elsewhere.
    Bearer {
        /// Who gives it.
        realm: String,
        /// For whom.
        service: String,
    },
}

impl Challenge {
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let value = |name| parameter(rest, name).unwrap_or_default().to_owned();
        let realm = value("realm");
        (!realm.is_empty()).then(|| Self::Bearer { realm, service: value("service") })
    }
}

/// The value of `name="…"`; the values that registries send hold no escapes.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = parameters;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim_matches([' ', ',']).eq_ignore_ascii_case(name) {
            return Some(value.trim());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_send() {
        let docker = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let bearer = |realm: &str, service: &str| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.into() })
        };
        assert_eq!(Challenge::parse(docker), bearer("https://auth.docker.io/token", "registry.docker.io"));
        assert_eq!(Challenge::parse(r#"bearer service=x, realm="y""#), bearer("y", "x"));
        assert_eq!(Challenge::parse(r#"Basic realm="Registry Realm""#), Some(Challenge::Basic));
        for other in ["", "Bearer", "Bearer realm=\"", "Negotiate", r#"Bearer service="x""#] {
            assert_eq!(Challenge::parse(other), None, "{other}");
        }
    }
}
