use data_encoding::BASE64;
use jiff::Timestamp;
use ring::hmac;

use super::signature::{is_signed, is_standard_webhook};
use super::{Refusal, Secret};
use crate::header::credentials;
use crate::source::{Kind, Request};

/// One thing that proves a request to be the source's.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A header with exactly this value, as registries send it that are told "custom headers".
    Header {
        /// Its name, in any case.
        name: String,
        /// Its whole value.
        value: Secret,
    },
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: Basic …`; the secret is `user:password`.
    Basic(Secret),
    /// A parameter of the URL's query.
    Query {
        /// Its name.
        parameter: String,
        /// Its value, decoded.
        value: Secret,
    },
    /// A header with the body's HMAC-SHA256 in hex.
    HmacSha256 {
        /// Its name, in any case.
        header: String,
        /// What stands before the hex digits: `sha256=`, or nothing.
        prefix: &'static str,
        /// The key.
        secret: Secret,
    },
    /// A header with the body's HMAC-SHA1 in hex. Only Nexus still sends it.
    HmacSha1 {
        /// Its name, in any case.
        header: String,
        /// The key.
        secret: Secret,
    },
    /// The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` of Standard Webhooks, as this
    /// gateway's own targets get them.
    StandardWebhook(Secret),
    /// `Authorization: Bearer …` with a token that an identity provider signed.
    Token(TokenRule),
}

/// What a signed token must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRule {
    /// Who may have issued it; exactly one of these.
    pub issuers: Vec<String>,
    /// Where the issuer's keys are: an https URL that the operator, never the token, named.
    pub key_set: String,
    /// For whom it was issued.
    pub audience: String,
    /// The verified address of the account that it speaks for, where asked for.
    pub email: Option<String>,
}

impl Credential {
    /// The signature that a kind of registry makes with a secret; `None` for a kind that makes none.
    pub fn signature(kind: Kind, secret: Secret) -> Option<Self> {
        let sha256 = |header: &str, prefix| Some((header.to_owned(), prefix));
        let (header, prefix) = match kind {
            Kind::Ghcr => sha256("x-hub-signature-256", "sha256="),
            Kind::Gitea => sha256("x-gitea-signature", ""),
            Kind::Jfrog => sha256("x-jfrog-event-auth", ""),
            Kind::Nexus => {
                return Some(Self::HmacSha1 { header: "x-nexus-webhook-signature".into(), secret });
            }
            Kind::Yandex | Kind::CloudEvents => return Some(Self::StandardWebhook(secret)),
            _ => None,
        }?;
        Some(Self::HmacSha256 { header, prefix, secret })
    }

    /// Whether it can be judged by the body alone.
    pub(super) fn covers_body(&self) -> bool {
        matches!(self, Self::HmacSha256 { .. } | Self::HmacSha1 { .. } | Self::StandardWebhook(_))
    }

    /// What sort of proof this is: of those of one sort, one must fit.
    fn sort(&self) -> (u8, &str) {
        match self {
            Self::Header { name, .. } => (0, name),
            Self::Bearer(_) => (1, ""),
            Self::Basic(_) => (2, ""),
            Self::Query { parameter, .. } => (3, parameter),
            Self::HmacSha256 { header, .. } => (4, header),
            Self::HmacSha1 { header, .. } => (5, header),
            Self::StandardWebhook(_) => (6, ""),
            Self::Token(_) => (7, ""),
        }
    }
}

/// Checks all that stands in the head, and says whether something did. A signature is to be there; whether it is right
/// is for [`check_body`] to say. Who `asks` by OPTIONS can give only what stands in the URL.
pub(super) fn check_head(
    credentials: &[Credential],
    request: &Request<'_>,
    asks: bool,
) -> Result<bool, Refusal> {
    let has = |header: &str| if request.header(header).is_some() { Fit::Later } else { Fit::No };
    check(credentials, |credential| match credential {
        Credential::Query { parameter, value } => {
            Fit::of(request.parameter(parameter).is_some_and(|given| value.is(given.as_bytes())))
        }
        _ if asks => Fit::Later,
        Credential::Header { name, value } => {
            Fit::of(request.header(name).is_some_and(|given| is_value(name, value, given)))
        }
        Credential::Bearer(secret) => {
            Fit::of(after_scheme(request, "bearer").is_some_and(|t| secret.is(t.as_bytes())))
        }
        Credential::Basic(secret) => Fit::of(
            after_scheme(request, "basic")
                .and_then(|text| BASE64.decode(text.as_bytes()).ok())
                .is_some_and(|pair| secret.is(&pair)),
        ),
        Credential::HmacSha256 { header, .. } | Credential::HmacSha1 { header, .. } => has(header),
        Credential::StandardWebhook(_) => has("webhook-signature"),
        Credential::Token(_) => Fit::Later,
    })
}

/// Checks all that covers the body; `signed` is what of it a plain signature covers.
pub(super) fn check_body(
    credentials: &[Credential],
    request: &Request<'_>,
    signed: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    let checked = check(credentials, |credential| match credential {
        Credential::HmacSha256 { header, prefix, secret } => {
            Fit::of(is_signed(request.header(header), prefix, signed, hmac::HMAC_SHA256, secret))
        }
        Credential::HmacSha1 { header, secret } => {
            let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
            Fit::of(is_signed(request.header(header), "", signed, algorithm, secret))
        }
        Credential::StandardWebhook(secret) => Fit::of(is_standard_webhook(request, secret, now)),
        _ => Fit::Later,
    });
    checked.map(drop)
}

/// Whether a credential fits a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    /// It is not for this check to say.
    Later,
}

impl Fit {
    fn of(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// For each sort that `fit` has an answer for, one credential must fit; all are tried. Says whether one did.
fn check(credentials: &[Credential], fit: impl Fn(&Credential) -> Fit) -> Result<bool, Refusal> {
    let answers: Vec<_> = credentials.iter().map(|c| (c.sort(), fit(c))).collect();
    let has = |sort, fit| answers.contains(&(sort, fit));
    if answers.iter().any(|&(sort, fit)| fit == Fit::No && !has(sort, Fit::Yes)) {
        return Err(Refusal::Unauthenticated("wrong or missing credential"));
    }
    Ok(answers.iter().any(|&(_, fit)| fit == Fit::Yes))
}

/// Whether a header has the value that it must have: exactly, but for the scheme of `Authorization`, which has no case.
fn is_value(name: &str, value: &Secret, given: &str) -> bool {
    let says_the_same = || {
        let own = str::from_utf8(value.bytes()).ok()?;
        let (scheme, _) = own.split_once(' ')?;
        Some(Secret::new(credentials(own, scheme)?).is(credentials(given, scheme)?.as_bytes()))
    };
    value.is(given.as_bytes())
        || (name.eq_ignore_ascii_case("authorization") && says_the_same().unwrap_or_default())
}

/// The rest of `Authorization` behind its scheme.
pub(super) fn after_scheme<'a>(request: &Request<'a>, scheme: &str) -> Option<&'a str> {
    credentials(request.header("authorization")?, scheme)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER_PERMISSIVE;

    use super::*;
    use crate::source::sample::Sample;
    use crate::source::{Keys, Settings, verify};

    fn fits(kind: Kind, credentials: &[Credential], sample: &Sample) -> bool {
        let settings = Settings { credentials: credentials.to_vec(), ..Settings::new(kind, "s") };
        match verify(&settings, sample.request(), &Keys::default(), Timestamp::UNIX_EPOCH) {
            Ok(_) => true,
            Err(Refusal::Unauthenticated(_)) => false,
            Err(other) => panic!("{other:?}"),
        }
    }

    fn signature(kind: Kind, secret: &str) -> Credential {
        Credential::signature(kind, secret.into()).unwrap()
    }

    /// Recorded requests that are signed: the header, the secret, and what stands before the digits.
    fn signed() -> [(Kind, Sample, &'static str, &'static str, &'static str); 6] {
        let load = |case: &str, headers: &str| Sample::load(case).with_headers(headers);
        let pushed = "jfrog/docker-pushed.signed.headers.txt";
        let created = "gitea/package-created-tag";
        let github = "It's a Secret to Everybody";
        [
            (Kind::Ghcr, Sample::load("ghcr/ping"), "x-hub-signature-256", github, "sha256="),
            (Kind::Ghcr, Sample::load("ghcr/package-published"), "x-hub-signature-256", github, "sha256="),
            (Kind::Gitea, Sample::load(created), "x-gitea-signature", "gitea-example-secret", ""),
            (
                Kind::Jfrog,
                load("jfrog/docker-pushed", pushed),
                "x-jfrog-event-auth",
                "jfrog-example-secret",
                "",
            ),
            (
                Kind::Nexus,
                Sample::load("nexus/component-created"),
                "x-nexus-webhook-signature",
                "nexus-example-secret",
                "",
            ),
            (
                Kind::Jfrog,
                load("jfrog/docker-deleted", "jfrog/docker-deleted.signed.headers.txt"),
                "x-jfrog-event-auth",
                "jfrog-example-secret",
                "",
            ),
        ]
    }

    #[test]
    fn recorded_signatures_fit() {
        for (kind, sample, _, secret, _) in signed() {
            assert!(fits(kind, &[signature(kind, secret)], &sample), "{kind}");
            // During a rotation the old secret and the new one are taken, in any order.
            for rotation in [["new", secret], [secret, "new"]] {
                assert!(fits(kind, &rotation.map(|secret| signature(kind, secret)), &sample), "{kind}");
            }
        }
    }

    #[test]
    fn no_other_signature_fits() {
        for (kind, sample, header, secret, prefix) in signed() {
            let credentials = [signature(kind, secret)];
            let given = sample.headers[header].to_str().unwrap().to_owned();
            let mut flipped = given.clone();
            let last = if flipped.pop() == Some('0') { '1' } else { '0' };
            flipped.push(last);
            let digits = &given[prefix.len()..];
            let cut = &given[..given.len() - 2];
            let longer = format!("{given}00");
            let other_prefix = format!("sha1={digits}");
            for wrong in [prefix, "", flipped.as_str(), cut, &longer, &other_prefix, "sha256=zz", secret] {
                assert!(!fits(kind, &credentials, &sample.clone().with(header, wrong)), "{kind}: {wrong}");
            }
            assert!(!fits(kind, &credentials, &sample.clone().without(header)), "{kind}");
            assert!(!fits(kind, &[signature(kind, "another source's secret")], &sample), "{kind}");
            let mut changed = sample.clone();
            changed.body[0] ^= 1;
            assert!(!fits(kind, &credentials, &changed), "{kind}");
            let mut doubled = sample.clone();
            doubled.headers.append(http::HeaderName::try_from(header).unwrap(), given.parse().unwrap());
            assert!(!fits(kind, &credentials, &doubled), "{kind}");
        }
    }

    #[test]
    fn the_known_answer_of_github() {
        let sample = Sample::json("Hello, World!").with(
            "x-hub-signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        );
        assert!(fits(Kind::Ghcr, &[signature(Kind::Ghcr, "It's a Secret to Everybody")], &sample));
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"");
        let tag = hmac::sign(&key, b"{}");
        let sample = Sample::json("{}").with("x-gitea-signature", &HEXLOWER_PERMISSIVE.encode(tag.as_ref()));
        assert!(!fits(Kind::Gitea, &[signature(Kind::Gitea, "")], &sample));
    }

    #[test]
    fn gitea_signs_the_json_in_its_form() {
        let json = Sample::load("gitea/package-created-tag");
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", std::str::from_utf8(&json.body).unwrap())
            .finish();
        let form =
            Sample { body: form.into(), ..json }.with("content-type", "application/x-www-form-urlencoded");
        assert!(fits(Kind::Gitea, &[signature(Kind::Gitea, "gitea-example-secret")], &form));
        let header = form.headers["x-hub-signature-256"].to_str().unwrap().to_owned();
        let github = form.with("x-hub-signature-256", &header);
        assert!(!fits(Kind::Ghcr, &[signature(Kind::Ghcr, "gitea-example-secret")], &github));
    }

    #[test]
    fn static_secrets() {
        let header = |name: &str, value: &str| Credential::Header { name: name.into(), value: value.into() };
        let query = Credential::Query {
            parameter: "secret".into(),
            value: "365a4a664b45615438716a487a75695a7ac48329224b35b073c2197374e7d62a".into(),
        };
        let jfrog = Sample::load("jfrog/docker-pushed").with_headers("jfrog/docker-pushed.token.headers.txt");
        let harbor = Sample::load("harbor/default-pull-artifact").with_headers("harbor/default.headers.txt");
        for (kind, credential, sample, name) in [
            (
                Kind::Distribution,
                header("Authorization", "Bearer example-token"),
                Sample::load("distribution/v2-push-tag"),
                "authorization",
            ),
            (
                Kind::Distribution,
                Credential::Bearer("example-token".into()),
                Sample::load("distribution/v3-push-tag"),
                "authorization",
            ),
            (Kind::Harbor, header("authorization", "example-auth-header-value"), harbor, "authorization"),
            (Kind::Jfrog, header("x-jfrog-event-auth", "jfrog-example-secret"), jfrog, "x-jfrog-event-auth"),
            (
                Kind::Zot,
                Credential::Basic("jane.joe:opensesame".into()),
                Sample::load("zot/image-updated-tag"),
                "authorization",
            ),
            (Kind::Alibaba, query, Sample::load("alibaba/trigger-push"), ""),
        ] {
            assert!(fits(kind, std::slice::from_ref(&credential), &sample), "{kind}");
            if name.is_empty() {
                for query in [None, Some("secret="), Some("secret=365a"), Some("secret=a&secret=b"), Some("")]
                {
                    let sample = Sample { query: query.map(str::to_owned), ..sample.clone() };
                    assert!(!fits(kind, std::slice::from_ref(&credential), &sample), "{kind}");
                }
                continue;
            }
            let given = sample.headers[name].to_str().unwrap().to_owned();
            let cut = &given[..given.len() - 1];
            for wrong in
                ["", "Bearer", "Bearer ", "Basic ", "Basic Og==", "Basic *", cut, &format!("{given}x")]
            {
                assert!(
                    !fits(kind, std::slice::from_ref(&credential), &sample.clone().with(name, wrong)),
                    "{wrong}"
                );
            }
            assert!(!fits(kind, std::slice::from_ref(&credential), &sample.clone().without(name)), "{kind}");
        }
    }

    #[test]
    fn each_sort_that_is_listed_is_asked_for() {
        let sample = Sample::load("gitea/package-created-tag");
        let both = [signature(Kind::Gitea, "gitea-example-secret"), Credential::Bearer("opensesame".into())];
        assert!(!fits(Kind::Gitea, &both, &sample));
        let sample = sample.with("authorization", "bearer opensesame");
        assert!(fits(Kind::Gitea, &both, &sample));
        assert!(!fits(Kind::Gitea, &both, &sample.without("x-gitea-signature")));
    }

    #[test]
    fn standard_webhooks() {
        // The scheme's own published example.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let sample = Sample::json(r#"{"test": 2432232314}"#)
            .with("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
            .with("webhook-timestamp", "1614265330")
            .with("webhook-signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v2,x");
        let fits = |sample: &Sample, secret: &str, now: i64| {
            let credentials = vec![signature(Kind::Yandex, secret)];
            let settings = Settings { credentials, ..Settings::new(Kind::Yandex, "y") };
            let now = Timestamp::from_second(now).unwrap();
            verify(&settings, sample.request(), &Keys::default(), now).is_ok()
        };
        let sent = 1_614_265_330;
        assert!(
            fits(&sample, secret, sent)
                && fits(&sample, secret, sent + 300)
                && fits(&sample, secret, sent - 300)
        );
        assert!(!fits(&sample, secret, sent + 301) && !fits(&sample, secret, sent - 301));
        for other in
            ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            assert!(!fits(&sample, other, sent), "{other}");
        }
        for (name, value) in [
            ("webhook-id", "msg_other"),
            ("webhook-timestamp", "1614265331"),
            ("webhook-timestamp", "now"),
            ("webhook-signature", "v1,"),
            ("webhook-signature", ""),
            ("webhook-signature", "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ] {
            assert!(!fits(&sample.clone().with(name, value), secret, sent), "{name}: {value}");
        }
    }

    #[test]
    fn secrets_never_show() {
        let settings = Settings {
            credentials: vec![
                Credential::Query { parameter: "secret".into(), value: "opensesame".into() },
                signature(Kind::Ghcr, "opensesame"),
            ],
            ..Settings::new(Kind::Ghcr, "g")
        };
        assert!(!format!("{settings:?}").contains("opensesame"));
    }
}
