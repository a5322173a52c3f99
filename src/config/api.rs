use std::sync::Arc;

use serde::Deserialize;

use super::SettingError::{self, Rule};
use super::{SecretConfig, Span};
use crate::ingest::SourceApi;
use crate::outgoing::{Outgoing, is_loopback};
use crate::registry::Registry;

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
    /// The server that gives its tokens, where that is of another site: `https://auth.example.com`.
    pub token_server: Option<String>,
    /// How long a notification waits for its digest.
    #[serde(default = "resolve_time")]
    pub resolve_time: Span,
    /// How long the source stays closed while tags are listed; then it opens with what is known.
    #[serde(default = "warm_time")]
    pub warm_time: Span,
}

const fn resolve_time() -> Span {
    Span(SourceApi::RESOLVE_TIME)
}

const fn warm_time() -> Span {
    Span(SourceApi::WARM_TIME)
}

impl ApiConfig {
    /// The registry.
    pub(super) fn registry(&self, outgoing: &Arc<Outgoing>) -> Result<Registry, SettingError> {
        let password = self.password.as_ref().map(SecretConfig::read).transpose()?;
        let login = password.map(|password| (self.username.clone(), password));
        Ok(Registry::new(Arc::clone(outgoing), &self.url, login, self.token_server.clone()))
    }

    pub(super) fn check(&self) -> Result<(), SettingError> {
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        if !matches!(scheme, "http" | "https") || rest.is_empty() || rest.contains(['@', '?', '#']) {
            return Err(Rule("api.url is https://host[:port]"));
        }
        if self.token_server.as_ref().is_some_and(|url| !is_token_server(url)) {
            return Err(Rule("api.token_server is https://host[:port]"));
        }
        if self.username.is_empty() != self.password.is_none() {
            return Err(Rule("api.username and api.password go together"));
        }
        if scheme == "http" && self.password.is_some() && !is_loopback(&self.url) {
            return Err(Rule("api.password is sent over https only"));
        }
        self.password.as_ref().map_or(Ok(()), |password| password.read().map(drop))
    }
}

/// Whether it names a server, over https or on this machine, and nothing on it.
fn is_token_server(url: &str) -> bool {
    let is_careful = url.starts_with("https://") || (url.starts_with("http://") && is_loopback(url));
    let uri = url.parse::<http::Uri>();
    is_careful
        && !url.contains(['@', '#'])
        && uri.is_ok_and(|uri| matches!(uri.path(), "" | "/") && uri.query().is_none())
}
