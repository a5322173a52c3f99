//! A trigger as its operator wants it: the JSON of a request, of the settings file, and of the store.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DefinitionError, QualifiedName, Secret, SigningKey, masked_url};
use crate::message::{Object, object};
use crate::protocol::{BatchSpec, Code};

/// In place of a signing secret: the gateway makes one.
const NEW_SECRET: &str = "new";

/// The whole object. What is left out has its default. `S` is a secret; in the settings it may stand elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a trigger as an object")]
pub struct TriggerSpec<S = Secret> {
    /// In a request it also stands in the path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whose events.
    #[serde(default = "default_cloud")]
    pub cloud_id: String,
    /// `true`, an expression or a shorthand object; null for every event.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub filter: Value,
    /// Bounds of a batch.
    #[serde(default, deserialize_with = "object")]
    pub batch: BatchSpec,
    /// Where the batches go.
    pub target: TargetSpec<S>,
    /// How what failed is repeated.
    #[serde(default, deserialize_with = "object")]
    pub retry: RetrySpec,
    /// Whether what is given up is kept.
    #[serde(default = "yes")]
    pub dead_letter: bool,
    /// On whose behalf it runs: one of the settings' readers; empty for nobody's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    /// Whether it runs.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Whose a trigger or a feed is, where nobody says.
pub(crate) fn default_cloud() -> String {
    "default".to_owned()
}

const fn yes() -> bool {
    true
}

/// `"target"`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields, bound(deserialize = "S: Deserialize<'de>"))]
pub enum TargetSpec<S = Secret> {
    /// All connections of a feed.
    Feed(String),
    /// An endpoint.
    #[serde(deserialize_with = "object")]
    Http(Box<HttpSpec<S>>),
}

/// `"http"`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec<S = Secret> {
    /// Where.
    pub url: String,
    /// The form of a delivery.
    #[serde(default = "default_format")]
    pub format: String,
    /// Headers of the operator's own.
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, S>,
    /// How the gateway shows who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthSpec<S>>,
    /// `whsec_…`, or `new`: the gateway makes one and shows it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<S>,
    /// For one attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Value>,
}

fn default_format() -> String {
    "tagcast".to_owned()
}

/// `"auth"`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum AuthSpec<S = Secret> {
    /// A token.
    Bearer(S),
    /// `user:password`
    Basic(S),
}

/// `"retry"`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrySpec {
    /// Attempts for one batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Value>,
    /// The wait between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Value>,
    /// Age at which a batch is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Value>,
}

/// Of a definition that can't be read: whether that is because it has more than one target.
fn two_targets(json: &[u8]) -> Option<DefinitionError> {
    let written: Value = serde_json::from_slice(json).ok()?;
    let several = written.get("target")?.as_object()?.len() > 1;
    several.then(|| DefinitionError::new(Code::BadRequest, "/target", "a target is either http or feed"))
}

impl<S> TriggerSpec<S> {
    /// What it is known by.
    pub fn id(&self) -> QualifiedName {
        QualifiedName::new(&self.cloud_id, &self.name)
    }

    /// The endpoint, where its target is one.
    pub fn http(&self) -> Option<&HttpSpec<S>> {
        match &self.target {
            TargetSpec::Http(http) => Some(http),
            TargetSpec::Feed(_) => None,
        }
    }

    /// The endpoint's, where its target is one.
    pub fn url(&self) -> Option<&str> {
        self.http().map(|http| http.url.as_str())
    }

    /// The same with its secrets in another form.
    ///
    /// # Errors
    ///
    /// The first error of `read`.
    pub fn try_map_secrets<T, E>(self, mut read: impl FnMut(S) -> Result<T, E>) -> Result<TriggerSpec<T>, E> {
        let target = match self.target {
            TargetSpec::Feed(name) => TargetSpec::Feed(name),
            TargetSpec::Http(http) => TargetSpec::Http(Box::new(http.try_map_secrets(&mut read)?)),
        };
        Ok(TriggerSpec {
            name: self.name,
            cloud_id: self.cloud_id,
            filter: self.filter,
            batch: self.batch,
            target,
            retry: self.retry,
            dead_letter: self.dead_letter,
            service_account: self.service_account,
            enabled: self.enabled,
        })
    }
}

impl<S> HttpSpec<S> {
    fn try_map_secrets<T, E>(self, read: &mut impl FnMut(S) -> Result<T, E>) -> Result<HttpSpec<T>, E> {
        let auth = match self.auth {
            Some(AuthSpec::Bearer(token)) => Some(AuthSpec::Bearer(read(token)?)),
            Some(AuthSpec::Basic(pair)) => Some(AuthSpec::Basic(read(pair)?)),
            None => None,
        };
        let signing_secret = self.signing_secret.map(&mut *read).transpose()?;
        let headers = self.headers.into_iter().map(|(name, value)| Ok((name, read(value)?)));
        let headers = headers.collect::<Result<_, E>>()?;
        Ok(HttpSpec {
            url: self.url,
            format: self.format,
            headers,
            auth,
            signing_secret,
            timeout: self.timeout,
        })
    }
}

impl HttpSpec {
    /// The first field in which something stands for a secret, as a JSON pointer.
    pub(super) fn stand_in(&self) -> Option<String> {
        let url = masked_url::stands_in(&self.url).then_some("/target/http/url");
        let headers = self.headers.iter().find(|(_, value)| value.stands_in());
        let auth = match &self.auth {
            Some(AuthSpec::Bearer(token)) if token.stands_in() => Some("/target/http/auth/bearer"),
            Some(AuthSpec::Basic(pair)) if pair.stands_in() => Some("/target/http/auth/basic"),
            _ => None,
        };
        let signing = self.signing_secret.as_ref().filter(|secret| secret.stands_in());
        let signing = signing.map(|_| "/target/http/signing_secret");
        let header = headers.map(|(name, _)| format!("/target/http/headers/{name}"));
        url.map(str::to_owned).or(header).or(auth.or(signing).map(str::to_owned))
    }
}

impl TriggerSpec {
    /// Reads an object, whose name is `name` where it does not say.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`] if it has another shape or another name.
    pub fn read(json: &[u8], name: &str) -> Result<Self, DefinitionError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let read = serde_path_to_error::deserialize::<_, Object<Self>>(&mut reader);
        let Object(mut spec) =
            read.map_err(|error| two_targets(json).unwrap_or_else(|| DefinitionError::from(error)))?;
        reader.end().map_err(|error| DefinitionError::new(Code::BadRequest, "", error.to_string()))?;
        if spec.name.is_empty() {
            name.clone_into(&mut spec.name);
        }
        if spec.name != name {
            let message = "another name than the one in the path";
            return Err(DefinitionError::new(Code::InvalidId, "/name", message));
        }
        Ok(spec)
    }

    /// Whether an object says whose it is; where it does not, who sends it decides.
    pub(crate) fn says_cloud(json: &[u8]) -> bool {
        serde_json::from_slice::<Value>(json).is_ok_and(|written| written.get("cloud_id").is_some())
    }

    /// The object without its secrets, but for what is one of its URL.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let Ok(without) = self.clone().try_map_secrets(|_| Ok::<_, Infallible>(Secret::hidden()));
        without
    }

    /// The object as it may be shown: without its secrets.
    #[must_use]
    pub fn shown(&self) -> Self {
        let mut shown = self.without_secrets();
        if let TargetSpec::Http(http) = &mut shown.target {
            http.url = masked_url::masked(&http.url);
        }
        shown
    }

    /// The object with the secrets of `known` where only their stand-ins were given.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`] if they would go to another host, port or scheme than the one that they were given for.
    pub fn with_secrets_of(mut self, known: &Self) -> Result<Self, DefinitionError> {
        if let (TargetSpec::Http(http), TargetSpec::Http(known)) = (&mut self.target, &known.target) {
            if masked_url::moved(&http.url, &known.url) {
                let message =
                    "*** keeps a secret at the host, port and scheme that it was given for; write it again";
                let refused = |field: String| DefinitionError::new(Code::TargetInvalid, &field, message);
                return http.stand_in().map_or(Ok(self), |field| Err(refused(field)));
            }
            if masked_url::stands_in(&http.url) {
                http.url = masked_url::unmasked(&http.url, &known.url).unwrap_or_else(|| http.url.clone());
            }
            for (name, value) in &mut http.headers {
                *value = value.clone().or_known(known.headers.get(name));
            }
            let signing = http.signing_secret.take();
            http.signing_secret = signing.map(|secret| secret.or_known(known.signing_secret.as_ref()));
            http.auth = match (http.auth.take(), &known.auth) {
                (Some(AuthSpec::Bearer(new)), Some(AuthSpec::Bearer(old))) => {
                    Some(AuthSpec::Bearer(new.or_known(Some(old))))
                }
                (Some(AuthSpec::Basic(new)), Some(AuthSpec::Basic(old))) => {
                    Some(AuthSpec::Basic(new.or_known(Some(old))))
                }
                (auth, _) => auth,
            };
        }
        Ok(self)
    }

    /// Makes the signing secret of `random` where the gateway is asked for one, and tells it.
    pub fn make_signing_secret(&mut self, random: [u8; 32]) -> Option<String> {
        let TargetSpec::Http(http) = &mut self.target else { return None };
        http.signing_secret.as_ref().filter(|secret| secret.expose() == NEW_SECRET)?;
        let made = SigningKey::spell(random);
        http.signing_secret = Some(Secret::new(made.clone()));
        Some(made)
    }

    /// The signing secret, where this has one and `next` has another.
    pub fn replaced_secret(&self, next: &Self) -> Option<Secret> {
        let (old, new) = (self.http()?.signing_secret.as_ref()?, next.http()?.signing_secret.as_ref()?);
        (old != new).then(|| old.clone())
    }
}
