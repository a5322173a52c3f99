//! Proxies that others wrote, set up as `docs/operations.md` says.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::until;

/// Which proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
    Caddy,
}

/// A running proxy; ended when dropped.
pub(crate) struct Proxy {
    /// Host and port where it speaks plain HTTP.
    pub(crate) address: String,
    /// `https://` with a name of its certificate.
    pub(crate) https: String,
    process: Child,
    _directory: TempDir,
}

/// Of its certificate.
pub(crate) fn authority() -> String {
    format!("{}/tests/fixtures/tls/proxy-ca.pem", env!("CARGO_MANIFEST_DIR"))
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Nginx, Self::HaProxy, Self::Caddy];

    /// Its settings as the page has them.
    pub(crate) fn snippet(self) -> String {
        let fence = match self {
            Self::Nginx => "```nginx\n",
            Self::HaProxy => "```haproxy\n",
            Self::Caddy => "```caddyfile\n",
        };
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md"));
        let page = page.expect("the page");
        let (_, rest) = page.split_once(fence).expect("a snippet");
        rest.split_once("```").expect("its end").0.to_owned()
    }

    /// Adds what is the test's: ports, paths, and a second door without TLS.
    fn settings(self, snippet: &str, gateway: &str, ports: [u16; 2], at: &Path) -> String {
        let [plain, tls] = ports;
        let at = at.display();
        let snippet = snippet.replace("127.0.0.1:8080", gateway);
        match self {
            Self::Nginx => {
                let snippet = snippet
                    .replace(
                        "listen 443 ssl;",
                        &format!("listen 127.0.0.1:{tls} ssl; listen 127.0.0.1:{plain};"),
                    )
                    .replace("/etc/ssl/tagcast", &format!("{at}/tagcast"));
                let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|name| format!("{name}_temp_path {at}/{name};\n"));
                format!(
                    "daemon off;\nmaster_process off;\nerror_log stderr error;\npid {at}/pid;\nevents {{ worker_connections 1024; }}\n\
                     http {{\naccess_log off;\n{}{snippet}}}\n",
                    paths.concat()
                )
            }
            Self::HaProxy => snippet
                .replace("bind :443", &format!("bind 127.0.0.1:{plain}\n    bind 127.0.0.1:{tls}"))
                .replace("/etc/haproxy/", &format!("{at}/")),
            Self::Caddy => {
                let site = |address: &str| snippet.replace("tagcast.example.com {", address);
                format!(
                    "{{\n\tadmin off\n\tauto_https disable_redirects\n\tlog {{\n\t\tlevel ERROR\n\t}}\n}}\n{}{}",
                    site(&format!("http://localhost:{plain} {{")),
                    site(&format!("https://localhost:{tls} {{\n\ttls {at}/tagcast.pem {at}/tagcast.key")),
                )
            }
        }
    }

    fn command(self, settings: &Path) -> Command {
        let program = match self {
            Self::Nginx => "/usr/sbin/nginx",
            Self::HaProxy => "/usr/sbin/haproxy",
            Self::Caddy => "caddy",
        };
        let mut command = Command::new(program);
        match self {
            Self::Nginx => {
                command.arg("-p").arg(settings.parent().expect("a folder")).arg("-c").arg(settings)
            }
            Self::HaProxy => command.arg("-db").arg("-f").arg(settings),
            Self::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(settings),
        };
        command
    }
}

impl Proxy {
    /// One in front of `gateway`, host and port, as the page says.
    pub(crate) fn start(kind: Kind, gateway: &str) -> Self {
        Self::with(kind, &kind.snippet(), gateway)
    }

    /// The same with other settings.
    pub(crate) fn with(kind: Kind, snippet: &str, gateway: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = directory.path();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
        let read = |name: &str| fs::read_to_string(fixtures.join(name)).expect("a fixture");
        // HAProxy has the key beside its certificate; where nginx and Caddy find it there, they pass it over.
        fs::write(at.join("tagcast.pem"), read("proxy.pem") + &read("proxy.key")).expect("a file");
        fs::write(at.join("tagcast.key"), read("proxy.key")).expect("a file");
        let ports = free_ports();
        let path = at.join("settings");
        fs::write(&path, kind.settings(snippet, gateway, ports, at)).expect("a file");
        let home = at.join("home");
        let mut command = kind.command(&path);
        command.env("HOME", &home).env("XDG_DATA_HOME", &home).env("XDG_CONFIG_HOME", &home);
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        let process = command.spawn();
        let process =
            process.unwrap_or_else(|error| panic!("{kind:?}: {error}; `make test-tools` installs it"));
        let [plain, tls] = ports;
        let mut proxy = Self {
            address: format!("127.0.0.1:{plain}"),
            https: format!("https://localhost:{tls}"),
            process,
            _directory: directory,
        };
        until("the proxy listens", || {
            let ended = proxy.process.try_wait().expect("a child");
            assert!(ended.is_none(), "{kind:?} does not take its settings");
            TcpStream::connect(("127.0.0.1", tls)).is_ok()
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two ports that nobody has at this moment.
fn free_ports() -> [u16; 2] {
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    taken.map(|listener| listener.local_addr().expect("an address").port())
}
