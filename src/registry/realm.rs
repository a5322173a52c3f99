//! Which servers a registry may send its asker to for a token. The registry names it, so the name proves nothing: what
//! is asked there, with the operator's password, is what its own server could ask for as well, or is named in the settings.

use url::{Host, Url};

use super::RegistryError::{self, Login};

/// Longest first label of a domain of two under which anyone may have a name, as in `co.uk`.
const SHORT: usize = 3;

/// How a token's server may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As the registry is: the operator named it.
    Trusted,
    /// As a trigger's target is: it may lie nowhere inside.
    Judged,
}

/// The URL that gives tokens for the registry at `base`, if its `realm` may be asked.
pub(super) fn token_server(
    base: &str,
    named: Option<&str>,
    realm: &str,
) -> Result<(Url, Way), RegistryError> {
    let malformed = Login("its token's server is no URL that may be asked");
    let (Ok(base), Ok(realm)) = (Url::parse(base), Url::parse(realm)) else { return Err(malformed) };
    let has_user = !realm.username().is_empty() || realm.password().is_some();
    if has_user || realm.fragment().is_some() || !matches!(realm.scheme(), "http" | "https") {
        return Err(malformed);
    }
    let is_named = named.and_then(|named| Url::parse(named).ok()).is_some_and(|named| {
        (named.scheme(), named.host(), named.port_or_known_default())
            == (realm.scheme(), realm.host(), realm.port_or_known_default())
    });
    let is_same_host = base.host() == realm.host();
    if is_named || (is_same_host && (realm.scheme() == "https" || base.scheme() == "http")) {
        return Ok((realm, Way::Trusted));
    }
    if realm.scheme() != "https" {
        return Err(Login("its token's server is not asked over http"));
    }
    match (base.host(), realm.host()) {
        (Some(Host::Domain(base)), Some(Host::Domain(other))) if is_same_site(base, other) => {
            Ok((realm, Way::Judged))
        }
        _ => Err(Login("its token's server is of another site; api.token_server may name it")),
    }
}

/// Whether a name lies below the registry's own, or at or below the one that this lies in.
fn is_same_site(base: &str, other: &str) -> bool {
    let (base, other) = (base.trim_end_matches('.'), other.trim_end_matches('.'));
    let is_below = |domain: &str| other.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let parent = base.split_once('.').map(|(_, parent)| parent).filter(|parent| is_of_one_owner(parent));
    is_below(base) || parent.is_some_and(|parent| other == parent || is_below(parent))
}

/// Whether all names below this one are probably one owner's: `docker.io` are, `co.uk` and `io` are not.
fn is_of_one_owner(domain: &str) -> bool {
    match domain.split_once('.') {
        None => false,
        Some((first, rest)) => rest.contains('.') || rest.len() > 2 || first.len() > SHORT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(base: &str, realm: &str) -> Option<Way> {
        token_server(base, None, realm).ok().map(|(_, way)| way)
    }

    #[test]
    fn what_large_registries_name_may_be_asked() {
        for (base, realm, expected) in [
            ("https://registry-1.docker.io", "https://auth.docker.io/token", Way::Judged),
            ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", Way::Judged),
            ("https://ghcr.io", "https://ghcr.io/token", Way::Trusted),
            ("https://quay.io", "https://auth.quay.io/v2/auth", Way::Judged),
            ("https://hub.example.co.uk", "https://auth.example.co.uk/", Way::Judged),
            ("https://hub.example.com:5000", "https://hub.example.com:5001/t", Way::Trusted),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/t", Way::Trusted),
            ("http://[::1]:5000", "https://[::1]/t", Way::Trusted),
            ("http://registry:5000", "http://registry:5001/t", Way::Trusted),
        ] {
            assert_eq!(way(base, realm), Some(expected), "{base} {realm}");
        }
    }

    #[test]
    fn others_may_not() {
        for (base, realm) in [
            ("https://registry-1.docker.io", "http://auth.docker.io/token"),
            ("https://registry-1.docker.io", "http://registry-1.docker.io/token"),
            ("https://registry-1.docker.io", "https://auth.docker.io.example.com/token"),
            ("https://registry-1.docker.io", "https://evildocker.io/token"),
            ("https://registry-1.docker.io", "https://169.254.169.254/token"),
            ("https://registry-1.docker.io", "https://localhost/token"),
            ("https://quay.io", "https://example.io/token"),
            ("https://example.co.uk", "https://evil.co.uk/token"),
            ("https://registry", "https://other/token"),
            ("https://10.0.0.1", "https://10.0.0.2/token"),
            ("http://127.0.0.1:5000", "http://localhost:5000/token"),
            ("http://127.0.0.1:5000", "http://169.254.169.254/token"),
            ("http://registry:5000", "http://other:5000/token"),
            ("https://ghcr.io", "https://user@ghcr.io/token"),
            ("https://ghcr.io", "https://ghcr.io/token#x"),
            ("https://ghcr.io", "ftp://ghcr.io/token"),
            ("https://ghcr.io", "file:///etc/passwd"),
            ("https://ghcr.io", "/token"),
            ("https://ghcr.io", "https:\\\\evil.example.com\\token"),
        ] {
            assert_eq!(way(base, realm), None, "{base} {realm}");
        }
    }

    #[test]
    fn the_settings_may_name_one() {
        let named = |named, realm| token_server("https://icr.io", Some(named), realm).is_ok();
        let iam = "https://iam.cloud.ibm.com";
        assert!(
            named(iam, "https://iam.cloud.ibm.com/oidc/token")
                && named(iam, "https://iam.cloud.ibm.com:443/")
        );
        for other in ["http://iam.cloud.ibm.com/", "https://iam.cloud.ibm.com:444/", "https://cloud.ibm.com/"]
        {
            assert!(!named(iam, other), "{other}");
        }
    }
}
