use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use x509_cert::Certificate;
use x509_cert::der::oid::ObjectIdentifier;

use crate::source::text::{Text, nullable};
use crate::source::{Limits, json};

/// Keys that sources sign with, as the caller fetched them from the URLs of
/// [`Refusal::NeedsKey`](super::Refusal::NeedsKey). How long they are kept is the caller's choice, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    fetched: BTreeMap<String, Material>,
}

/// A key or certificate that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unusable key: {0}")]
pub(crate) struct BadKey(pub &'static str);

#[derive(Clone, Debug)]
enum Material {
    Certificate { public_key: Box<[u8]>, not_before: u64, not_after: u64 },
    Set(Vec<SetKey>),
}

#[derive(Clone, Debug)]
struct SetKey {
    id: String,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// A member of a JSON Web Key Set (RFC 7517).
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct WebKey<'a> {
    kid: Text<'a>,
    kty: Text<'a>,
    alg: Text<'a>,
    #[serde(rename = "use")]
    usage: Text<'a>,
    n: Text<'a>,
    e: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct WebKeys<'a> {
    #[serde(deserialize_with = "nullable")]
    keys: Vec<WebKey<'a>>,
}

impl Keys {
    /// Adds what was fetched: a certificate in PEM, or a JSON Web Key Set. It takes the place of what was
    /// fetched from there before.
    ///
    /// # Errors
    ///
    /// It is neither, or holds no RSA key for signing.
    pub(crate) fn add(&mut self, url: impl Into<String>, body: &[u8]) -> Result<(), BadKey> {
        let is_json = body.trim_ascii_start().first() == Some(&b'{');
        let fetched = if is_json { key_set(body)? } else { certificate(body)? };
        self.fetched.insert(url.into(), fetched);
        Ok(())
    }

    /// Forgets what was fetched from there.
    pub(crate) fn remove(&mut self, url: &str) {
        self.fetched.remove(url);
    }

    /// Whether the certificate signed the text; `None` where it was not fetched, or is not valid now.
    pub(super) fn certificate_signed(
        &self,
        url: &str,
        now: Timestamp,
        algorithm: &'static RsaParameters,
        text: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let Some(Material::Certificate { public_key, not_before, not_after }) = self.fetched.get(url) else {
            return None;
        };
        let is_valid =
            u64::try_from(now.as_second()).is_ok_and(|now| (*not_before..=*not_after).contains(&now));
        let key = UnparsedPublicKey::new(algorithm, public_key);
        is_valid.then(|| key.verify(text, signature).is_ok())
    }

    /// Whether the key of that id in the set signed the text, RS256; `None` where it is not there.
    pub(super) fn set_signed(&self, url: &str, id: &str, text: &[u8], signature: &[u8]) -> Option<bool> {
        let Some(Material::Set(keys)) = self.fetched.get(url) else { return None };
        let key = keys.iter().find(|key| key.id == id)?;
        let key = RsaPublicKeyComponents { n: &key.modulus, e: &key.exponent };
        Some(key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, text, signature).is_ok())
    }
}

fn certificate(pem: &[u8]) -> Result<Material, BadKey> {
    const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    let chain =
        Certificate::load_pem_chain(pem).map_err(|_| BadKey("neither a certificate nor a key set"))?;
    let certificate = chain.first().ok_or(BadKey("no certificate"))?.tbs_certificate();
    let key = certificate.subject_public_key_info();
    if key.algorithm.oid != RSA {
        return Err(BadKey("not an RSA key"));
    }
    Ok(Material::Certificate {
        public_key: key.subject_public_key.raw_bytes().into(),
        not_before: certificate.validity().not_before.to_unix_duration().as_secs(),
        not_after: certificate.validity().not_after.to_unix_duration().as_secs(),
    })
}

fn key_set(body: &[u8]) -> Result<Material, BadKey> {
    let set: WebKeys<'_> = json::parse(body, &Limits::default()).map_err(|_| BadKey("not a key set"))?;
    let keys = set.keys.into_iter().filter(|key| {
        let is_for_signing = matches!(&*key.usage, "" | "sig") && matches!(&*key.alg, "" | "RS256");
        &*key.kty == "RSA" && is_for_signing && !key.kid.is_empty()
    });
    let decoded = keys.map(|key| {
        let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| BadKey("not base64url"));
        Ok(SetKey { id: key.kid.to_string(), modulus: bytes(&key.n)?, exponent: bytes(&key.e)? })
    });
    let keys = decoded.collect::<Result<Vec<_>, BadKey>>()?;
    if keys.is_empty() { Err(BadKey("no RSA key for signing")) } else { Ok(Material::Set(keys)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::sample;

    #[test]
    fn only_rsa_keys_for_signing() {
        let mut keys = Keys::default();
        assert_eq!(keys.add("c", &sample::file("ecr/signed/certificate.pem")), Ok(()));
        assert_eq!(keys.add("k", &sample::file("gar/signed/keys.json")), Ok(()));
        assert_eq!(keys.fetched.len(), 2);
        let elliptic = sample::file("ecr/signed/certificate-elliptic.pem");
        assert_eq!(keys.add("e", &elliptic), Err(BadKey("not an RSA key")));
        for bad in
            ["", "{", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kid":"a","kty":"RSA","n":"*","e":""}]}"#, "x"]
        {
            assert!(keys.add("b", bad.as_bytes()).is_err(), "{bad}");
        }
        keys.remove("c");
        keys.remove("k");
        assert!(keys.fetched.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_key_or_refused(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut keys = Keys::default();
            let _ = keys.add("u", &body);
            let mut pem = b"-----BEGIN CERTIFICATE-----\n".to_vec();
            pem.extend(data_encoding::BASE64.encode(&body).into_bytes());
            pem.extend(b"\n-----END CERTIFICATE-----\n");
            prop_assert!(keys.add("u", &pem).is_err());
        }
    }
}
