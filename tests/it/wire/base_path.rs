//! A path in front of all others: where a proxy takes it off, and where it leaves it.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::until;

const BASE: &str = "[http]\nbase_path = '/tagcast'\n";

/// nginx on a free port, with `location /tagcast/` in front of the gateway.
struct Nginx {
    address: String,
    process: Child,
    directory: TempDir,
}

impl Nginx {
    /// `strips`: whether the gateway is asked without the path.
    fn start(gateway: &str, strips: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let at = directory.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {at}/{name};")).concat();
        let slash = if strips { "/" } else { "" };
        let settings = format!(
            "daemon off; master_process off; error_log stderr error; pid {at}/pid; events {{}}
             http {{ access_log off; {temporary}
               map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
               server {{ listen {address}; client_max_body_size 2m;
                 location /tagcast {{ proxy_pass http://{gateway}; proxy_set_header Host $http_host; }}
                 location /tagcast/ {{ proxy_pass http://{gateway}{slash};
                   proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_buffering off;
                   proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }} }} }}"
        );
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, settings).expect("a file");
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx.arg("-p").arg(directory.path()).arg("-c").arg(file).stderr(Stdio::null());
        let process = nginx.spawn().expect("`make test-tools` installs it");
        until("nginx listens", || TcpStream::connect(&address).is_ok());
        Self { address, process, directory }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn tagcast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = tagcast(arguments).output().expect("it runs");
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

/// Everything that leads to the gateway by a URL, with this one.
fn use_everything(gateway: &Gateway, url: &str, at: &Path) {
    // Into a pipe: what comes is printed as it comes.
    let mut watch = tagcast(&["watch", "--url", url, "--format", "json", "true"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut forward = tagcast(&[
        "forward",
        "--url",
        url,
        "--to",
        &format!("{}/v1/sources/cloudevents/events", gateway.url()),
    ]);
    forward.args(["--format", "cloudevents", "--position"]).arg(at.join("position"));
    let forward = forward.stderr(Stdio::null()).spawn().expect("it runs");
    let open = "tagcast_connections{transport=\"websocket\"}";
    until("both are there", || gateway.count(open) == 2);
    let sent = std::fs::read("tests/fixtures/webhooks/distribution/v2-push-tag.json").expect("a fixture");
    assert_eq!(gateway.notify(sent).status, 200);
    until("what was forwarded is there", || {
        gateway.get("/v1/sources").json()["sources"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|source| source["name"] == "cloudevents" && source["last_request"].is_string())
    });
    let mut lines = BufReader::new(watch.stdout.take().expect("it is piped")).lines();
    assert!(lines.any(|line| line.expect("text").contains("CreateImageTag")));
    for mut child in [watch, forward] {
        let pid = child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().expect("kill").success());
        assert!(child.wait().expect("it ends").success());
    }

    let definition = at.join("definition.json");
    std::fs::write(&definition, r#"{"filter":"true","target":{"feed":"a"}}"#).expect("a file");
    output(&["trigger", "put", "one", definition.to_str().expect("text"), "--url", url]);
    assert!(output(&["trigger", "list", "--url", url]).contains("one"));
    output(&["trigger", "delete", "one", "--url", url]);
    let copy = at.join("copy");
    assert!(output(&["backup", copy.to_str().expect("text"), "--url", url]).contains("rows in"));
}

#[test]
fn every_command_works_behind_a_path_that_nginx_takes_off_or_leaves() {
    for (strips, settings) in [(true, ""), (true, BASE), (false, BASE)] {
        let gateway = Gateway::with_settings(settings);
        let nginx = Nginx::start(&gateway.address, strips);
        let url = format!("http://{}/tagcast/", nginx.address);
        use_everything(&gateway, &url, nginx.directory.path());
        // What a registry would be told, and what a browser loads.
        let sent = std::fs::read("tests/fixtures/webhooks/harbor/push-artifact.json")
            .unwrap_or_else(|_| b"{}".to_vec());
        let posted = request(&nginx.address, "POST", "/tagcast/v1/sources/harbor/events", &[], &sent);
        assert!(posted.status == 200 || posted.code() != "not_found", "{posted:?}");
        let page = request(&nginx.address, "GET", "/tagcast/", &[], b"");
        assert!(page.status == 200 && page.body.contains("<title>Tagcast</title>"), "{page:?}");
        for part in page.body.split(['"', '\'']).filter(|part| part.contains("assets/")) {
            let part =
                part.strip_prefix("./").unwrap_or_else(|| panic!("{part} does not stand beside the page"));
            assert_eq!(
                request(&nginx.address, "GET", &format!("/tagcast/{part}"), &[], b"").status,
                200,
                "{part}"
            );
        }
    }
}

#[test]
fn commands_say_what_they_can_not_reach_and_never_a_password() {
    let said = |arguments: &[&str]| {
        let Output { status, stderr, .. } = tagcast(arguments).output().expect("it runs");
        (status.code(), String::from_utf8_lossy(&stderr).into_owned())
    };
    let place = tempfile::tempdir().expect("a directory");
    let copy = place.path().join("copy").display().to_string();
    let nobody = "http://127.0.0.1:1/tagcast";
    for command in [vec!["backup", &*copy], vec!["trigger", "list"], vec!["watch", "--no-retry"]] {
        let (code, why) = said(&[&command[..], &["--url", nobody]].concat());
        assert!(code == Some(1) && why.contains(nobody), "{command:?}: {why}");
        for (url, text) in [
            ("http://me:hush@127.0.0.1:1", "names no user"),
            ("http://127.0.0.1:1/?token=hush", "without ? and #"),
            ("ftp://127.0.0.1", "ftp:// is no address of a gateway"),
        ] {
            let (code, why) = said(&[&command[..], &["--url", url]].concat());
            assert!(code != Some(0) && why.contains(text) && !why.contains("hush"), "{command:?}: {why}");
        }
    }
    let forward = ["forward", "--to", "http://127.0.0.1:1/", "--url", "http://me:hush@127.0.0.1:1"];
    let (code, why) = said(&forward);
    assert!(code == Some(2) && why.contains("names no user") && !why.contains("hush"), "{why}");
}

#[test]
fn verify_says_what_is_not_there() {
    let place = tempfile::tempdir().expect("a directory");
    let (none, file) = (place.path().join("none"), place.path().join("file"));
    std::fs::write(&file, "").expect("a file");
    for (path, why) in [(&*none, "No such file"), (&*file, "Not a directory"), (place.path(), "holds no log")]
    {
        let output = tagcast(&["verify", "--data-dir"]).arg(path).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let named = said.contains(&*path.to_string_lossy());
        assert!(output.status.code() == Some(74) && named && said.contains(why), "{said}");
    }
}

#[test]
fn the_path_is_taken_off_and_the_others_stay() {
    let gateway = Gateway::with_settings(BASE);
    for path in ["/healthz", "/tagcast/healthz", "/tagcast/v1/events?filter=true", "/tagcast/", "/"] {
        assert_eq!(gateway.get(path).status, 200, "{path}");
    }
    for path in ["/tagcastle/healthz", "/tagcast/tagcast/healthz", "/Tagcast/healthz", "/tagcast/nothing"] {
        assert_eq!(gateway.get(path).code(), "not_found", "{path}");
    }
    gateway.connect("?filter=true").subscribed();
    let mut client = crate::support::client::Client::connect(&format!(
        "ws://{}/tagcast/v1/ws?filter=true",
        gateway.address
    ));
    client.subscribed();
    for (path, to) in [("/tagcast", "tagcast/"), ("/tagcast?view=system", "tagcast/?view=system")] {
        let answer = gateway.get(path);
        assert_eq!(answer.status, 308);
        assert!(answer.head.contains(&format!("location: {to}\r\n")), "{}", answer.head);
    }
    // A link of another site leads to the page, with and without its slash, and nowhere else.
    let foreign = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
    for (path, status) in [("/tagcast", 308), ("/tagcast/", 200), ("/", 200), ("/tagcast/v1/events", 403)] {
        assert_eq!(request(&gateway.address, "GET", path, &foreign, b"").status, status, "{path}");
    }
    // A source that asks for nothing is guarded behind the path too.
    let evil = [("Origin", "http://evil.example")];
    let posted = request(
        &gateway.address,
        "POST",
        "/tagcast/v1/sources/distribution/events",
        &evil,
        b"{\"events\":[]}",
    );
    assert_eq!(posted.code(), "origin_denied");
}

#[test]
fn the_descriptions_name_the_path() {
    let gateway = Gateway::with_settings(BASE);
    for path in ["/openapi.json", "/tagcast/openapi.json"] {
        assert_eq!(gateway.get(path).json()["servers"][0]["url"], "/tagcast");
    }
    let servers = gateway.get("/asyncapi.json").json()["servers"].clone();
    assert_eq!(servers["gateway"]["pathname"], "/tagcast");
    assert_eq!(Gateway::start().get("/openapi.json").json()["servers"][0]["url"], "/");
}
