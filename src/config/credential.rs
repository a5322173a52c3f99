use data_encoding::BASE64;
use serde::Deserialize;

use super::SecretConfig;
use super::SettingError::{self, Rule, SignsNothing};
use crate::source::{Credential, Kind, Secret, TokenRule};

/// One thing that proves a request to be the source's.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a credential has one of header, bearer, basic, query, signature, entra and issuer, and what belongs to it"
)]
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
    /// Bytes of what a stranger would have to guess; `None` of what shared secrets do not prove.
    pub(super) fn secret_bytes(&self) -> Result<Option<usize>, SettingError> {
        let bytes = match self {
            Self::Header { value, .. } => unguessable(&value.read()?),
            Self::Query { value, .. } => value.read()?.len(),
            Self::Bearer { bearer } => bearer.read()?.len(),
            Self::Basic { basic } => password(&basic.read()?).len(),
            Self::Signature { signature } => match signature.read()?.strip_prefix("whsec_") {
                // Standard Webhooks: the key in base64.
                Some(base64) => base64.trim_end_matches('=').len() * 3 / 4,
                None => signature.read()?.len(),
            },
            Self::Entra { .. } | Self::Token { .. } => return Ok(None),
        };
        Ok(Some(bytes))
    }

    pub(super) fn credential(&self, kind: Kind) -> Result<Credential, SettingError> {
        let secret = |config: &SecretConfig| config.read().map(Secret::new);
        Ok(match self {
            Self::Header { header, value } => {
                http::HeaderName::try_from(header).map_err(|_| Rule("header is no header's name"))?;
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

/// Bytes of an `Authorization` that its scheme and its user do not tell.
fn unguessable(value: &str) -> usize {
    let Some((scheme, rest)) = value.split_once(' ') else { return value.len() };
    let pair = BASE64.decode(rest.trim().as_bytes()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
    match pair.as_ref().and_then(|pair| std::str::from_utf8(pair).ok()) {
        Some(pair) => password(pair).len(),
        None => rest.trim().len(),
    }
}

fn password(pair: &str) -> &str {
    pair.split_once(':').map_or(pair, |(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_would_have_to_guess() {
        let text = |secret: &str| SecretConfig::Text(secret.into());
        let header =
            |header: &str, value| CredentialConfig::Header { header: header.into(), value: text(value) };
        for (credential, bytes) in [
            (header("Authorization", "Bearer 0123456789"), 10),
            (header("authorization", "Basic dXNlcjpwYXNz"), 4),
            (header("authorization", "0123456789"), 10),
            (header("x-key", "Bearer x"), 1),
            (header("x-key", "01234567"), 8),
            (CredentialConfig::Bearer { bearer: text("01234") }, 5),
            (CredentialConfig::Basic { basic: text("user:pass:word") }, 9),
            (CredentialConfig::Query { query: "secret".into(), value: text("0123") }, 4),
            (CredentialConfig::Signature { signature: text("0123") }, 4),
            (CredentialConfig::Signature { signature: text("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD") }, 24),
        ] {
            assert_eq!(credential.secret_bytes().unwrap(), Some(bytes));
        }
    }
}
