//! A trigger as it is written: the JSON of a request, of the settings file, and of the store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Secret;
use crate::protocol::BatchSpec;

/// The whole object. What is left out has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Its name; in a request it also stands in the path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whose events.
    #[serde(default = "default_cloud")]
    pub cloud_id: String,
    /// `true`, an expression or a shorthand object; null for every event.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub filter: Value,
    /// Bounds of a batch.
    #[serde(default)]
    pub batch: BatchSpec,
    /// Where the batches go.
    pub target: WrittenTarget,
    /// How what failed is repeated.
    #[serde(default)]
    pub retry: WrittenRetry,
    /// Whether what is given up is kept.
    #[serde(default = "yes")]
    pub dead_letter: bool,
    /// On whose behalf it runs: one of the settings' readers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    /// Whether it runs.
    #[serde(default = "yes")]
    pub enabled: bool,
}

pub(super) fn default_cloud() -> String {
    "default".to_owned()
}

const fn yes() -> bool {
    true
}

/// `"target"`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum WrittenTarget {
    /// All connections of a feed.
    Feed(String),
    /// An endpoint.
    Http(Box<WrittenHttp>),
}

/// `"http"`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenHttp {
    /// Where.
    pub url: String,
    /// The form of a delivery.
    #[serde(default = "default_format")]
    pub format: String,
    /// Headers of the operator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// How the gateway shows who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<WrittenAuth>,
    /// `whsec_…`, or `new`: the gateway makes one and shows it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<Secret>,
    /// For one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Value>,
}

fn default_format() -> String {
    "tagcast".to_owned()
}

/// `"auth"`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum WrittenAuth {
    /// A token.
    Bearer(Secret),
    /// `user:password`
    Basic(Secret),
}

/// `"retry"`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRetry {
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

impl Written {
    /// The object as it may be shown.
    #[must_use]
    pub fn shown(&self) -> Self {
        let mut shown = self.clone();
        if let WrittenTarget::Http(http) = &mut shown.target {
            http.headers.values_mut().for_each(|value| *value = Secret::hidden());
            http.signing_secret = http.signing_secret.as_ref().map(|_| Secret::hidden());
            http.auth = http.auth.as_ref().map(|auth| match auth {
                WrittenAuth::Bearer(_) => WrittenAuth::Bearer(Secret::hidden()),
                WrittenAuth::Basic(_) => WrittenAuth::Basic(Secret::hidden()),
            });
        }
        shown
    }

    /// The object with the secrets of `known` where only their stand-ins were written.
    #[must_use]
    pub fn with_secrets_of(mut self, known: &Self) -> Self {
        if let (WrittenTarget::Http(http), WrittenTarget::Http(known)) = (&mut self.target, &known.target) {
            for (name, value) in &mut http.headers {
                *value = value.clone().or_known(known.headers.get(name));
            }
            let signing = http.signing_secret.take();
            http.signing_secret = signing.map(|secret| secret.or_known(known.signing_secret.as_ref()));
            http.auth = match (http.auth.take(), &known.auth) {
                (Some(WrittenAuth::Bearer(new)), Some(WrittenAuth::Bearer(old))) => {
                    Some(WrittenAuth::Bearer(new.or_known(Some(old))))
                }
                (Some(WrittenAuth::Basic(new)), Some(WrittenAuth::Basic(old))) => {
                    Some(WrittenAuth::Basic(new.or_known(Some(old))))
                }
                (auth, _) => auth,
            };
        }
        self
    }
}
