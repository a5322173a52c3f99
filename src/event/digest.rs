use sha2::{Digest as _, Sha256};

use super::position::spell;

/// Whether `text` is a digest that a client may deploy by: `sha256:` and 64 or
/// `sha512:` and 128 lower-case hex digits.
pub(crate) fn is_digest(text: &str) -> bool {
    let hex = match text.split_once(':') {
        Some(("sha256", hex)) if hex.len() == 64 => hex,
        Some(("sha512", hex)) if hex.len() == 128 => hex,
        _ => return false,
    };
    hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The id of an image: `crt` and 17 characters made of its registry and digest alone, so an image has the same id for
/// ever. Empty for no digest.
pub(crate) fn image_id(registry: &str, digest: &str) -> String {
    if digest.is_empty() {
        return String::new();
    }
    let hash = Sha256::new().chain_update(registry).chain_update([0]).chain_update(digest).finalize();
    let mut bits = [0; 16];
    bits.copy_from_slice(&hash[..16]);
    spell(u128::from_be_bytes(bits) >> (128 - 85))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests() {
        assert!(is_digest(&format!("sha256:{}", "a".repeat(64))));
        assert!(is_digest(&format!("sha512:{}", "0".repeat(128))));
        for bad in ["", "sha256:", "sha256:abc", "md5:0123"] {
            assert!(!is_digest(bad), "{bad}");
        }
        assert!(!is_digest(&format!("sha256:{}", "A".repeat(64))));
        assert!(!is_digest(&format!("sha256:{}", "a".repeat(63))));
    }

    #[test]
    fn image_ids_depend_on_registry_and_digest_alone() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let id = image_id("hub.example.com", &digest);
        assert_eq!(id.len(), 20);
        assert_eq!(id, image_id("hub.example.com", &digest));
        assert_ne!(id, image_id("hub2.example.com", &digest));
        assert_eq!(image_id("hub.example.com", ""), "");
    }
}
