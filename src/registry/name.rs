use super::RegistryError;

/// Bytes of a repository's name and of a tag (the OCI distribution specification; the first is a convention).
const REPOSITORY: usize = 255;
const TAG: usize = 128;

/// The name of a repository as it stands in a path.
///
/// # Errors
///
/// No registry has such a name; in a path it could mean another place.
pub(super) fn repository(name: &str) -> Result<&str, RegistryError> {
    let is_part = |part: &str| {
        part.bytes().all(is_character)
            && part.bytes().any(|b| b.is_ascii_alphanumeric())
            && !part.contains("..")
    };
    let is_name = name.len() <= REPOSITORY && name.split('/').all(is_part);
    if is_name { Ok(name) } else { Err(RegistryError::Name) }
}

/// The same of a tag.
///
/// # Errors
///
/// No registry has such a tag.
pub(super) fn tag(name: &str) -> Result<&str, RegistryError> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let is_tag = begins && name.len() <= TAG && name.bytes().all(is_character) && !name.contains("..");
    if is_tag { Ok(name) } else { Err(RegistryError::Name) }
}

fn is_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_registries_have() {
        for name in ["app", "team/app", "Team/App_2", "a/b/c.d-e__f", "_x", &"a".repeat(255)] {
            assert_eq!(repository(name), Ok(name));
        }
        for name in ["latest", "v1.2.3-rc_1", "_x", "2", &"a".repeat(128)] {
            assert_eq!(tag(name), Ok(name));
        }
    }

    #[test]
    fn names_that_mean_another_place() {
        let long = "a".repeat(256);
        for name in [
            "",
            "/",
            ".",
            "..",
            "a/..",
            "../a",
            "a/../b",
            "a/./b",
            "a//b",
            "/a",
            "a/",
            "a..b",
            "%2e%2e/a",
            "a%2fb",
            "a\\b",
            "a\\..\\b",
            "a?b",
            "a#b",
            "a b",
            "a\tb",
            "a\nb",
            "a;b",
            "a:b",
            "a@b",
            "-",
            "_/a",
            "ä",
            "a\u{200b}",
            "．．/a",
            &long,
        ] {
            assert_eq!(repository(name), Err(RegistryError::Name), "{name:?}");
        }
        for name in
            ["", ".", "..", "-a", ".a", "a/b", "a..b", "%2e", "a?b", "a b", "a:b", "a\0", &long[..129]]
        {
            assert_eq!(tag(name), Err(RegistryError::Name), "{name:?}");
        }
    }
}
