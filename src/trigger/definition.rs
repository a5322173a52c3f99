use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::headers::{bounded, header};
use super::written::{WrittenHttp, WrittenRetry};
use super::{Place, Policy, Retry, SigningKey, TargetFormat, Written, WrittenAuth, WrittenTarget};
use crate::filter::{self, Filter, FilterError};
use crate::protocol::{
    BatchError, BatchLimits, Batching, Code, ErrorBody, NAME_RULE, is_name, read_duration,
};

const DEFAULT_BATCH: Batching = Batching { size: 10, cutoff: Duration::from_secs(10), bytes: 256 << 10 };
/// Of a batch: as large as one request to a target should be.
const LIMITS: BatchLimits = BatchLimits { size: 1_000, cutoff: Duration::from_mins(1) };
const TIMEOUT: Duration = Duration::from_secs(20);

/// What a definition is read with.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// How filters are read.
    pub filters: &'a filter::Options,
    /// Which targets may be.
    pub policy: &'a Policy,
    /// Whom a trigger may run for, and the one cloud of each.
    pub accounts: &'a BTreeMap<String, Option<String>>,
}

/// A trigger that was accepted.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Whose events it may have.
    pub cloud: String,
    /// Which events, as it was understood.
    pub own: Filter,
    /// The same within its cloud, and of those only what its format can say.
    pub filter: Filter,
    /// Bounds of a batch.
    pub batching: Batching,
    /// Where the batches go.
    pub target: Target,
    /// How what failed is repeated.
    pub retry: Retry,
    /// Tells whether a batch that was formed is still what this definition would make of its events.
    pub revision: u64,
    /// What was written.
    pub written: Written,
}

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
    pub place: Place,
    /// The form of a delivery.
    pub format: TargetFormat,
    /// Headers of every request, who the gateway is among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What deliveries are signed with.
    pub key: Option<SigningKey>,
    /// For one attempt.
    pub timeout: Duration,
}

/// A definition that can't be had, and the field that is wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{field}: {}", .body.message)]
pub struct Invalid {
    /// JSON pointer to what is wrong.
    pub field: String,
    /// Code, message and details.
    pub body: ErrorBody,
}

impl Invalid {
    /// A fault of one field.
    pub fn new(code: Code, field: &str, message: impl Into<String>) -> Self {
        let details = json!({ "field": field });
        Self { field: field.to_owned(), body: ErrorBody { details, ..ErrorBody::new(code, message) } }
    }
}

/// A fault of a filter.
pub(super) fn invalid_filter(error: &FilterError) -> Invalid {
    let mut details = error.details();
    let pointer = details["pointer"].as_str().unwrap_or_default();
    let field = format!("/filter{pointer}");
    details["field"] = field.clone().into();
    Invalid { field, body: ErrorBody { code: error.code.as_str(), message: error.to_string(), details } }
}

/// A fault of a batch's bounds.
pub(super) fn invalid_batch(error: &BatchError) -> Invalid {
    bad(Code::InvalidBatch, &format!("/batch/{}", error.field), &error.expected)
}

impl Written {
    /// Reads an object, whose name is `name` where it does not say.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if it has another shape.
    pub fn read(json: &[u8], name: &str) -> Result<Self, Invalid> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let written: Result<Self, _> = serde_path_to_error::deserialize(&mut reader);
        let mut written = written.map_err(|error| {
            let path = error.path().to_string().replace('.', "/");
            let field = if path == "/" || path == "?" { String::new() } else { format!("/{path}") };
            Invalid::new(Code::BadRequest, &field, error.into_inner().to_string())
        })?;
        reader.end().map_err(|error| Invalid::new(Code::BadRequest, "", error.to_string()))?;
        if written.name.is_empty() {
            name.clone_into(&mut written.name);
        }
        if written.name != name {
            return Err(Invalid::new(Code::InvalidId, "/name", "another name than the one in the path"));
        }
        Ok(written)
    }
}

impl Definition {
    /// Checks what was written.
    ///
    /// # Errors
    ///
    /// [`Invalid`], the first fault.
    pub fn new(written: Written, rules: &Rules<'_>) -> Result<Self, Invalid> {
        if !is_name(&written.name) {
            return Err(Invalid::new(Code::InvalidId, "/name", NAME_RULE));
        }
        if written.cloud_id.is_empty() {
            return Err(Invalid::new(Code::BadRequest, "/cloud_id", "a trigger belongs to a cloud"));
        }
        check_account(&written, rules)?;
        let own = Filter::from_json(&written.filter, rules.filters).map_err(|e| invalid_filter(&e))?;
        let batching = written.batch.bounds(DEFAULT_BATCH, LIMITS);
        let mut batching = batching.map_err(|error| invalid_batch(&error))?;
        let mut filter = within(&own, &written.cloud_id, rules)?;
        let target = match &written.target {
            WrittenTarget::Feed(name) if is_name(name) => Target::Feed(name.clone()),
            WrittenTarget::Feed(_) => {
                let message = format!("a feed's name has {NAME_RULE}");
                return Err(Invalid::new(Code::InvalidId, "/target/feed", message));
            }
            WrittenTarget::Http(http) => Target::Http(Box::new(http_target(http, rules)?)),
        };
        if let Target::Http(http) = &target {
            if let Some(tells) = http.format.tells() {
                let tells = Filter::parse(tells, rules.filters).map_err(|e| invalid_filter(&e))?;
                filter = filter.and(&tells).map_err(|e| invalid_filter(&e))?;
            }
            let size_is_written = written.batch.size.is_some();
            match http.format.largest(size_is_written) {
                Some(most) if size_is_written && batching.size > most => {
                    let message = format!("{} sends one event a request", http.format.as_str());
                    return Err(Invalid::new(Code::InvalidBatch, "/batch/size", message));
                }
                Some(most) => batching.size = most,
                None => {}
            }
        }
        let retry = retry(&written.retry)?;
        let forms = (filter.canonical(), format!("{batching:?}"), form_of(&target));
        let revision = xxh3_64(format!("{forms:?}").as_bytes());
        let (name, cloud) = (written.name.clone(), written.cloud_id.clone());
        Ok(Self { name, cloud, own, filter, batching, target, retry, revision, written })
    }
}

fn form_of(target: &Target) -> &'static str {
    match target {
        Target::Feed(_) => "feed",
        Target::Http(http) => http.format.as_str(),
    }
}

/// A filter within a cloud.
pub(super) fn within(own: &Filter, cloud: &str, rules: &Rules<'_>) -> Result<Filter, Invalid> {
    let wanted = json!({ "cloud_id": cloud });
    let cloud = Filter::from_json(&wanted, rules.filters);
    cloud.and_then(|cloud| own.and(&cloud)).map_err(|error| invalid_filter(&error))
}

fn check_account(written: &Written, rules: &Rules<'_>) -> Result<(), Invalid> {
    let account = &written.service_account;
    let refused = |message| Err(Invalid::new(Code::Forbidden, "/service_account", message));
    match rules.accounts.get(account) {
        _ if account.is_empty() => Ok(()),
        None => refused("no reader of that name in the settings"),
        Some(Some(cloud)) if *cloud != written.cloud_id => refused("it may not read this cloud"),
        Some(_) => Ok(()),
    }
}

fn bad(code: Code, field: &str, expected: &str) -> Invalid {
    Invalid::new(code, field, format!("must be {expected}"))
}

fn retry(written: &WrittenRetry) -> Result<Retry, Invalid> {
    let field = |value: &Option<Value>, field: &str, least: Duration, most: Duration, expected: &str| {
        let Some(value) = value else { return Ok(None) };
        let time = read_duration(value).filter(|time| (least..=most).contains(time));
        time.map(Some).ok_or_else(|| bad(Code::BadRequest, field, expected))
    };
    let (second, hour, week) = (Duration::from_secs(1), Duration::from_hours(1), Duration::from_hours(168));
    let attempts = written.attempts.as_ref().map(|value| {
        let attempts = value.as_u64().and_then(|n| u32::try_from(n).ok());
        attempts
            .filter(|n| (1..=30).contains(n))
            .ok_or_else(|| bad(Code::BadRequest, "/retry/attempts", "a whole number from 1 to 30"))
    });
    let interval = field(&written.interval, "/retry/interval", second, hour, "a time from 1s to 1h")?;
    let ttl = field(&written.ttl, "/retry/ttl", second, week, "a time from 1s to 7d")?;
    Ok(Retry { attempts: attempts.transpose()?, interval, ttl: ttl.unwrap_or(Retry::default().ttl) })
}

fn http_target(written: &WrittenHttp, rules: &Rules<'_>) -> Result<HttpTarget, Invalid> {
    let place = Place::parse(&written.url, rules.policy)
        .map_err(|(code, message)| Invalid::new(code, "/target/http/url", message))?;
    let format = TargetFormat::parse(&written.format).ok_or_else(|| {
        let names: Vec<_> = TargetFormat::ALL.iter().map(|format| format.as_str()).collect();
        bad(Code::InvalidFormat, "/target/http/format", &format!("one of {}", names.join(", ")))
    })?;
    let wrong = |field: &str, message: String| Invalid::new(Code::TargetInvalid, field, message);
    bounded(written.headers.iter().map(|(name, value)| (name.as_str(), value.expose())))
        .map_err(|message| wrong("/target/http/headers", message))?;
    let mut headers = Vec::new();
    for (name, value) in &written.headers {
        let field = format!("/target/http/headers/{name}");
        headers.push(header(name, value.expose()).map_err(|message| wrong(&field, message))?);
    }
    if let Some(auth) = &written.auth {
        headers.retain(|(name, _)| *name != AUTHORIZATION);
        headers.push((AUTHORIZATION, authorization(auth)?));
    }
    let key = written.signing_secret.as_ref().map(|secret| SigningKey::parse(secret.expose()));
    let key = key.transpose().map_err(|bad| wrong("/target/http/signing_secret", bad.to_string()))?;
    let timeout = written.timeout.as_ref().map_or(Some(TIMEOUT), read_duration);
    let timeout = timeout.filter(|time| (Duration::from_secs(1)..=TIMEOUT).contains(time));
    let timeout =
        timeout.ok_or_else(|| bad(Code::TargetInvalid, "/target/http/timeout", "a time from 1s to 20s"))?;
    Ok(HttpTarget { place, format, headers, key, timeout })
}

fn authorization(auth: &WrittenAuth) -> Result<HeaderValue, Invalid> {
    let (field, text) = match auth {
        WrittenAuth::Bearer(token) => ("/target/http/auth/bearer", format!("Bearer {}", token.expose())),
        WrittenAuth::Basic(pair) if !pair.expose().contains(':') => {
            let message = "user and password as user:password";
            return Err(Invalid::new(Code::TargetInvalid, "/target/http/auth/basic", message));
        }
        WrittenAuth::Basic(pair) => {
            ("/target/http/auth/basic", format!("Basic {}", BASE64.encode(pair.expose().as_bytes())))
        }
    };
    let value = HeaderValue::from_str(&text);
    let mut value = value.map_err(|_| Invalid::new(Code::TargetInvalid, field, "no control characters"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
