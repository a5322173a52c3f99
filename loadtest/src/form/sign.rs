//! What a sender shows of the secret that it shares with the gateway.

use data_encoding::HEXLOWER;
use ring::hmac;

use super::Post;
use crate::kind::Kind;

/// A secret that a kind shows or signs with.
#[derive(Clone, Debug)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl Secret {
    /// What stands in the URL's query, for kinds that can show it nowhere else.
    pub fn query(&self, kind: Kind) -> Option<String> {
        let asks = matches!(kind, Kind::Dockerhub | Kind::Quay | Kind::Alibaba);
        let secret = percent_encoding::utf8_percent_encode(&self.0, percent_encoding::NON_ALPHANUMERIC);
        asks.then(|| format!("secret={secret}"))
    }

    /// Adds the header by which `kind` proves that it wrote the body.
    pub(super) fn sign(&self, kind: Kind, post: &mut Post) {
        let hmac = |algorithm| {
            let key = hmac::Key::new(algorithm, self.0.as_bytes());
            HEXLOWER.encode(hmac::sign(&key, &post.body).as_ref())
        };
        match kind {
            Kind::Ghcr => {
                let signature = hmac(hmac::HMAC_SHA256);
                post.header("X-Hub-Signature-256", format_args!("sha256={signature}"));
            }
            Kind::Gitea => post.header("X-Gitea-Signature", hmac(hmac::HMAC_SHA256)),
            Kind::Nexus => {
                post.header("X-Nexus-Webhook-Signature", hmac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY));
            }
            Kind::Jfrog => post.header("X-JFrog-Event-Auth", &self.0),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub's own example, from its page *Validating webhook deliveries*.
    #[test]
    fn a_signature_is_the_published_one() {
        let mut post = Post { body: b"Hello, World!".to_vec(), ..Post::default() };
        Secret::from("It's a Secret to Everybody".to_owned()).sign(Kind::Ghcr, &mut post);
        assert_eq!(
            post.headers,
            "X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n"
        );
    }

    #[test]
    fn a_query_is_encoded() {
        let secret = Secret::from("a&b".to_owned());
        assert_eq!(secret.query(Kind::Quay).as_deref(), Some("secret=a%26b"));
        assert_eq!(secret.query(Kind::Harbor), None);
    }
}
