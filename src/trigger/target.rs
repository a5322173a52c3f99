use std::time::Duration;

use data_encoding::BASE64;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

use super::headers::{bounded, header};
use super::spec::HttpSpec;
use super::{AuthSpec, DefinitionError, Policy, SigningKey, TargetFormat, TargetUrl, masked_url};
use crate::protocol::{Code, read_duration};

const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of what is looked for in answers; less would be found everywhere.
const SHORTEST_SECRET: usize = 6;

/// Where batches go.
#[derive(Clone, Debug)]
pub enum Target {
    /// All connections of a feed.
    Feed(String),
    /// An endpoint.
    Http(Box<HttpTarget>),
}

/// An endpoint.
#[derive(Clone, Debug)]
pub struct HttpTarget {
    /// Where.
    pub url: TargetUrl,
    /// The form of a delivery.
    pub format: TargetFormat,
    /// Headers of every request, who the gateway is among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What deliveries are signed with.
    pub key: Option<SigningKey>,
    /// For one attempt.
    pub timeout: Duration,
}

impl Target {
    /// Its form, as the revision of a definition tells it from others.
    pub(super) fn form(&self) -> &'static str {
        match self {
            Self::Feed(_) => "feed",
            Self::Http(http) => http.format.as_str(),
        }
    }
}

impl HttpTarget {
    /// Checks what was wanted.
    pub(super) fn new(spec: &HttpSpec, policy: &Policy) -> Result<Self, DefinitionError> {
        if let Some(field) = spec.stand_in() {
            return Err(invalid(&field, "*** stands for a secret, and none is known here; write it"));
        }
        let url = TargetUrl::parse(&spec.url, policy)
            .map_err(|error| DefinitionError::new(error.code(), "/target/http/url", error.to_string()))?;
        let format = TargetFormat::parse(&spec.format).ok_or_else(|| {
            let names = format!("one of {}", TargetFormat::ALL.map(TargetFormat::as_str).join(", "));
            DefinitionError::expected(Code::InvalidFormat, "/target/http/format", &names)
        })?;
        let key = spec.signing_secret.as_ref().map(|secret| SigningKey::parse(secret.expose())).transpose();
        let timeout = spec.timeout.as_ref().map_or(Some(TIMEOUT), read_duration);
        let timeout = timeout.filter(|time| (Duration::from_secs(1)..=TIMEOUT).contains(time));
        Ok(Self {
            url,
            format,
            headers: headers(spec)?,
            key: key.map_err(|bad| invalid("/target/http/signing_secret", bad))?,
            timeout: timeout.ok_or_else(|| {
                let expected = "a time from 1s to 20s";
                DefinitionError::expected(Code::TargetInvalid, "/target/http/timeout", expected)
            })?,
        })
    }
}

impl HttpTarget {
    /// All that an answer may not show though it may hold it: what was sent to the target and is a secret.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let values = self.headers.iter().filter_map(|(_, value)| value.to_str().ok());
        let values = values.flat_map(|value| value.rsplit(' ').take(1).chain([value])).map(str::to_owned);
        let mut secrets: Vec<_> = values.chain(masked_url::secret_parts(&self.url.to_string())).collect();
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

fn invalid(field: &str, why: impl std::fmt::Display) -> DefinitionError {
    DefinitionError::new(Code::TargetInvalid, field, why.to_string())
}

/// The operator's own headers; `auth` stands above an `authorization` among them.
fn headers(spec: &HttpSpec) -> Result<Vec<(HeaderName, HeaderValue)>, DefinitionError> {
    bounded(spec.headers.iter().map(|(name, value)| (name.as_str(), value.expose())))
        .map_err(|error| invalid("/target/http/headers", error))?;
    let own = spec.headers.iter().map(|(name, value)| {
        let field = format!("/target/http/headers/{name}");
        header(name, value.expose()).map_err(|error| invalid(&field, error))
    });
    let mut headers = own.collect::<Result<Vec<_>, _>>()?;
    if let Some(auth) = &spec.auth {
        headers.retain(|(name, _)| *name != AUTHORIZATION);
        headers.push((AUTHORIZATION, authorization(auth)?));
    }
    Ok(headers)
}

fn authorization(auth: &AuthSpec) -> Result<HeaderValue, DefinitionError> {
    let (field, text) = match auth {
        AuthSpec::Bearer(token) => ("/target/http/auth/bearer", format!("Bearer {}", token.expose())),
        AuthSpec::Basic(pair) if !pair.expose().contains(':') => {
            return Err(invalid("/target/http/auth/basic", "user and password as user:password"));
        }
        AuthSpec::Basic(pair) => {
            ("/target/http/auth/basic", format!("Basic {}", BASE64.encode(pair.expose().as_bytes())))
        }
    };
    let value = HeaderValue::from_str(&text);
    let mut value = value.map_err(|_| invalid(field, "no control characters"))?;
    value.set_sensitive(true);
    Ok(value)
}
