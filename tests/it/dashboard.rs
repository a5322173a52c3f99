//! The page at `/`: what is served, and how it may be kept. What it does is tested in `web/e2e`.

use super::support::gateway::Gateway;
use super::support::http::{Answer, request};

/// First load of the page, compressed, in bytes.
const FIRST_LOAD: usize = 150_000;

fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(&gateway.address, "GET", path, headers, b"")
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The files that the page names: beside it, since a proxy may put a path in front of it.
fn assets(page: &str) -> Vec<String> {
    page.split('"')
        .filter_map(|part| part.strip_prefix("./assets/"))
        .map(|name| format!("/assets/{name}"))
        .collect()
}

/// A gateway with the dashboard in it.
fn gateway() -> Gateway {
    let built = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist/index.html").exists();
    assert!(built, "there is no dashboard: `make web` builds it");
    Gateway::start()
}

fn length(answer: &Answer) -> usize {
    header(answer, "content-length").and_then(|length| length.parse().ok()).expect("a length")
}

#[test]
fn the_page_and_all_it_loads_are_served_compressed_and_may_be_kept() {
    let gateway = gateway();
    let page = get(&gateway, "/", &[]);
    assert_eq!(header(&page, "cache-control"), Some("no-cache"));
    let policy = header(&page, "content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let assets = assets(&page.body);
    assert!(assets.len() >= 3, "{assets:?}");
    for encoding in ["br", "gzip"] {
        let mut total = length(&get(&gateway, "/", &[("Accept-Encoding", encoding)]));
        for path in &assets {
            let asset = get(&gateway, path, &[("Accept-Encoding", &format!("zstd, {encoding};q=0.5"))]);
            assert_eq!((asset.status, header(&asset, "content-encoding")), (200, Some(encoding)), "{path}");
            assert!(header(&asset, "cache-control").is_some_and(|kept| kept.contains("immutable")), "{path}");
            total += length(&asset);
        }
        assert!(total < FIRST_LOAD, "{total} bytes with {encoding}");
    }
}

#[test]
fn what_is_known_is_not_sent_again() {
    let gateway = gateway();
    let page = get(&gateway, "/", &[("Accept-Encoding", "gzip;q=0")]);
    assert_eq!(header(&page, "content-encoding"), None);
    let tag = header(&page, "etag").expect("a tag").to_owned();
    let again = get(&gateway, "/", &[("If-None-Match", &tag)]);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let compressed = get(&gateway, "/", &[("If-None-Match", &tag), ("Accept-Encoding", "br")]);
    assert_eq!(compressed.status, 200, "another encoding is another answer");
}

#[test]
fn a_file_that_is_not_there_is_not_found() {
    let gateway = Gateway::start();
    for path in ["/assets/none.js", "/assets/../index.html", "/assets/%2e%2e/index.html", "/index.html"] {
        assert_eq!(get(&gateway, path, &[]).code(), "not_found", "{path}");
    }
}
