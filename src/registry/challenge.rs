use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use crate::header::{items, parameter};

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
    /// The one to answer of all that it offers, on however many lines: a token before a password, as other clients do.
    pub(super) fn choose(headers: &HeaderMap) -> Option<Self> {
        let mut offered: Vec<(&str, String, String)> = Vec::new();
        for item in items(headers, &WWW_AUTHENTICATE) {
            // A scheme, and its first parameter; or one more parameter of the scheme before.
            let (word, rest) = item.split_once([' ', '\t']).unwrap_or((item, ""));
            let is_scheme = !word.contains('=') && !rest.trim_start().starts_with('=');
            if is_scheme {
                offered.push((word, String::new(), String::new()));
            }
            let (name, value) = parameter(if is_scheme { rest } else { item });
            let (Some((_, realm, service)), Some(value)) = (offered.last_mut(), value) else { continue };
            if name.eq_ignore_ascii_case("realm") {
                *realm = value.into_owned();
            } else if name.eq_ignore_ascii_case("service") {
                *service = value.into_owned();
            }
        }
        let is = |scheme: &str, wanted: &str| scheme.eq_ignore_ascii_case(wanted);
        let basic = offered.iter().any(|(scheme, ..)| is(scheme, "basic")).then_some(Self::Basic);
        let mut bearers =
            offered.into_iter().filter(|(scheme, realm, _)| is(scheme, "bearer") && !realm.is_empty());
        bearers.next().map(|(_, realm, service)| Self::Bearer { realm, service }).or(basic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(lines: &[&str]) -> Option<Challenge> {
        Challenge::choose(&lines.iter().map(|line| (WWW_AUTHENTICATE, line.parse().unwrap())).collect())
    }

    #[test]
    fn what_registries_send() {
        let docker = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let bearer = |realm: &str, service: &str| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.into() })
        };
        assert_eq!(choose(&[docker]), bearer("https://auth.docker.io/token", "registry.docker.io"));
        assert_eq!(choose(&[r#"bearer   service=x, Realm = "y""#]), bearer("y", "x"));
        assert_eq!(choose(&[r#"Basic realm="Registry Realm""#]), Some(Challenge::Basic));
        let both = r#"Basic realm="a, b", Bearer realm="y",service="x", Negotiate"#;
        assert_eq!(choose(&[both]), bearer("y", "x"));
        assert_eq!(choose(&["Basic", r#"BEARER realm="y""#]), bearer("y", ""));
        assert_eq!(choose(&[r#"Negotiate, BASIC realm="z""#]), Some(Challenge::Basic));
        for other in ["", "Bearer", "Negotiate", "Negotiate YWJj==", r#"Bearer service="x""#, r#"realm="x""#]
        {
            assert_eq!(choose(&[other]), None, "{other}");
        }
    }
}
