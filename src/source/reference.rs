//! References to images and hosts of URLs, as registries write them into their notifications.

/// `host/path/name:tag` or `host/path/name@digest`, taken apart. What is missing is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    pub(super) registry: &'a str,
    pub(super) repository: &'a str,
    pub(super) tag: &'a str,
    pub(super) digest: &'a str,
}

impl<'a> Reference<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (name, digest) = text.split_once('@').unwrap_or((text, ""));
        let (registry, path) = name.split_once('/').unwrap_or(("", name));
        // Only what follows the last colon of the path is a tag: the host's port stands before it.
        let (repository, tag) = path.rsplit_once(':').unwrap_or((path, ""));
        Self { registry, repository, tag, digest }
    }
}

/// The host and port of a URL; empty where there is none.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let whole = Reference { registry: "r:5000", repository: "a/b", tag: "t", digest: "" };
        assert_eq!(Reference::parse("r:5000/a/b:t"), whole);
        assert_eq!(
            Reference::parse("r:5000/a/b@sha256:0"),
            Reference { tag: "", digest: "sha256:0", ..whole }
        );
        assert_eq!(Reference::parse("r:5000/a/b:t@sha256:0"), Reference { digest: "sha256:0", ..whole });
        assert_eq!(Reference::parse("r:5000/a/b:"), Reference { tag: "", ..whole });
        assert_eq!(Reference::parse("b"), Reference { repository: "b", ..Reference::default() });
        assert_eq!(Reference::parse(""), Reference::default());
    }

    #[test]
    fn hosts() {
        assert_eq!(host("http://localhost:3000/user1"), "localhost:3000");
        assert_eq!(host("https://example.jfrog.io"), "example.jfrog.io");
        assert_eq!(host("https://user@example.com?x"), "example.com");
        assert_eq!(host("example.com/a"), "");
    }
}
