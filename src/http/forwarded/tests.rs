use axum::http::HeaderValue;

use super::*;

const PROXY: &str = "10.0.0.1:4711";

/// Who is at the other end for a gateway that trusts 10.0.0.0/8 and `fd00::/8`, by the lines of one header.
fn client_from(peer: &str, lines: &[(HeaderName, &[u8])]) -> String {
    let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    let proxies = TrustedProxies::new(&networks);
    match proxies.client(PeerAddress::Tcp(peer.parse().unwrap()), &headers) {
        PeerAddress::Tcp(client) => client.to_string(),
        PeerAddress::Unix => panic!("nobody came by one"),
    }
}

fn plain(lines: &[&[u8]]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| (X_FORWARDED_FOR, *line)).collect();
    client_from(PROXY, &lines)
}

fn forwarded(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| (FORWARDED, line.as_bytes())).collect();
    client_from(PROXY, &lines)
}

#[test]
fn the_right_most_untrusted_address_counts() {
    for (line, client) in [
        ("203.0.113.7", "203.0.113.7:0"),
        ("6.6.6.6, 203.0.113.7", "203.0.113.7:0"),
        ("6.6.6.6,203.0.113.7 , 10.1.2.3", "203.0.113.7:0"),
        // All are trusted: the first of them began.
        ("10.0.0.9, 10.0.0.8", "10.0.0.9:0"),
        ("203.0.113.7:443", "203.0.113.7:443"),
        ("2001:db8::7", "[2001:db8::7]:0"),
        ("[2001:db8::7]", "[2001:db8::7]:0"),
        ("[2001:db8::7]:443", "[2001:db8::7]:443"),
        ("6.6.6.6, 2001:db8::7, fd00::1", "[2001:db8::7]:0"),
        ("::ffff:203.0.113.7", "203.0.113.7:0"),
        // IPv4 in the form of IPv6 is no way around the list.
        ("203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7:0"),
    ] {
        assert_eq!(plain(&[line.as_bytes()]), client, "{line}");
    }
    assert_eq!(plain(&[b"6.6.6.6", b"203.0.113.7, 10.0.0.3"]), "203.0.113.7:0", "lines are joined in order");
    assert_eq!(plain(&[b"203.0.113.7", b"10.0.0.3"]), "203.0.113.7:0");
}

#[test]
fn what_says_nothing_ends_the_search() {
    for line in [
        "",
        " ",
        "unknown",
        "_hidden",
        "nonsense",
        "1.2.3",
        "1.2.3.4:port",
        "1.2.3.4:99999",
        "[::1",
        "::1]:1",
    ] {
        assert_eq!(plain(&[line.as_bytes()]), PROXY, "{line}");
        assert_eq!(plain(&[format!("6.6.6.6, {line}, 10.0.0.2").as_bytes()]), "10.0.0.2:0", "{line}");
        assert_eq!(plain(&[format!("{line}, 203.0.113.7").as_bytes()]), "203.0.113.7:0", "{line}");
    }
    assert_eq!(plain(&[b"6.6.6.6", b""]), PROXY);
    assert_eq!(plain(&[b"\xff\xfe, 203.0.113.7"]), "203.0.113.7:0", "no text stands before it");
}

#[test]
fn from_others_the_header_is_ignored() {
    for name in [X_FORWARDED_FOR, FORWARDED] {
        let value: &[u8] = if name == FORWARDED { b"for=10.0.0.1" } else { b"10.0.0.1" };
        assert_eq!(client_from("198.51.100.1:9", &[(name, value)]), "198.51.100.1:9");
    }
    assert_eq!(client_from("[::ffff:10.0.0.1]:9", &[(X_FORWARDED_FOR, b"203.0.113.7")]), "203.0.113.7:0");
}

#[test]
fn elements_of_forwarded_are_read() {
    for (line, client) in [
        ("for=203.0.113.7", "203.0.113.7:0"),
        ("For=\"203.0.113.7:4711\";proto=https", "203.0.113.7:4711"),
        ("proto=https; by=10.0.0.1 ; FOR=203.0.113.7;", "203.0.113.7:0"),
        ("for=\"[2001:db8::7]\"", "[2001:db8::7]:0"),
        ("for=\"[2001:db8::7]:80\", for=10.0.0.2", "[2001:db8::7]:80"),
        ("for=\"203.0.113.7:_port\"", "203.0.113.7:0"),
        ("for=6.6.6.6, for=203.0.113.7", "203.0.113.7:0"),
        ("for=\"203.0\\.113.7\"", "203.0.113.7:0"),
        // What is quoted separates nothing.
        ("host=\"a;for=6.6.6.6, for=6.6.6.6\";for=203.0.113.7", "203.0.113.7:0"),
        ("for=203.0.113.7;host=\"a,for=6.6.6.6;b\\\"\"", "203.0.113.7:0"),
        // A quote that a client leaves open swallows nothing.
        ("for=\", for=203.0.113.7", "203.0.113.7:0"),
        ("for=\"\\, for=203.0.113.7", "203.0.113.7:0"),
        ("for=\", for=\"203.0.113.7:1\"", "203.0.113.7:1"),
    ] {
        assert_eq!(forwarded(&[line]), client, "{line}");
    }
    assert_eq!(forwarded(&["for=6.6.6.6", "for=203.0.113.7, for=10.0.0.2"]), "203.0.113.7:0");
}

#[test]
fn an_element_that_names_nobody_ends_the_search() {
    for element in [
        "",
        "proto=https",
        "for=unknown",
        "for=_hidden",
        "for",
        "for=",
        "for=\"",
        "for=\"203.0.113.7",
        "for=203.0.113.7;for=203.0.113.8",
        "for=203.0.113.7;nonsense",
    ] {
        assert_eq!(forwarded(&[element]), PROXY, "{element}");
        assert_eq!(forwarded(&["for=6.6.6.6", element]), PROXY, "{element}");
    }
}

#[test]
fn where_both_are_there_the_common_one_counts() {
    let both = [(FORWARDED, &b"for=6.6.6.6"[..]), (X_FORWARDED_FOR, b"203.0.113.7")];
    assert_eq!(client_from(PROXY, &both), "203.0.113.7:0");
    assert_eq!(client_from(PROXY, &[(FORWARDED, b"for=6.6.6.6"), (X_FORWARDED_FOR, b"unknown")]), PROXY);
}

#[test]
fn who_comes_by_a_unix_socket_is_trusted_by_that_name_alone() {
    let mut headers = HeaderMap::new();
    headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.7"));
    let client = |trusted: &str| {
        let proxies = TrustedProxies::new(&[trusted.parse().unwrap()]);
        proxies.client(PeerAddress::Unix, &headers).to_string()
    };
    assert_eq!(client("unix"), "203.0.113.7");
    for other in ["127.0.0.0/8", "127.0.0.1", "::1"] {
        assert_eq!(client(other), "unix", "{other}");
    }
}

#[test]
fn a_proxy_is_a_network_an_address_or_the_unix_socket() {
    for text in ["10.0.0.0/8", "10.0.0.5", "fd00::/8", "::1", "unix"] {
        assert!(text.parse::<TrustedProxy>().is_ok(), "{text}");
    }
    for text in ["", "Unix", "unix:/run/x", "proxy.example", "10.0.0.0/33", "10.0.0.5:80"] {
        assert!(text.parse::<TrustedProxy>().is_err(), "{text}");
    }
}
