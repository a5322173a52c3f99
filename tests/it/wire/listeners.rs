//! Where the gateway listens: several addresses, Unix sockets, and sockets that are handed to it.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::http::{request, try_request};
use crate::support::until;

/// A directory with settings in it.
struct Place(TempDir);

impl Place {
    fn new(settings: impl FnOnce(&Path) -> String) -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        std::fs::write(place.path("settings.toml"), settings(place.0.path())).expect("the settings");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn serve(&self) -> Command {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_tagcast"));
        serve.arg("serve").arg("--data-dir").arg(self.path("data"));
        serve.arg("--config").arg(self.path("settings.toml"));
        serve
    }

    /// It does not start: its exit code, and what it says.
    fn refused(&self) -> (Option<i32>, String) {
        let Output { status, stderr, .. } = self.serve().output().expect("it runs");
        (status.code(), String::from_utf8_lossy(&stderr).into_owned())
    }

    fn start(&self) -> Running {
        Running::of(&mut self.serve())
    }
}

/// A gateway, and where it says that it listens.
struct Running {
    process: Child,
    addresses: Vec<String>,
    /// Everything that it says at its start.
    said: String,
}

impl Running {
    fn of(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it is built");
        let mut out = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut said = String::new();
        while !said.contains("any client") && out.read_line(&mut said).expect("text") > 0 {}
        let line = said.replace("\n                    and ", " ").replace("http://", "");
        let listening = line.strip_prefix("Tagcast is listening on ").unwrap_or_else(|| panic!("{said:?}"));
        let addresses = listening.lines().next().expect("a line").split(' ').map(str::to_owned).collect();
        Self { process, addresses, said }
    }

    fn end(&mut self, signal: &str) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
        self.process.wait().expect("it ends").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `curl` gets from a Unix socket.
fn curl(socket: &Path, path: &str, more: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "10", "--unix-socket"]).arg(socket).args(more);
    let Output { status, stdout, stderr } =
        curl.arg(format!("http://localhost{path}")).output().expect("curl");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

/// A stream of events that stays open.
fn stream(socket: &Path, headers: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    let head = "GET /v1/events?filter=true HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n";
    stream.write_all(format!("{head}{headers}\r\n").as_bytes()).expect("it listens");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

#[test]
fn it_listens_on_all_and_says_so() {
    let place = Place::new(|path| {
        let sockets = ["a", "b"].map(|name| format!("'unix:{}/{name}'", path.display()));
        format!("listen = ['127.0.0.1:0', {}, '127.0.0.2:0', {}]", sockets[0], sockets[1])
    });
    let mut gateway = place.start();
    let [one, a, two, b] = &gateway.addresses[..] else { panic!("{:?}", gateway.addresses) };
    for (address, begin) in [(one, "127.0.0.1:"), (two, "127.0.0.2:")] {
        assert!(address.starts_with(begin) && !address.ends_with(":0"), "{address}");
        assert_eq!(request(address, "GET", "/healthz", &[], b"").status, 200);
    }
    for (address, name) in [(a, "a"), (b, "b")] {
        let path = place.path(name);
        assert_eq!(*address, format!("unix:{}", path.display()));
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o660);
        assert_eq!(curl(&path, "/healthz", &[]), "ok\n");
    }
    assert!(gateway.said.contains(&format!("http://{one}/")));

    // All of them lead to the same.
    let sent = ["--json", "@tests/fixtures/webhooks/distribution/v2-push-tag.json"];
    let receipt = curl(&place.path("a"), "/v1/sources/distribution/events", &sent);
    assert!(receipt.contains("\"accepted\":2"), "{receipt}");
    assert!(request(two, "GET", "/v1/events", &[], b"").body.contains("\"messages\":[{"));

    assert_eq!(gateway.end("-TERM"), Some(0));
    assert!(!place.path("a").exists() && !place.path("b").exists(), "its files go with it");
}

#[test]
fn a_websocket_and_a_stream_go_over_a_unix_socket_which_counts_as_loopback() {
    let place = Place::new(|path| {
        let allow = "[[sources]]\nname = 'distribution'\nkind = 'distribution'\nallow = ['127.0.0.0/8']";
        let limits = "[connections]\nper_address = 1\nunproven_per_address = 1\nhandshakes_burst = 1";
        format!("listen = 'unix:{}/socket'\n{limits}\n{allow}\n", path.display())
    });
    let gateway = place.start();
    let socket = place.path("socket");
    let (_one, _two) = (stream(&socket, ""), stream(&socket, "X-Forwarded-For: 203.0.113.7\r\n"));
    let script = "import sys\nfrom websockets.sync.client import unix_connect\n\
                  with unix_connect(sys.argv[1], 'ws://localhost/v1/ws?filter=true&after=earliest') as it:\n\
                  \x20 print(it.recv(10)); print('open', flush=True); input(); print(it.recv(10))\n";
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/bin/python");
    let mut python = Command::new(python);
    python.args(["-c", script]).arg(&socket).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = python.spawn().expect("`make test-tools` installs it");
    let mut out = BufReader::new(client.stdout.take().expect("it is piped"));
    let mut said = String::new();
    while out.read_line(&mut said).expect("text") > 0 && !said.ends_with("open\n") {}
    assert!(said.contains("subscribed"), "{said}");

    let page: Value = serde_json::from_str(&curl(&socket, "/v1/connections", &[])).expect("JSON");
    let shown: Vec<_> =
        page["connections"].as_array().expect("a list").iter().map(|it| &it["address"]).collect();
    assert_eq!(shown, ["unix", "unix", "unix"]);

    let sent = ["--json", "@tests/fixtures/webhooks/distribution/v2-push-tag.json"];
    curl(&socket, "/v1/sources/distribution/events", &sent);
    client.stdin.take().expect("it is piped").write_all(b"\n").expect("it waits");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    assert!(client.wait().expect("it ends").success() && rest.contains("\"messages\":["), "{rest}");
    drop(gateway);
}

#[test]
fn behind_a_unix_socket_a_proxy_is_trusted_by_that_name() {
    let place = Place::new(|path| {
        format!(
            "listen = 'unix:{}/socket'\n[http]\ntrusted_proxies = ['unix']\nsocket_mode = '0600'\n",
            path.display()
        )
    });
    let _gateway = place.start();
    let socket = place.path("socket");
    assert_eq!(std::fs::metadata(&socket).expect("a file").permissions().mode() & 0o777, 0o600);
    let _open = (stream(&socket, "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n"), stream(&socket, ""));
    let page: Value = serde_json::from_str(&curl(&socket, "/v1/connections", &[])).expect("JSON");
    let shown: Vec<_> =
        page["connections"].as_array().expect("a list").iter().map(|it| &it["address"]).collect();
    assert_eq!(shown, ["203.0.113.7", "unix"]);
}

#[test]
fn a_proxy_behind_a_unix_socket_may_speak_the_proxy_protocol() {
    let place = Place::new(|path| {
        let socket = format!("listen = 'unix:{}/socket'", path.display());
        format!("{socket}\n[http]\ntrusted_proxies = ['unix']\nproxy_protocol = true\n")
    });
    let _gateway = place.start();
    let ask = |header: &[u8], accept: &str| {
        let mut stream = UnixStream::connect(place.path("socket")).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        let path = if accept.is_empty() { "/v1/connections" } else { "/v1/events?filter=true" };
        let head = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{accept}\r\n");
        stream.write_all(&[header, head.as_bytes()].concat()).expect("it listens");
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).expect("an answer");
        (stream, String::from_utf8_lossy(&begin[9..]).into_owned())
    };
    let accept = "Accept: application/x-ndjson\r\n";
    let (_open, status) = ask(b"PROXY TCP6 2001:db8::7 ::1 9 80\r\n", accept);
    assert_eq!(status, "200");
    // HAProxy says so where its own client came by a Unix socket.
    let (_local, status) = ask(b"PROXY UNKNOWN\r\n", accept);
    assert_eq!(status, "200");
    let (mut list, _) = ask(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "");
    let mut text = String::new();
    list.read_to_string(&mut text).expect("text");
    assert!(
        text.contains("\"address\":\"[2001:db8::7]:9\"") && text.contains("\"address\":\"unix\""),
        "{text}"
    );
    assert_eq!(ask(b"", accept).1, "400");
}

#[test]
fn the_host_is_judged_on_a_unix_socket_as_on_loopback() {
    let place = Place::new(|path| format!("listen = 'unix:{}/socket'\n", path.display()));
    let _gateway = place.start();
    for (host, answer) in
        [("127.0.0.1", "messages"), ("a.localhost", "messages"), ("evil.example", "host_denied")]
    {
        let said = curl(&place.path("socket"), "/v1/events", &["-H", &format!("Host: {host}")]);
        assert!(said.contains(answer), "{host}: {said}");
    }
}

#[test]
fn what_a_killed_gateway_left_is_taken_over_and_what_is_anothers_is_not() {
    let place = Place::new(|path| format!("listen = 'unix:{}/socket'\n", path.display()));
    let socket = place.path("socket");
    let mut killed = place.start();
    killed.end("-KILL");
    assert!(socket.exists());
    let mut gateway = place.start();
    let second = Place::new(|_| format!("listen = ['127.0.0.1:0', 'unix:{}']\n", socket.display()));
    let (code, said) = second.refused();
    assert_eq!(code, Some(71), "{said}");
    assert!(said.contains(&format!("unix:{}: another process listens there", socket.display())), "{said}");
    assert_eq!(curl(&socket, "/healthz", &[]), "ok\n");
    assert_eq!(gateway.end("-TERM"), Some(0));

    std::fs::write(&socket, "precious").expect("a file");
    let (code, said) = place.refused();
    assert!(code == Some(71) && said.contains("a file that is no socket is there already"), "{said}");
    assert_eq!(std::fs::read_to_string(&socket).expect("a file"), "precious");
}

#[test]
fn an_address_that_can_not_be_had_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).expect("an address");
    let place = Place::new(|_| format!("listen = ['127.0.0.1:0', '{}']\n", taken.1));
    let (code, said) = place.refused();
    assert!(code == Some(71) && said.contains(&format!("{}: Address already in use", taken.1)), "{said}");
    let place = Place::new(|path| format!("listen = 'unix:{}/none/socket'\n", path.display()));
    let (code, said) = place.refused();
    assert!(code == Some(71) && said.contains("/none/socket: No such file or directory"), "{said}");
}

#[test]
fn what_can_not_be_listened_on_is_refused_by_the_settings() {
    for (settings, why) in [
        ("listen = []", "an address, or a list of them"),
        ("listen = ['127.0.0.1:80', 'unix:/x', '127.0.0.1:80']", "listen has each address once"),
        ("listen = ['unix:/x', 'unix:/x']", "listen has each address once"),
        ("listen = 'localhost:80'", "an address is written 127.0.0.1:8080, [::1]:8080 or unix:"),
        ("listen = ['127.0.0.1:80', 'unix:@x']", "a Unix socket has a file"),
        ("listen = 8080", "an address, or a list of them"),
        ("listen = ['unix:/x', '0.0.0.0:80']", "0.0.0.0:80 is not loopback: readers need tokens"),
        ("listen = 'unix:/x'\n[http]\nmetrics_listen = 'unix:/x'", "another address than listen"),
        ("[http]\nsocket_mode = '0888'", "a mode is written in octal digits"),
        ("[http]\nsocket_mode = 660", "socket_mode"),
        ("[http]\ntrusted_proxies = ['proxy.example']", "a proxy is a network"),
    ] {
        let (code, said) = Place::new(|_| settings.to_owned()).refused();
        assert!(code == Some(78) && said.contains(why), "{settings}: {said}");
    }
}

#[test]
fn metrics_have_a_unix_socket_of_their_own() {
    let reader = "[[readers]]\nname = 'a'\ntoken = '0123456789abcdef0123456789abcdef'\n";
    let place = Place::new(|path| {
        format!(
            "listen = '127.0.0.1:0'\n[http]\nmetrics_listen = 'unix:{}/metrics'\n{reader}",
            path.display()
        )
    });
    let mut gateway = place.start();
    let socket = place.path("metrics");
    assert!(curl(&socket, "/metrics", &[]).contains("tagcast_commits_total"));
    assert!(curl(&socket, "/v1/server", &[]).contains("not_found"));
    assert!(curl(&socket, "/metrics", &["-H", "Host: evil.example"]).contains("host_denied"));
    assert_eq!(gateway.end("-TERM"), Some(0));
    until("its file goes", || !socket.exists());
}

/// Hands sockets over as systemd does: from descriptor 3 on, to the process that `LISTEN_PID` names.
const HAND_OVER: &str = "
import os, socket, sys
count = int(sys.argv[1])
for at, address in enumerate(sys.argv[2:2 + count]):
    family = socket.AF_UNIX if address.startswith('/') else socket.AF_INET
    kind = socket.SOCK_DGRAM if address.startswith('/udp') else socket.SOCK_STREAM
    it = socket.socket(family, kind)
    it.bind(address if family == socket.AF_UNIX else (address, 0))
    if not address.endswith('mute'):
        it.listen(100)
    given = it.detach()
    if given != 3 + at:
        os.dup2(given, 3 + at)
    os.set_inheritable(3 + at, True)
os.environ.update(LISTEN_FDS=str(count), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
";

fn handed(place: &Place, addresses: &[&str]) -> Command {
    let serve = place.serve();
    let mut python = Command::new("python3");
    python.args(["-c", HAND_OVER, &addresses.len().to_string()]).args(addresses);
    python.arg(serve.get_program()).args(serve.get_args());
    python
}

#[test]
fn sockets_that_systemd_opened_take_the_place_of_the_settings() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = Place::new(|_| format!("listen = '{}'\n", taken.local_addr().expect("an address")));
    let socket = place.path("given");
    let mut gateway = Running::of(&mut handed(&place, &["127.0.0.1", socket.to_str().expect("text")]));
    let [tcp, unix] = &gateway.addresses[..] else { panic!("{:?}", gateway.addresses) };
    assert_eq!(*unix, format!("unix:{}", socket.display()));
    assert_eq!(request(tcp, "GET", "/healthz", &[], b"").status, 200);
    assert_eq!(curl(&socket, "/healthz", &[]), "ok\n");
    let tcp = tcp.clone();
    assert_eq!(gateway.end("-TERM"), Some(0));
    assert!(socket.exists(), "the file is systemd's");
    assert!(try_request(&tcp, "GET", "/healthz", &[], b"").is_err());
}

#[test]
fn what_systemd_opened_is_judged_as_the_settings_are() {
    let place = Place::new(|_| String::new());
    let refused = |addresses: &[&str]| {
        let Output { status, stderr, .. } = handed(&place, addresses).output().expect("it runs");
        (status.code(), String::from_utf8_lossy(&stderr).into_owned())
    };
    let (code, said) = refused(&["127.0.0.1", "0.0.0.0"]);
    assert!(code == Some(78) && said.contains("is not loopback: readers need tokens"), "{said}");
    let mute = place.path("mute");
    let (code, said) = refused(&["127.0.0.1", mute.to_str().expect("text")]);
    assert!(
        code == Some(71) && said.contains("socket 2 of systemd (LISTEN_FDS): it does not listen"),
        "{said}"
    );
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let place = Place::new(|_| "listen = '127.0.0.1:0'\n".to_owned());
    let mut serve = place.serve();
    let gateway = Running::of(serve.env("LISTEN_FDS", "1").env("LISTEN_PID", "1"));
    assert!(gateway.addresses[0].starts_with("127.0.0.1:"), "{:?}", gateway.addresses);
}

#[test]
fn flag_and_environment_name_several() {
    let place = Place::new(|_| "listen = '127.0.0.1:1'\n".to_owned());
    let socket = place.path("socket");
    let both = format!("127.0.0.1:0,unix:{}", socket.display());
    let (mut by_variable, mut by_flags) = (place.serve(), place.serve());
    by_variable.env("TAGCAST_LISTEN", &both);
    by_flags.args(["--listen", &both[..11], "--listen", &both[12..]]);
    for mut command in [by_variable, by_flags] {
        let gateway = Running::of(&mut command);
        assert_eq!(gateway.addresses.len(), 2);
        assert_eq!(curl(&socket, "/healthz", &[]), "ok\n");
    }
}

/// A socket that may not be asked may be alive.
#[test]
fn a_socket_that_takes_no_connection_is_not_taken_over() {
    let place = Place::new(|path| format!("listen = 'unix:{}/socket'\n", path.display()));
    let socket = place.path("socket");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    std::fs::set_permissions(&socket, Permissions::from_mode(0o000)).expect("a file");
    let (code, said) = place.refused();
    assert!(code == Some(71) && said.contains("another process listens there"), "{said}");
}

#[test]
fn the_commands_reach_a_unix_socket() {
    let place = Place::new(|path| {
        let socket = format!("listen = 'unix:{}/socket'", path.display());
        format!("{socket}\n[http]\nbase_path = '/tagcast'\n")
    });
    let gateway = place.start();
    let socket = place.path("socket");
    let sent = ["--json", "@tests/fixtures/webhooks/distribution/v2-push-tag.json"];
    curl(&socket, "/v1/sources/distribution/events", &sent);
    let definition = place.path("definition.json");
    std::fs::write(&definition, r#"{"filter":"true","target":{"feed":"a"}}"#).expect("a file");
    let (definition, copy) = (definition.display().to_string(), place.path("copy").display().to_string());
    for url in [format!("unix:{}", socket.display()), format!("unix:{}:/tagcast/", socket.display())] {
        let run = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
            command.args(arguments).env("TAGCAST_URL", &url).stdout(Stdio::piped());
            command.spawn().expect("it is built")
        };
        let said = |arguments: &[&str]| {
            let output = run(arguments).wait_with_output().expect("it ends");
            assert!(output.status.success(), "{arguments:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        let mut watch = run(&["watch", "--after", "earliest", "--format", "json"]);
        let mut line = String::new();
        BufReader::new(watch.stdout.take().expect("it is piped")).read_line(&mut line).expect("text");
        assert!(line.contains("CreateImage"), "{line}");
        // Its consumer is gone.
        assert!(watch.wait().expect("it ends").success());
        said(&["trigger", "put", "one", &definition]);
        assert!(said(&["trigger", "list"]).contains("one"));
        assert!(said(&["backup", &copy]).contains("rows in"));
        std::fs::remove_dir_all(&copy).expect("a copy");
    }
    drop(gateway);
    let mut lost = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    lost.args(["watch", "--no-retry", "--url", &format!("unix:{}", socket.display())]);
    let Output { status, stderr, .. } = lost.output().expect("it runs");
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.code() == Some(1) && said.contains(&*socket.to_string_lossy()), "{said}");
}
