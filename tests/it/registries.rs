//! What a registry's own API adds to its notifications: digests that were not told, and the tags that were there
//! before us. And several registries, started and stopped as they like.

use serde_json::json;

use crate::support::client::{Client, brief};
use crate::support::gateway::Gateway;
use crate::support::key_server::KeyServer;
use crate::support::notification::digest;
use crate::support::oci::{self, Image};
use crate::support::registry::Registry;
use crate::support::until;

fn briefs(client: &mut Client, count: usize) -> Vec<String> {
    client.events(count).iter().map(brief).collect()
}

fn is_ready(gateway: &Gateway, health: &str) -> bool {
    gateway.get("/v1/sources").json()["sources"][0]["health"] == health
}

#[test]
fn a_digest_that_is_not_told_is_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let registry = Registry::start("http://127.0.0.1:1");
    let image = Image::new(directory.path(), "a");
    image.push(&registry.host, "team/app", "v1");
    let gateway = Gateway::with_settings(&format!(
        "[[sources]]\nname = 'hub'\nkind = 'dockerhub'\nresolve = true\n[sources.api]\nurl = 'http://{}'\n\
         resolve_time = '5s'\n",
        registry.host
    ));
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    let post = |tag: &str| {
        let body = json!({
            "push_data": {"tag": tag, "pushed_at": 1_700_000_000, "pusher": "jane"},
            "repository": {"repo_name": "team/app"},
        });
        let answer = gateway.post("/v1/sources/hub/events", body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    // E1
    post("v1");
    let a = image.digest();
    assert_eq!(
        briefs(&mut client, 2),
        ["CreateImage", "CreateImageTag"].map(|t| format!("{t} team/app:v1 {a}"))
    );
    // A repeat is one, though its first telling was made fuller.
    assert_eq!(post("v1")["duplicates"], 1);
    // E2: what the registry does not know stays untold.
    post("v2");
    assert_eq!(briefs(&mut client, 1), ["CreateImageTag team/app:v2 "]);
}

#[test]
fn a_source_opens_when_its_registry_is_listed() {
    let directory = tempfile::tempdir().expect("a directory");
    // Its notifications go nowhere until the gateway's address is known.
    let mut registry = Registry::start("http://127.0.0.1:1");
    let (a, b) = (Image::new(directory.path(), "a"), Image::new(directory.path(), "b"));
    a.push(&registry.host, "team/app", "v1");
    a.push(&registry.host, "team/app", "latest");
    a.push(&registry.host, "other", "x");
    let settings = format!(
        "[[sources]]\nname = 'distribution'\nkind = 'distribution'\nregistry = '{0}'\nwarm = true\n\
         [sources.api]\nurl = 'http://{0}'\n",
        registry.host
    );
    let mut gateway = Gateway::with_settings(&settings);
    until("the source opens", || is_ready(&gateway, "silent"));
    assert!((gateway.metric("tagcast_catalog_tags") - 3.0).abs() < 0.5);
    registry.set_gateway(&gateway.url());
    registry.restart();
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    // A2, which an empty catalog would take for A1; and C1 with a tag that nobody told us of.
    b.push(&registry.host, "team/app", "latest");
    oci::delete(&registry.host, "team/app", a.digest());
    let (a, b) = (a.digest(), b.digest());
    assert_eq!(
        briefs(&mut client, 5),
        [
            format!("CreateImage team/app:latest {b}"),
            format!("DeleteImageTag team/app:latest {a}"),
            format!("CreateImageTag team/app:latest {b}"),
            format!("DeleteImage team/app: {a}"),
            format!("DeleteImageTag team/app:v1 {a}"),
        ]
    );
    // Listed once: what is pushed while we are away is told, not found.
    gateway.kill();
    Image::new(directory.path(), "c").push(&registry.host, "team/app", "away");
    gateway.start_again();
    let mut client = gateway.connect("?filter=true&batch_cutoff=0&after=earliest");
    assert!(client.events(7)[5]["details"]["tag"] == "away");
}

/// While its registry does not answer the source is closed, and then it is opened all the same.
#[test]
fn a_registry_that_can_not_be_listed_closes_its_source_for_a_while() {
    let server = KeyServer::start();
    server.page("/v2/_catalog?n=1000", 500, "", "");
    let settings = format!(
        "[[sources]]\nname = 'distribution'\nkind = 'distribution'\nregistry = 'r'\nwarm = true\n\
         [sources.api]\nurl = '{}'\nwarm_time = '2s'\n",
        server.url
    );
    let gateway = Gateway::with_settings(&settings);
    let answer = gateway.notify(crate::support::notification::new_image(1));
    assert_eq!((answer.status, answer.code().as_str()), (503, "warming"));
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    until("it opens", || is_ready(&gateway, "failing"));
    let why = gateway.get("/v1/sources").json()["sources"][0]["warm_error"].clone();
    assert_eq!(why, "the registry answered 500");
    assert_eq!(gateway.notify(crate::support::notification::new_image(1)).json()["accepted"], 2);
}

/// Pages, a token for each scope, a user: as the large registries have it.
#[test]
fn lists_a_registry_that_wants_tokens() {
    let server = KeyServer::start();
    let url = &server.url;
    let asks = format!("WWW-Authenticate: Bearer realm=\"{url}/token\",service=\"hub\",scope=\"s\"\r\n");
    let basic = "Basic amFuZTpvcGVuc2VzYW1l";
    for (scope, token) in [("registry%3Acatalog%3A*", "c"), ("repository%3Ateam%2Fapp%3Apull", "p")] {
        let target = format!("/token?service=hub&scope={scope} {basic}");
        server.page(&target, 200, "", json!({ "token": token, "expires_in": 300 }).to_string());
    }
    let pages = [
        (
            "/v2/_catalog?n=1000",
            "c",
            "Link: </v2/_catalog?last=a&n=1000>; rel=\"next\"\r\n",
            json!({"repositories": []}),
        ),
        ("/v2/_catalog?last=a&n=1000", "c", "", json!({"repositories": ["team/app"]})),
        (
            "/v2/team/app/tags/list?n=1000",
            "p",
            "Link: </v2/team/app/tags/list?last=1>; rel=\"next\"\r\n",
            json!({"tags": ["v1"]}),
        ),
        ("/v2/team/app/tags/list?last=1", "p", "", json!({"tags": ["v2", "gone"]})),
    ];
    for (target, token, headers, body) in pages {
        server.page(target, 401, &asks, "");
        server.page(&format!("{target} Bearer {token}"), 200, headers, body.to_string());
    }
    for tag in ["v1", "v2"] {
        let headers = format!("Docker-Content-Digest: {}\r\n", digest(tag));
        server.page(&format!("/v2/team/app/manifests/{tag} Bearer p"), 200, &headers, "");
    }
    let gateway = Gateway::with_settings(&format!(
        "[[sources]]\nname = 'hub'\nkind = 'harbor'\nregistry = 'r'\nwarm = true\n[sources.api]\nurl = '{url}'\n\
         username = 'jane'\npassword = 'opensesame'\n"
    ));
    until("the source opens", || is_ready(&gateway, "silent"));
    assert!((gateway.metric("tagcast_catalog_tags") - 2.0).abs() < 0.5, "{:#?}", server.asked());
    let tokens = server.asked().iter().filter(|asked| asked.contains("/token?")).count();
    assert_eq!(tokens, 2, "a token is kept");
}

/// A registry that sends its askers for a token to `realm`, and what came of listing it.
fn listed_with(realm: &str, more: &str) -> (KeyServer, String) {
    let server = KeyServer::start();
    let asks = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"hub\"\r\n");
    server.page("/v2/_catalog?n=1000", 401, &asks, "");
    let none = json!({ "repositories": [] }).to_string();
    server.page("/v2/_catalog?n=1000 Bearer t", 200, "", none);
    let gateway = Gateway::with_settings(&format!(
        "[[sources]]\nname = 'hub'\nkind = 'harbor'\nregistry = 'r'\nwarm = true\n[sources.api]\nurl = '{}'\n\
         username = 'jane'\npassword = 'opensesame'\n{more}",
        server.url
    ));
    let report = || gateway.get("/v1/sources").json()["sources"][0].clone();
    until("it was tried", || report()["health"] != "warming" || !report()["warm_error"].is_null());
    let why = report()["warm_error"].as_str().unwrap_or_default().to_owned();
    (server, why)
}

/// It names one of another site, or less careful than itself: nothing is asked there, and no password shown.
#[test]
fn a_registry_sends_nobody_elsewhere_for_a_token() {
    let elsewhere = KeyServer::start();
    let other_name = elsewhere.url.replace("127.0.0.1", "localhost");
    let other_address = elsewhere.url.replace("127.0.0.1", "127.0.0.2");
    for realm in [
        format!("{other_name}/token"),
        format!("{other_address}/token"),
        format!("{}/token", elsewhere.url.replace("127.0.0.1", "[::1]")),
        format!("https://{}/token", other_name.trim_start_matches("http://")),
        elsewhere.url.replace("http://", "http://user@"),
        format!("{}/token#x", elsewhere.url),
        "https://169.254.169.254/latest/meta-data".into(),
        "ftp://127.0.0.1/token".into(),
        "/token".into(),
    ] {
        let (server, why) = listed_with(&realm, "");
        assert!(why.starts_with("the registry's login: its token's server is"), "{realm}: {why}");
        assert!(server.asked().iter().all(|asked| !asked.contains("authorization")), "{:?}", server.asked());
    }
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
}

#[test]
fn the_settings_name_a_token_server_of_another_site() {
    let elsewhere = KeyServer::start();
    let name = elsewhere.url.replace("127.0.0.1", "localhost");
    let token = json!({ "token": "t" }).to_string();
    elsewhere.page("/token?service=hub&scope=registry%3Acatalog%3A*", 200, "", token);
    let (_, why) = listed_with(&format!("{name}/token"), &format!("token_server = '{name}'\n"));
    assert_eq!((why.as_str(), elsewhere.asked().len()), ("", 1));
    let other = KeyServer::start().url.replace("127.0.0.1", "localhost");
    let (_, why) = listed_with(&format!("{other}/token"), &format!("token_server = '{name}'\n"));
    assert!(why.contains("not asked over http"), "{why}");
}

/// What a notification or the registry itself calls a repository or a tag leads to no other place of the registry.
#[test]
fn a_name_leads_nowhere_else() {
    let server = KeyServer::start();
    server.page(
        "/v2/_catalog?n=1000",
        200,
        "",
        json!({ "repositories": ["../admin", "a?b", "ok"] }).to_string(),
    );
    let tags = json!({ "tags": ["../../x", "v1", "a b"] }).to_string();
    let next = "Link: </v2/../admin/tags/list?last=v1>; rel=\"next\"\r\n";
    server.page("/v2/ok/tags/list?n=1000", 200, next, tags);
    let headers = format!("Docker-Content-Digest: {}\r\n", digest("v1"));
    server.page("/v2/ok/manifests/v1", 200, &headers, "");
    let gateway = Gateway::with_settings(&format!(
        "[[sources]]\nname = 'hub'\nkind = 'dockerhub'\nregistry = 'r'\nresolve = true\nwarm = true\n\
         [sources.api]\nurl = '{}'\n",
        server.url
    ));
    until("the source opens", || is_ready(&gateway, "silent"));
    for (repository, tag) in [
        ("team/../../admin", "v1"),
        ("..", "v1"),
        ("team/./app", "v1"),
        ("team//app", "v1"),
        ("%2e%2e/admin", "v1"),
        ("team\\..\\app", "v1"),
        ("team/app?x=", "v1"),
        ("team/app#", "v1"),
        ("team app", "v1"),
        ("/etc", "v1"),
        ("ok", "../../../admin"),
        ("ok", "v1?x"),
    ] {
        let body = json!({
            "push_data": {"tag": tag, "pushed_at": 1_700_000_000, "pusher": "jane"},
            "repository": {"repo_name": repository},
        });
        let answer = gateway.post("/v1/sources/hub/events", body.to_string());
        assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(1)), "{repository}:{tag}");
    }
    let mut asked: Vec<_> = server.asked().iter().map(|asked| asked.trim().to_owned()).collect();
    asked.dedup();
    let expected = [
        "GET /v2/_catalog?n=1000 HTTP/1.1",
        "GET /v2/ok/tags/list?n=1000 HTTP/1.1",
        "HEAD /v2/ok/manifests/v1 HTTP/1.1",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn two_registries_and_everything_restarted() {
    let mut gateway = Gateway::start();
    let mut registries = [Registry::start(&gateway.url()), Registry::start(&gateway.url())];
    let directory = tempfile::tempdir().expect("a directory");
    let image = |n: usize| Image::new(directory.path(), &format!("image {n}"));
    let mut expected = Vec::new();
    let mut push = |registries: &[Registry; 2], n: usize| {
        let image = image(n);
        for registry in registries {
            image.push(&registry.host, "team/app", &format!("v{n}"));
            expected.extend(
                ["CreateImage", "CreateImageTag"].map(|t| format!("{} {t} team/app:v{n}", registry.host)),
            );
        }
    };
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    push(&registries, 0);
    client.events(4);
    registries[0].restart();
    push(&registries, 1);
    client.events(4);
    gateway.kill();
    gateway.start_again();
    push(&registries, 2);
    let mut client = gateway.connect("?filter=true&batch_cutoff=0&after=earliest");
    client.events(12);
    // Both at once: what a registry had not delivered is lost with it, so it is told before.
    gateway.kill();
    registries[1].restart();
    gateway.start_again();
    push(&registries, 3);
    let mut client = gateway.connect("?filter=true&batch_cutoff=0&after=earliest");
    let seen = client.events(16).into_iter().map(|event| {
        let registry = event["details"]["registry_id"].as_str().expect("a registry").to_owned();
        let brief = brief(&event);
        format!("{registry} {}", brief.rsplit_once(' ').expect("a digest").0)
    });
    // Two registries do not wait for each other: each one's events are in order.
    let (mut seen, mut expected) = (seen.collect::<Vec<_>>(), expected);
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
}
