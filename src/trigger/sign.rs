use std::fmt;

use data_encoding::BASE64;
use ring::hmac;

/// Bytes of a signing secret.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;
const PREFIX: &str = "whsec_";

/// A key of the Standard Webhooks scheme: HMAC-SHA-256 over id, time and body.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

/// A text that is no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is whsec_ and the base64 of 24 to 64 bytes")]
pub struct BadKey;

impl SigningKey {
    /// Reads `whsec_…`.
    ///
    /// # Errors
    ///
    /// [`BadKey`]; it does not show the text.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let encoded = text.strip_prefix(PREFIX).ok_or(BadKey)?;
        let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| BadKey)?;
        if LENGTH.contains(&bytes.len()) {
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
        } else {
            Err(BadKey)
        }
    }

    /// Spells random bytes as a secret.
    pub fn spell(random: [u8; 32]) -> String {
        format!("{PREFIX}{}", BASE64.encode(&random))
    }

    /// `v1,…` for one attempt, `seconds` after 1970.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64.encode(context.sign().as_ref()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's own test-suite.
    #[test]
    fn the_published_example() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_key() {
        for text in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_ä"] {
            assert_eq!(SigningKey::parse(text).err(), Some(BadKey), "{text}");
        }
        let long = format!("whsec_{}", BASE64.encode(&[1; 65]));
        assert!(SigningKey::parse(&long).is_err());
        assert!(SigningKey::parse(&SigningKey::spell([7; 32])).is_ok());
    }
}
