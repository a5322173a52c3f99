//! A registry's own API (`/v2/`, the OCI distribution specification): which tags there are, and what they show.
//!
//! It says what the registry answers; what that means is for the catalog to say.

mod challenge;
mod list;
mod name;
mod realm;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde::Deserialize;

use self::challenge::Challenge;
use self::realm::{Way, token_server};
use crate::event::is_digest;
use crate::outgoing::{Answer, Ask, Outgoing, OutgoingError};

/// Manifests and indexes, so that the digest is that of what was pushed.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";
/// A page of names: 1,000 of at most 256 bytes.
const MAX_BYTES: usize = 4 << 20;
/// Of one request; callers bound the whole.
const DEADLINE: Duration = Duration::from_secs(20);
/// Tokens kept; one a repository.
const MAX_TOKENS: usize = 1_024;
/// A token that does not say how long it lives lives so long (Docker token authentication).
const TOKEN_LIFE: u64 = 60;

/// Why the registry gave no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It could not be reached.
    #[error("the registry: {0}")]
    Outgoing(#[from] OutgoingError),
    /// It answered something else than 200.
    #[error("the registry answered {0}")]
    Status(u16),
    /// A page for people: a proxy's before it, which has no registry for now, or no registry's address at all.
    #[error("something else than the registry answered {0}, with a page")]
    Page(u16),
    /// A repository or a tag that no registry has: it is not asked for.
    #[error("no registry has such a name")]
    Name,
    /// It asks for a proof that can't be given.
    #[error("the registry's login: {0}")]
    Login(&'static str),
    /// Its answer is not in the specified form.
    #[error("the registry's answer: {0}")]
    Malformed(&'static str),
}

/// One registry, as one user.
pub struct Registry {
    outgoing: Arc<Outgoing>,
    base: String,
    login: Option<(String, String)>,
    /// Where its tokens come from, if that is of another site.
    token_server: Option<String>,
    /// `Authorization` by scope, and how long it holds.
    proofs: Mutex<HashMap<String, (HeaderValue, Instant)>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
    expires_in: Option<u64>,
}

impl Registry {
    /// The registry at `base`, `https://host[:port]`, asked by a user with a password, or by nobody. Its tokens come from
    /// its own site, or from `token_server`.
    pub fn new(
        outgoing: Arc<Outgoing>,
        base: &str,
        login: Option<(String, String)>,
        token_server: Option<String>,
    ) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { outgoing, base, login, token_server, proofs: Mutex::default() }
    }

    /// The digest of the manifest that a tag shows.
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; there is no such tag, or the registry does not tell.
    pub async fn digest(&self, repository: &str, tag: &str) -> Result<String, RegistryError> {
        let path = format!("/v2/{}/manifests/{}", name::repository(repository)?, name::tag(tag)?);
        let scope = format!("repository:{repository}:pull");
        let answer = self.ask(Method::HEAD, &path, &scope).await?;
        let digest = answer.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        let digest = digest.filter(|digest| is_digest(digest));
        digest.map(str::to_owned).ok_or(RegistryError::Malformed("no digest"))
    }

    /// Asks; and where the registry wants a proof first, once more with it.
    async fn ask(&self, method: Method, path: &str, scope: &str) -> Result<Answer, RegistryError> {
        let known = self.proofs.lock().get(scope).cloned();
        let proof = known.filter(|(_, until)| Instant::now() < *until).map(|(proof, _)| proof);
        let answer = self.send(method.clone(), path, proof).await?;
        let answer = if answer.status == StatusCode::UNAUTHORIZED {
            let proof = self.prove(&answer.headers, scope).await?;
            self.send(method, path, Some(proof)).await?
        } else {
            answer
        };
        if answer.status == StatusCode::OK { Ok(answer) } else { Err(status(&answer)) }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        proof: Option<HeaderValue>,
    ) -> Result<Answer, RegistryError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(MANIFESTS));
        headers.extend(proof.map(|proof| (AUTHORIZATION, proof)));
        Ok(self.outgoing.ask(request(method, format!("{}{path}", self.base), headers)).await?)
    }

    /// What the registry asks for, kept for the next time.
    async fn prove(&self, headers: &HeaderMap, scope: &str) -> Result<HeaderValue, RegistryError> {
        let challenge = Challenge::choose(headers);
        let (proof, life) = match challenge.ok_or(RegistryError::Login("it asks for nothing we know"))? {
            Challenge::Basic => {
                (self.basic().ok_or(RegistryError::Login("it needs a user"))?, u64::MAX >> 32)
            }
            Challenge::Bearer { realm, service } => self.token(&realm, &service, scope).await?,
        };
        // A token that ends while it travels is of no use.
        let until = Instant::now() + Duration::from_secs(life.saturating_sub(5));
        let mut proofs = self.proofs.lock();
        if proofs.len() >= MAX_TOKENS {
            proofs.clear();
        }
        proofs.insert(scope.to_owned(), (proof.clone(), until));
        Ok(proof)
    }

    fn basic(&self) -> Option<HeaderValue> {
        let (user, password) = self.login.as_ref()?;
        secret(&format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes())))
    }

    async fn token(
        &self,
        realm: &str,
        service: &str,
        scope: &str,
    ) -> Result<(HeaderValue, u64), RegistryError> {
        let (mut url, way) = token_server(&self.base, self.token_server.as_deref(), realm)?;
        url.query_pairs_mut().append_pair("service", service).append_pair("scope", scope);
        let mut headers = HeaderMap::new();
        headers.extend(self.basic().map(|basic| (AUTHORIZATION, basic)));
        let ask = request(Method::GET, url.into(), headers);
        let answer = match way {
            Way::Trusted => self.outgoing.ask(ask).await?,
            Way::Judged => self.outgoing.ask_stranger(ask).await?,
        };
        if answer.status != StatusCode::OK {
            return Err(RegistryError::Login("it gives no token"));
        }
        let token: Token =
            serde_json::from_slice(&answer.body).map_err(|_| RegistryError::Malformed("no token"))?;
        let proof = secret(&format!("Bearer {}", token.token)).ok_or(RegistryError::Malformed("no token"))?;
        Ok((proof, token.expires_in.unwrap_or(TOKEN_LIFE)))
    }
}

fn request(method: Method, url: String, headers: HeaderMap) -> Ask {
    // The operator named this registry; `token_server` sees to it that a token's server is no less careful.
    let plain = url.starts_with("http://");
    Ask { method, url, headers, plain, max: MAX_BYTES, deadline: DEADLINE }
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a refusal means. That there is no such thing only a registry can say, and it says so to programs.
fn status(answer: &Answer) -> RegistryError {
    let status = answer.status.as_u16();
    let is_page =
        answer.headers.get(CONTENT_TYPE).is_some_and(|told| told.as_bytes().starts_with(b"text/html"));
    if is_page { RegistryError::Page(status) } else { RegistryError::Status(status) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_page_is_no_word_of_the_registrys() {
        let told = |content_type: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            status(&Answer { status: StatusCode::NOT_FOUND, headers, body: Bytes::new() })
        };
        assert_eq!(told("application/json"), RegistryError::Status(404));
        assert_eq!(told("text/plain; charset=utf-8"), RegistryError::Status(404));
        assert_eq!(told("text/html; charset=utf-8"), RegistryError::Page(404));
    }
}
