//! What the gateway says of its settings: where a fault is, and never what stands there.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::until;

/// Each part of it would be found in what is said.
const SECRET: &str = "hush-5f3a9c";

fn serve(directory: &TempDir, settings: &str) -> Command {
    serve_at("127.0.0.1:0", directory, settings)
}

fn serve_at(listen: &str, directory: &TempDir, settings: &str) -> Command {
    let file = directory.path().join("settings.toml");
    std::fs::write(&file, settings).expect("the settings");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    command.args(["serve", "--listen", listen, "--data-dir"]).arg(directory.path().join("data"));
    command.arg("--config").arg(file);
    command
}

/// What a start with settings that can't be used says.
fn refused(settings: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let Output { status, stdout, stderr } =
        serve(&directory, settings).env_remove("TAGCAST_UNSET").output().expect("it runs");
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert_eq!(status.code(), Some(78), "{settings}: {said}");
    said
}

/// Settings, and the place that is told.
type Case = (String, &'static str);

fn source(rest: &str) -> String {
    format!("[[sources]]\nname = 'hub'\nkind = 'distribution'\n{rest}\n")
}

/// No TOML: in the line of a secret, on the way to it, behind it. And TOML of another form.
fn malformed() -> Vec<Case> {
    vec![
        // No TOML: in the line, on the way to it, behind it.
        (format!("[[readers]]\nname = 'r'\ntoken = '{SECRET}\n"), ".toml:3:"),
        (format!("[[readers]]\ntoken = \"{SECRET}\" x\n"), ".toml:2:"),
        (format!("[[readers]]\ntoken = {SECRET}\n"), ".toml:2:"),
        (format!("[[readers]]\ntoken = 'a'\ntoken = '{SECRET}'\n"), ".toml:3:"),
        (format!("[secrets]\nkey = \"\\{SECRET}\"\n"), ".toml:2:"),
        // TOML, and yet no settings.
        (format!("[log]\nmax_age = '{SECRET}'\n"), "log.max_age: "),
        (format!("[log]\nmax_size = '{SECRET}'\n"), "log.max_size: "),
        (format!("[log]\nstore = '{SECRET}'\n"), "log.store: "),
        (format!("[filters]\ntext = '{SECRET}'\n"), "filters.text: "),
        (format!("listen = '{SECRET}'\n"), "listen: "),
        (format!("readers = '{SECRET}'\n"), "readers: "),
        (format!("[http]\ntrusted_proxies = ['{SECRET}']\n"), "http.trusted_proxies"),
        (format!("[[readers]]\nname = 'r'\ntoken = ['{SECRET}']\n"), "readers[0] 'r': token: "),
        (format!("[[readers]]\nname = 'r'\ntoken = {{ enw = '{SECRET}' }}\n"), "readers[0] 'r': token: "),
        (format!("[[sources]]\nname = 'hub'\nkind = '{SECRET}'\n"), "sources[0] 'hub': kind: "),
        (source(&format!("rate = '{SECRET}'")), "sources[0] 'hub': rate: "),
        (source(&format!("credentials = '{SECRET}'")), "sources[0] 'hub': credentials: "),
        (source(&format!("credentials = ['{SECRET}']")), "sources[0] 'hub': credentials[0]"),
        (
            source(&format!("credentials = [{{ bearer = '{SECRET}', x = 1 }}]")),
            "sources[0] 'hub': credentials[0]",
        ),
    ]
}

/// Settings that don't fit.
fn misfits() -> Vec<Case> {
    vec![
        (
            source(&format!("credentials = [{{ header = 'a {SECRET}', value = 'x' }}]")),
            "sources[0] 'hub': credentials[0]",
        ),
        (source(&format!("credentials = [{{ basic = '{SECRET}' }}]")), "sources[0] 'hub': credentials[0]"),
        (
            source(&format!("credentials = [{{ signature = '{SECRET}' }}]")),
            "sources[0] 'hub': credentials[0]",
        ),
        (
            source(&format!("credentials = [{{ bearer = {{ env = '{SECRET}' }} }}]")),
            "sources[0] 'hub': credentials[0]",
        ),
        (
            source(&format!("credentials = [{{ bearer = {{ file = '{SECRET}' }} }}]")),
            "sources[0] 'hub': credentials[0]",
        ),
        (source(&format!("time_zone = '{SECRET}'")), "sources[0] 'hub': time_zone: "),
        (source(&format!("[sources.api]\nurl = '{SECRET}'")), "sources[0] 'hub': api.url: "),
        (format!("[[readers]]\nname = 'r'\ntoken = '{SECRET}'\n"), "readers[0] 'r': token: "),
        (format!("[secrets]\nkey = '{SECRET}'\n"), "secrets.key: "),
        (format!("[http]\nallowed_origins = ['https://{SECRET}/x']\n"), "http.allowed_origins"),
        (
            format!(
                "[[triggers]]\nname = 't'\nfilter = true\n[triggers.target.http]\nurl = 'ftp://x/{SECRET}'\n"
            ),
            "triggers[0] 't': target.http.url: ",
        ),
        (
            format!(
                "[[triggers]]\nname = 't'\nfilter = true\n[triggers.target.http]\nurl = 'https://example.com/'\n\
                 signing_secret = '{SECRET}'\n"
            ),
            "triggers[0] 't': target.http.signing_secret: ",
        ),
    ]
}

#[test]
fn an_error_of_the_settings_tells_the_place_and_not_the_line() {
    for (settings, place) in malformed().into_iter().chain(misfits()) {
        let said = refused(&settings);
        let found = SECRET.split('-').find(|part| said.contains(part));
        // An origin is no secret, and is told so that it can be found.
        assert!(found.is_none() || place == "http.allowed_origins", "{settings}{said}");
        assert!(said.contains(place), "{settings}{said}");
        assert!(!said.contains("enum ") && !said.contains("Config"), "a type of ours: {said}");
    }
}

#[test]
fn a_value_that_makes_no_sense_is_refused() {
    for (section, key, value) in [
        ("ingest", "ack_deadline", "'0s'"),
        ("http", "body_time", "'0s'"),
        ("http", "header_time", "'0s'"),
        ("http", "wrong_credentials_per_second", "0"),
        ("log", "max_size", "'0B'"),
        ("log", "max_age", "'0s'"),
        ("log", "segment", "0"),
        ("connections", "total", "0"),
        ("connections", "lifetime", "'0s'"),
    ] {
        let said = refused(&format!("[{section}]\n{key} = {value}\n"));
        assert!(said.contains(&format!("{section}.{key}")), "{said}");
    }
}

#[test]
fn a_secret_that_a_network_could_guess_is_refused() {
    let open = format!("[[readers]]\nname = 'r'\ntoken = '{}'\n", "x".repeat(32));
    let start = |listen: &str, credential: &str| {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = format!(
            "{open}[[sources]]\nname = 'hub'\nkind = 'gitea'\ncredentials = [{{ bearer = 'long-enough-for-all' }}, \
             {{ {credential} }}]\n"
        );
        // Where nothing is wrong it could not listen there: a port that is taken.
        let output = serve_at(listen, &directory, &settings).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let taken = |address: &str| {
        let listener = std::net::TcpListener::bind((address, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        (listener, format!("{address}:{port}"))
    };
    let (_public, public) = taken("0.0.0.0");
    let (_loopback, loopback) = taken("127.0.0.1");
    for credential in [
        "bearer = 'fifteen-bytes-1'",
        "header = 'X-Secret', value = 'fifteen-bytes-1'",
        "header = 'Authorization', value = 'Bearer fifteen-bytes-1'",
        "header = 'X-Token', value = 'Bearer fifteen-bytes-1'",
        "query = 'secret', value = 'fifteen-bytes-1'",
        "basic = 'a-long-user-name:fifteen-bytes-1'",
        "signature = 'fifteen-bytes-1'",
    ] {
        let (code, said) = start(&public, credential);
        assert_eq!(code, Some(78), "{credential}: {said}");
        let place = "sources[0] 'hub': credentials[1]: a secret has at least 16 bytes";
        assert!(said.contains(place) && !said.contains("fifteen"), "{said}");
        assert_eq!(start(&loopback, credential).0, Some(71), "{credential}");
        let longer = credential.replace("fifteen-bytes-1", "sixteen-bytes-12");
        assert_eq!(start(&public, &longer).0, Some(71), "{longer}");
    }
}

#[test]
fn a_file_with_secrets_that_everyone_may_read_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let (token, key) = (directory.path().join("token"), directory.path().join("key"));
    std::fs::write(&token, "x".repeat(32)).expect("a file");
    std::fs::write(&key, "a".repeat(64)).expect("a file");
    let settings = format!(
        "[secrets]\nkey = {{ file = '{}' }}\n[[readers]]\nname = 'r'\ntoken = {{ file = '{}' }}\n",
        key.display(),
        token.display()
    );
    let mode = |file: &Path, mode| {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("its mode");
    };
    for (modes, told) in [([0o600, 0o600, 0o600], 0), ([0o640, 0o604, 0o644], 2), ([0o644, 0o640, 0o600], 1)]
    {
        let said = directory.path().join("said");
        let mut command = serve(&directory, &settings);
        let files = [directory.path().join("settings.toml"), token.clone(), key.clone()];
        for (file, modes) in files.iter().zip(modes) {
            mode(file, modes);
        }
        let out = std::fs::File::create(&said).expect("a file");
        let mut gateway =
            command.stdout(out.try_clone().expect("a file")).stderr(out).spawn().expect("it runs");
        let text = || std::fs::read_to_string(&said).unwrap_or_default();
        until("it listens", || text().contains("is listening"));
        gateway.kill().expect("it runs");
        gateway.wait().expect("it ends");
        let lines: Vec<_> =
            text().lines().filter(|line| line.contains("chmod o-r")).map(str::to_owned).collect();
        assert_eq!(lines.len(), told, "{lines:?}");
        for (file, modes) in files.iter().zip(modes) {
            let is_told = lines.iter().any(|line| line.contains(&format!("\"{}\"", file.display())));
            assert_eq!(is_told, modes & 0o004 != 0, "{}: {lines:?}", file.display());
        }
    }
}
