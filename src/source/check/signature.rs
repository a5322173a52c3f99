//! Signatures of bodies that share a secret with us.

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use jiff::Timestamp;
use ring::hmac;

use super::Secret;
use crate::source::Request;

/// Whether the header holds the HMAC of what is signed, in hex behind the prefix. An empty secret signs nothing.
pub(super) fn is_signed(
    header: Option<&str>,
    prefix: &str,
    signed: &[u8],
    algorithm: hmac::Algorithm,
    secret: &Secret,
) -> bool {
    let hex = header.and_then(|value| value.strip_prefix(prefix)).unwrap_or_default();
    let signature = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap_or_default();
    let key = hmac::Key::new(algorithm, secret.bytes());
    hmac::verify(&key, signed, &signature).is_ok() && !secret.bytes().is_empty()
}

/// Standard Webhooks: `v1,` and base64 of an HMAC-SHA256 over id, timestamp and body; several while a key is
/// changed. A secret that begins with `whsec_` is base64.
pub(super) fn is_standard_webhook(request: &Request<'_>, secret: &Secret, now: Timestamp) -> bool {
    /// How far the sender's clock may be off, in seconds; also bounds how long a recorded request can be replayed.
    const TOLERANCE: i64 = 5 * 60;
    let header = |name| request.header(name).unwrap_or_default();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let sent = timestamp.parse::<i64>().ok();
    let is_fresh = sent.is_some_and(|sent| now.as_second().abs_diff(sent) <= TOLERANCE.unsigned_abs());
    let decoded = secret.bytes().strip_prefix(b"whsec_").and_then(|rest| {
        let unpadded = rest.trim_ascii().split(|&b| b == b'=').next().unwrap_or_default();
        BASE64_NOPAD.decode(unpadded).ok()
    });
    let key = decoded.as_deref().unwrap_or(secret.bytes());
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body] {
        mac.update(part);
    }
    let expected = Secret::new(mac.sign());
    let is_signed = header("webhook-signature").split(' ').fold(false, |found, signature| {
        let decoded = signature.strip_prefix("v1,").and_then(|text| BASE64.decode(text.as_bytes()).ok());
        found | expected.is(&decoded.unwrap_or_default())
    });
    is_signed && is_fresh && !id.is_empty() && !key.is_empty()
}
