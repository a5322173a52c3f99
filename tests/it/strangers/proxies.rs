//! Who counts as the client where a proxy passes requests on.

use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::stream::Stream;

const SETTINGS: &str = "
[connections]
per_address = 2
[[sources]]
name = 'distribution'
kind = 'distribution'
allow = ['203.0.113.0/24']
";
const TRUST: &str = "[http]\ntrusted_proxies = ['127.0.0.0/8', '10.0.0.0/8']\n";

fn status(gateway: &Gateway, headers: &[(&str, &str)]) -> u16 {
    request(&gateway.address, "POST", "/v1/sources/distribution/events", headers, b"{\"events\":[]}").status
}

#[test]
fn a_trusted_proxy_tells_who_the_client_is() {
    let gateway = Gateway::with_settings(&format!("{TRUST}{SETTINGS}"));
    let stream = |client: &str| {
        let headers = [("Accept", "text/event-stream"), ("X-Forwarded-For", client)];
        Stream::open(&gateway.address, "/v1/events", &headers)
    };
    let one = "6.6.6.6, 203.0.113.7, 10.1.1.1";
    let open = [stream(one), stream(one), stream("203.0.113.8:4711")];
    let headers = [("Accept", "text/event-stream"), ("X-Forwarded-For", one)];
    let third = request(&gateway.address, "GET", "/v1/events", &headers, b"");
    assert_eq!((third.status, third.code().as_str()), (429, "too_many_connections"));
    let page = gateway.get("/v1/connections").json();
    let shown = page["connections"].as_array().expect("a list").iter().map(|c| c["address"].as_str());
    assert_eq!(shown.flatten().collect::<Vec<_>>(), ["203.0.113.7", "203.0.113.7", "203.0.113.8:4711"]);
    assert_eq!(gateway.get("/v1/connections?address=203.0.113.7").json()["total"], 2);
    drop(open);

    assert_eq!(status(&gateway, &[("X-Forwarded-For", "203.0.113.9")]), 200);
    assert_eq!(status(&gateway, &[("Forwarded", "for=6.6.6.6, For=\"203.0.113.9:1\";proto=https")]), 200);
    assert_eq!(status(&gateway, &[("X-Forwarded-For", "203.0.113.9, 198.51.100.1")]), 403);
    assert_eq!(status(&gateway, &[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "unknown")]), 403);
    assert_eq!(status(&gateway, &[("Forwarded", "for=203.0.113.9"), ("X-Forwarded-For", "::1")]), 403);
    assert_eq!(status(&gateway, &[]), 403, "the proxy itself is none of the source's");
}

#[test]
fn from_others_the_headers_are_ignored() {
    let settings = SETTINGS.replace("203.0.113.0/24", "127.0.0.0/8");
    for trust in ["", "[http]\ntrusted_proxies = ['10.0.0.0/8']\n"] {
        let gateway = Gateway::with_settings(&format!("{trust}{settings}"));
        let headers = [("X-Forwarded-For", "203.0.113.7"), ("Accept", "text/event-stream")];
        let _stream = Stream::open(&gateway.address, "/v1/events", &headers);
        let page = gateway.get("/v1/connections").json();
        let shown = page["connections"][0]["address"].as_str().expect("an address");
        assert!(shown.starts_with("127.0.0.1:"), "{shown}");
        assert_eq!(status(&gateway, &[("X-Forwarded-For", "203.0.113.7")]), 200);
        assert_eq!(status(&gateway, &[("Forwarded", "for=203.0.113.7")]), 200);
    }
}
