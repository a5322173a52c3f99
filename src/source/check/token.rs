//! Bearer tokens that an identity provider signed: JSON Web Tokens (RFC 7519), RS256 and nothing else.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::Deserialize;

use super::credential::after_scheme;
use super::{Credential, Keys, Refusal, TokenRule};
use crate::source::text::Text;
use crate::source::{Kind, Limits, Request, Settings, json};

/// No honest token is longer.
const MAX_BYTES: usize = 8 * 1024;

/// Seconds that the issuer's clock may be off.
const LEEWAY: i64 = 30;

/// Seconds that a token may live.
const MAX_LIFE: i64 = 24 * 60 * 60;

/// Where the keys of Google's tokens are.
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Header<'a> {
    alg: Text<'a>,
    kid: Text<'a>,
    #[serde(default, borrow)]
    crit: json::Part<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Claims<'a> {
    iss: Text<'a>,
    aud: Audience<'a>,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
    #[serde(default)]
    email: Text<'a>,
    #[serde(default)]
    email_verified: bool,
}

#[derive(Deserialize)]
#[serde(untagged, bound(deserialize = "'de: 'a"))]
enum Audience<'a> {
    One(Text<'a>),
    Several(Vec<Text<'a>>),
}

impl TokenRule {
    /// What Pub/Sub's push requests show: *Authentication for push subscriptions*.
    pub fn google(audience: impl Into<String>, service_account: impl Into<String>) -> Self {
        Self {
            issuers: vec!["https://accounts.google.com".into()],
            key_set: GOOGLE_KEYS.into(),
            audience: audience.into(),
            email: Some(service_account.into()),
        }
    }

    /// What Event Grid shows where its subscription delivers with Microsoft Entra: tokens of both versions.
    pub fn entra(tenant: &str, audience: impl Into<String>) -> Self {
        Self {
            issuers: vec![
                format!("https://login.microsoftonline.com/{tenant}/v2.0"),
                format!("https://sts.windows.net/{tenant}/"),
            ],
            key_set: format!("https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys"),
            audience: audience.into(),
            email: None,
        }
    }
}

/// The rules of a source's tokens: those that are listed, and the one that a `gar` source's settings make. One of the
/// two settings alone fits no token.
pub(super) fn rules(settings: &Settings) -> Vec<Cow<'_, TokenRule>> {
    let is_set = !settings.audience.is_empty() || !settings.service_account.is_empty();
    let of_kind = (settings.kind == Kind::Gar && is_set)
        .then(|| Cow::Owned(TokenRule::google(settings.audience.clone(), settings.service_account.clone())));
    let listed = settings.credentials.iter().filter_map(|credential| match credential {
        Credential::Token(rule) => Some(Cow::Borrowed(rule)),
        _ => None,
    });
    of_kind.into_iter().chain(listed).collect()
}

/// Whether the request's token follows one of the rules.
pub(super) fn check(
    rules: &[Cow<'_, TokenRule>],
    request: &Request<'_>,
    keys: &Keys,
    now: Timestamp,
) -> Result<(), Refusal> {
    let mut refused = Refusal::Unauthenticated("no token");
    let Some(token) = after_scheme(request, "bearer") else { return Err(refused) };
    for rule in rules {
        match check_one(rule, token, keys, now) {
            Ok(()) => return Ok(()),
            Err(needs @ Refusal::NeedsKey(_)) => refused = needs,
            Err(other) if !matches!(refused, Refusal::NeedsKey(_)) => refused = other,
            Err(_) => {}
        }
    }
    Err(refused)
}

fn check_one(rule: &TokenRule, token: &str, keys: &Keys, now: Timestamp) -> Result<(), Refusal> {
    let malformed = || Refusal::Unauthenticated("malformed token");
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| malformed());
    let (signed, signature) =
        token.rsplit_once('.').filter(|_| token.len() <= MAX_BYTES).ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
    let limits = Limits::default();
    let header: Header<'_> = json::parse(&header, &limits).map_err(|_| malformed())?;
    let claims: Claims<'_> = json::parse(&claims, &limits).map_err(|_| malformed())?;
    if &*header.alg != "RS256" || header.crit.is_some() || header.kid.is_empty() {
        return Err(Refusal::Unauthenticated("token of an unknown sort"));
    }
    // Before the signature, so that nobody makes us fetch keys for a token that would be refused anyway.
    claims.check(rule, now.as_second()).map_err(Refusal::Unauthenticated)?;
    match keys.set_signed(&rule.key_set, &header.kid, signed.as_bytes(), &signature) {
        Some(true) => Ok(()),
        Some(false) => Err(Refusal::Unauthenticated("wrong signature")),
        None => Err(Refusal::NeedsKey(rule.key_set.clone())),
    }
}

impl Claims<'_> {
    fn check(&self, rule: &TokenRule, now: i64) -> Result<(), &'static str> {
        let is_for_us = match &self.aud {
            Audience::One(one) => **one == *rule.audience,
            Audience::Several(all) => all.iter().any(|one| **one == *rule.audience),
        };
        let begins = self.nbf.max(self.iat);
        if !rule.issuers.iter().any(|issuer| **issuer == *self.iss) {
            Err("another issuer")
        } else if !is_for_us || rule.audience.is_empty() {
            Err("another audience")
        } else if self.exp.saturating_add(LEEWAY) <= now {
            Err("expired token")
        } else if begins.is_some_and(|begins| begins.saturating_sub(LEEWAY) > now) {
            Err("token from the future")
        } else if self.exp.saturating_sub(self.iat.unwrap_or(now)) > MAX_LIFE {
            Err("token lives too long")
        } else if rule.email.as_ref().is_some_and(|email| email.is_empty() || **email != *self.email) {
            Err("another account")
        } else if rule.email.is_some() && !self.email_verified {
            Err("account is not verified")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::source::sample::{self, Sample};
    use crate::source::verify;

    const AUDIENCE: &str = "https://gateway.example.com";
    const ACCOUNT: &str = "publisher@example.iam.gserviceaccount.com";

    fn settings() -> Settings {
        Settings {
            audience: AUDIENCE.into(),
            service_account: ACCOUNT.into(),
            ..Settings::new(Kind::Gar, "g")
        }
    }

    fn tokens() -> BTreeMap<String, String> {
        serde_json::from_slice(&sample::file("gar/signed/tokens.json")).unwrap()
    }

    fn keys() -> Keys {
        let mut keys = Keys::default();
        keys.add(GOOGLE_KEYS, &sample::file("gar/signed/keys.json")).unwrap();
        keys
    }

    fn verified(settings: &Settings, token: &str, keys: &Keys, now: &str) -> Result<(), Refusal> {
        let sample = Sample::load("gar/pubsub-delete-tag").with("authorization", &format!("Bearer {token}"));
        verify(settings, sample.request(), keys, now.parse().unwrap()).map(|_| ())
    }

    const NOW: &str = "2026-12-01T12:01:00Z";

    #[test]
    fn every_token_is_what_its_name_says() {
        for (name, token) in tokens() {
            let outcome = verified(&settings(), &token, &keys(), NOW);
            match name.as_str() {
                name if name.starts_with("good") => assert_eq!(outcome, Ok(()), "{name}"),
                "unknown_key" | "encryption_key" => {
                    assert_eq!(outcome, Err(Refusal::NeedsKey(GOOGLE_KEYS.into())), "{name}");
                }
                _ => assert!(matches!(outcome, Err(Refusal::Unauthenticated(_))), "{name}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn a_token_lives_as_long_as_it_says() {
        let token = &tokens()["good"];
        for (now, lives) in [
            ("2026-12-01T11:59:30Z", true),
            ("2026-12-01T11:59:29Z", false),
            ("2026-12-01T13:00:29Z", true),
            ("2026-12-01T13:00:30Z", false),
        ] {
            assert_eq!(verified(&settings(), token, &keys(), now).is_ok(), lives, "{now}");
        }
    }

    #[test]
    fn keys_are_fetched_only_for_what_would_be_taken() {
        let outcome = |name: &str| verified(&settings(), &tokens()[name], &Keys::default(), NOW);
        assert_eq!(outcome("good"), Err(Refusal::NeedsKey(GOOGLE_KEYS.into())));
        assert!(matches!(outcome("audience"), Err(Refusal::Unauthenticated(_))));
    }

    #[test]
    fn what_is_cut_or_changed_is_refused() {
        let good = tokens()["good"].clone();
        let cut = good[..good.len() - 4].to_owned();
        let unsigned = good[..=good.rfind('.').unwrap()].to_owned();
        let swapped = good.replacen('e', "f", 1);
        let long = format!("{good}{}", "A".repeat(MAX_BYTES));
        for token in [cut, unsigned, swapped, long, String::new(), ".".into(), "..".into(), "a.b.c".into()] {
            let outcome = verified(&settings(), &token, &keys(), NOW);
            assert!(matches!(outcome, Err(Refusal::Unauthenticated(_))), "{outcome:?}");
        }
        let bare = Sample::load("gar/pubsub-delete-tag").without("authorization");
        assert!(verify(&settings(), bare.request(), &keys(), NOW.parse().unwrap()).is_err());
    }

    #[test]
    fn half_a_rule_takes_nothing() {
        let token = &tokens()["good"];
        for settings in [
            Settings { service_account: String::new(), ..settings() },
            Settings { audience: String::new(), ..settings() },
            Settings { audience: "https://other.example.com".into(), ..settings() },
            Settings { service_account: "other@example.com".into(), ..settings() },
        ] {
            assert!(matches!(verified(&settings, token, &keys(), NOW), Err(Refusal::Unauthenticated(_))));
        }
    }

    #[test]
    fn any_kind_may_ask_for_a_token_and_one_of_several_rules_is_enough() {
        let mut settings = Settings::new(Kind::Azure, "a");
        let rule = TokenRule { email: None, ..TokenRule::google(AUDIENCE, "") };
        settings.credentials =
            vec![Credential::Token(TokenRule::entra("tenant", AUDIENCE)), Credential::Token(rule)];
        assert_eq!(verified(&settings, &tokens()["no_email"], &keys(), NOW), Ok(()));
        assert!(verified(&settings, &tokens()["issuer"], &keys(), NOW).is_err());
    }
}
