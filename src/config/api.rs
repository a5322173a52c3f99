use serde::Deserialize;

use super::{SecretConfig, Span};

/// `[sources.api]`: the registry's own API, for `resolve` and `warm`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    /// Where it answers, without `/v2`: `https://registry-1.docker.io`.
    pub url: String,
    /// Who asks; none: nobody in particular.
    #[serde(default)]
    pub username: String,
    /// The password or token of who asks.
    pub password: Option<SecretConfig>,
    /// How long a notification waits for its digest.
    #[serde(default = "default_resolve_time")]
    pub resolve_time: Span,
    /// How long the source stays closed while tags are listed; then it opens with what is known.
    #[serde(default = "default_warm_time")]
    pub warm_time: Span,
}

/// Well inside half a second, the shortest time that a registry waits for its answer.
const fn default_resolve_time() -> Span {
    Span(std::time::Duration::from_millis(400))
}

const fn default_warm_time() -> Span {
    Span(std::time::Duration::from_mins(5))
}

impl ApiConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        if !matches!(scheme, "http" | "https") || rest.is_empty() || rest.contains(['@', '?', '#']) {
            return Err("api.url is https://host[:port]".into());
        }
        if self.username.is_empty() != self.password.is_none() {
            return Err("api.username and api.password go together".into());
        }
        if scheme == "http" && self.password.is_some() && !is_loopback(rest) {
            return Err("api.password is sent over https only".into());
        }
        self.password.as_ref().map_or(Ok(()), |password| password.read().map(drop))
    }
}

fn is_loopback(authority: &str) -> bool {
    let authority = authority.split('/').next().unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|host| authority.strip_prefix(host).is_some_and(|port| port.is_empty() || port.starts_with(':')))
}
