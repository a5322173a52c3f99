use std::sync::Arc;

use http::Uri;

use super::quantity::Span;
use super::secret::SecretText;
use super::section::Section;
use super::text;
use crate::ingest::SourceApi;
use crate::outgoing::{Outgoing, is_loopback};
use crate::registry::Registry;

/// `[sources.api]`: the registry's own API, for `resolve` and `warm`.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where it answers, without `/v2`: `https://registry-1.docker.io`.
    url: String,
    /// Who asks; none: nobody in particular.
    login: Option<(String, SecretText)>,
    /// The server that gives its tokens, where that is of another site: `https://auth.example.com`.
    token_server: Option<String>,
    /// How long a notification waits for its digest.
    pub(super) resolve_time: Span,
    /// How long the source stays closed while tags are listed; then it opens with what is known.
    pub(super) warm_time: Span,
}

impl ApiConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let url = section.required("url", |url| {
            if is_url(url) { Ok(url.to_owned()) } else { Err("must be https://host[:port]") }
        });
        let token_server = section.parsed("token_server", |url| {
            if is_guarded(url) && is_server(url) {
                Ok(url.to_owned())
            } else {
                Err("must be https://host[:port]")
            }
        });
        let resolve_time = section.within_or(
            "resolve_time",
            Span(SourceApi::RESOLVE_TIME),
            Span::millis(10)..=Span::seconds(60),
        );
        let warm_time = section.within_or(
            "warm_time",
            Span(SourceApi::WARM_TIME),
            Span::seconds(1)..=Span::seconds(86_400),
        );
        let username = section.parsed("username", text::optional_label).filter(|name| !name.is_empty());
        let (has_username, has_password) = (section.has("username"), section.has("password"));
        let password = section.secret("password");
        if has_username != has_password || (username.is_none() && password.is_some()) {
            section.note(
                if has_username { "username" } else { "password" },
                "username and password go together",
            );
        }
        if has_password && url.as_deref().is_some_and(|url| !is_guarded(url)) {
            section.note("password", "must not be sent but over https");
        }
        let login = username.zip(password);
        Some(Self { url: url?, login, token_server, resolve_time, warm_time })
    }

    /// The registry.
    pub(super) fn registry(&self, outgoing: &Arc<Outgoing>) -> Registry {
        let login = self.login.clone().map(|(name, password)| (name, password.expose().to_owned()));
        Registry::new(Arc::clone(outgoing), &self.url, login, self.token_server.clone())
    }
}

/// An address over https, or on this machine.
pub(super) fn guarded_url(url: &str) -> Result<String, &'static str> {
    let is_good = is_guarded(url) && is_url(url);
    if is_good { Ok(url.to_owned()) } else { Err("must be an address over https: https://host[:port]/path") }
}

fn is_guarded(url: &str) -> bool {
    url.starts_with("https://") || (url.starts_with("http://") && is_loopback(url))
}

fn is_url(url: &str) -> bool {
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    let uri = url.parse::<Uri>();
    is_web
        && !url.contains(['@', '?', '#'])
        && uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

/// Whether it names a server, and nothing on it.
fn is_server(url: &str) -> bool {
    is_url(url) && url.parse::<Uri>().is_ok_and(|uri| matches!(uri.path(), "" | "/"))
}
