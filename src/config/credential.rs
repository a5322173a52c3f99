use serde::Deserialize;

use super::SecretConfig;
use super::SettingError::{self, HeaderName, Rule, SignsNothing};
use crate::source::{Credential, Kind, Secret, TokenRule};

/// One thing that proves a request to be the source's.
#[derive(Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum CredentialConfig {
    /// `{ header = "Authorization", value = "…" }`, verbatim.
    Header {
        /// Its name.
        header: String,
        /// Its value.
        value: SecretConfig,
    },
    /// `{ bearer = "…" }`
    Bearer {
        /// The token.
        bearer: SecretConfig,
    },
    /// `{ basic = "user:password" }`
    Basic {
        /// User and password.
        basic: SecretConfig,
    },
    /// `{ query = "secret", value = "…" }`: a parameter of the URL.
    Query {
        /// Its name.
        query: String,
        /// Its value.
        value: SecretConfig,
    },
    /// `{ signature = "…" }`: the secret that this kind of registry signs its bodies with.
    Signature {
        /// The secret.
        signature: SecretConfig,
    },
    /// `{ entra = "tenant's id", audience = "…" }`: a token of Microsoft Entra, as Event Grid shows one.
    Entra {
        /// The tenant.
        entra: String,
        /// Whom the token must be for.
        audience: String,
    },
    /// `{ issuer = "…", key_set = "https://…", audience = "…" }`: a token of any OpenID provider, RS256.
    Token {
        /// Who issues it.
        issuer: String,
        /// Where the issuer's keys are.
        key_set: String,
        /// Whom it must be for.
        audience: String,
        /// The verified address that it must speak for; none: any.
        email: Option<String>,
    },
}

impl std::fmt::Debug for CredentialConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialConfig(…)")
    }
}

impl CredentialConfig {
    pub(super) fn credential(&self, kind: Kind) -> Result<Credential, SettingError> {
        let secret = |config: &SecretConfig| config.read().map(Secret::new);
        Ok(match self {
            Self::Header { header, value } => {
                http::HeaderName::try_from(header).map_err(|_| HeaderName(header.clone()))?;
                Credential::Header { name: header.clone(), value: secret(value)? }
            }
            Self::Bearer { bearer } => Credential::Bearer(secret(bearer)?),
            Self::Basic { basic } => {
                let pair = basic.read()?;
                if !pair.contains(':') {
                    return Err(Rule("basic is \"user:password\""));
                }
                Credential::Basic(Secret::new(pair))
            }
            Self::Query { query, value } => {
                Credential::Query { parameter: query.clone(), value: secret(value)? }
            }
            Self::Signature { signature } => {
                Credential::signature(kind, secret(signature)?).ok_or(SignsNothing(kind))?
            }
            Self::Entra { entra, audience } => {
                let is_id = !entra.is_empty()
                    && entra.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
                if !is_id || audience.is_empty() {
                    return Err(Rule("entra is a tenant's id, and audience is not empty"));
                }
                Credential::Token(TokenRule::entra(entra, audience))
            }
            Self::Token { issuer, key_set, audience, email } => {
                if issuer.is_empty() || audience.is_empty() || email.as_ref().is_some_and(String::is_empty) {
                    return Err(Rule("issuer, audience and email are not empty"));
                }
                Credential::Token(TokenRule {
                    issuers: vec![issuer.clone()],
                    key_set: key_set.clone(),
                    audience: audience.clone(),
                    email: email.clone(),
                })
            }
        })
    }
}
