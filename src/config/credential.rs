use data_encoding::BASE64;

use super::secret::SecretText;
use super::section::Section;
use super::{api, suggest, text};
use crate::source::{Credential, Kind, Secret, TokenRule};

/// What each form of a credential is known by.
const FORMS: [&str; 7] = ["header", "bearer", "basic", "query", "signature", "entra", "issuer"];

/// One thing that proves a request to be the source's: `{ header = "Authorization", value = "…" }`,
/// `{ bearer = "…" }`, `{ basic = "user:password" }`, `{ query = "secret", value = "…" }`, `{ signature = "…" }`,
/// `{ entra = "tenant's id", audience = "…" }`, or `{ issuer = "…", key_set = "https://…", audience = "…" }`.
#[derive(Clone, Debug)]
pub struct CredentialConfig {
    pub(super) credential: Credential,
    /// Bytes of what a stranger would have to guess; `None` of what shared secrets do not prove.
    pub(super) secret_bytes: Option<usize>,
}

impl CredentialConfig {
    /// Reads one of a source of this kind.
    pub(super) fn read(section: &mut Section<'_>, kind: Option<Kind>) -> Option<Self> {
        let forms: Vec<_> = FORMS.into_iter().filter(|form| section.has(form)).collect();
        let [form] = forms.as_slice() else {
            let near =
                section.names().find_map(|name| suggest::closest(name, FORMS)).filter(|_| forms.is_empty());
            let hint = near.map(suggest::meant).unwrap_or_default();
            section.note_whole(format_args!("a credential has one of {}{hint}", FORMS.join(", ")));
            section.leave_rest();
            return None;
        };
        match *form {
            "header" => header(section),
            "query" => query(section),
            "entra" => entra(section),
            "issuer" => issuer(section),
            "basic" => basic(section),
            "bearer" => {
                let secret = shown(section, "bearer")?;
                Some(Self::of(Credential::Bearer(kept(&secret)), secret.expose().len()))
            }
            _ => signature(section, kind),
        }
    }

    fn of(credential: Credential, secret_bytes: usize) -> Self {
        Self { credential, secret_bytes: Some(secret_bytes) }
    }

    fn token(rule: TokenRule) -> Self {
        Self { credential: Credential::Token(rule), secret_bytes: None }
    }
}

fn kept(secret: &SecretText) -> Secret {
    Secret::new(secret.expose())
}

/// A secret that is the value of a header.
fn shown(section: &mut Section<'_>, key: &'static str) -> Option<SecretText> {
    let secret = needed(section, key)?;
    match text::unshowable(secret.expose()) {
        Some(why) => {
            section.note(key, why);
            None
        }
        None => Some(secret),
    }
}

fn needed(section: &mut Section<'_>, key: &'static str) -> Option<SecretText> {
    if !section.has(key) {
        section.note_whole(format_args!("{key} is missing"));
    }
    section.secret(key)
}

fn header(section: &mut Section<'_>) -> Option<CredentialConfig> {
    let read = |name: &str| {
        http::HeaderName::try_from(name).map(|_| name.to_owned()).map_err(|_| "must be a header's name")
    };
    let (name, value) = (section.required("header", read), shown(section, "value"));
    let (name, value) = (name?, value?);
    let bytes = unguessable(value.expose());
    Some(CredentialConfig::of(Credential::Header { name, value: kept(&value) }, bytes))
}

fn query(section: &mut Section<'_>) -> Option<CredentialConfig> {
    let (parameter, value) = (section.required("query", text::label), needed(section, "value"));
    let (parameter, value) = (parameter?, value?);
    let bytes = value.expose().len();
    Some(CredentialConfig::of(Credential::Query { parameter, value: kept(&value) }, bytes))
}

fn basic(section: &mut Section<'_>) -> Option<CredentialConfig> {
    let pair = needed(section, "basic")?;
    if !pair.expose().contains(':') {
        section.note("basic", "must be \"user:password\"");
    }
    let bytes = password(pair.expose()).len();
    Some(CredentialConfig::of(Credential::Basic(kept(&pair)), bytes))
}

fn signature(section: &mut Section<'_>, kind: Option<Kind>) -> Option<CredentialConfig> {
    let secret = needed(section, "signature")?;
    let credential = Credential::signature(kind?, kept(&secret));
    if credential.is_none() {
        let kind = kind.map(Kind::as_str).unwrap_or_default();
        section.note("signature", format_args!("a {kind} registry signs nothing"));
    }
    let bytes = match secret.expose().strip_prefix("whsec_") {
        // Standard Webhooks: the key in base64.
        Some(base64) => base64.trim_end_matches('=').len() * 3 / 4,
        None => secret.expose().len(),
    };
    Some(CredentialConfig::of(credential?, bytes))
}

fn entra(section: &mut Section<'_>) -> Option<CredentialConfig> {
    let is_id = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    };
    let read = |text: &str| if is_id(text) { Ok(text.to_owned()) } else { Err("must be a tenant's id") };
    let (tenant, audience) = (section.required("entra", read), section.required("audience", text::label));
    Some(CredentialConfig::token(TokenRule::entra(&tenant?, &audience?)))
}

fn issuer(section: &mut Section<'_>) -> Option<CredentialConfig> {
    let issuer = section.required("issuer", text::label);
    let key_set = section.required("key_set", api::guarded_url);
    let audience = section.required("audience", text::label);
    let email = section.parsed("email", text::label);
    let (issuers, key_set, audience) = (vec![issuer?], key_set?, audience?);
    Some(CredentialConfig::token(TokenRule { issuers, key_set, audience, email }))
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
    use crate::config::Config;

    #[test]
    fn what_a_stranger_would_have_to_guess() {
        for (credential, bytes) in [
            ("header = 'Authorization', value = 'Bearer 0123456789'", 10),
            ("header = 'authorization', value = 'Basic dXNlcjpwYXNz'", 4),
            ("header = 'authorization', value = '0123456789'", 10),
            ("header = 'x-key', value = 'Bearer x'", 1),
            ("header = 'x-key', value = '01234567'", 8),
            ("bearer = '01234'", 5),
            ("basic = 'user:pass:word'", 9),
            ("query = 'secret', value = '0123'", 4),
            ("signature = '0123'", 4),
            ("signature = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'", 24),
        ] {
            let source =
                format!("[[sources]]\nname = 'a'\nkind = 'yandex'\ncredentials = [{{ {credential} }}]");
            let config = Config::parse(&source).unwrap();
            assert_eq!(config.sources[0].credentials[0].secret_bytes, Some(bytes), "{credential}");
        }
    }
}
