//! All that is wrong with the settings is told at once, wherever it was given; nothing that can't work starts.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A settings file with a fault in the file, in the environment and in options.
const FAULTY: &str = "\
[connections]
lifetime = '0s'
total = 0
ping = '2m'
outbux = 5
[http]
body = '1TiB'
[[readers]]
name = ' '
token = '0123456789abcdef0123456789abcdef '
[log]
segment = 1
";

struct Place {
    directory: TempDir,
}

impl Place {
    fn new(settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("tagcast.toml"), settings).expect("the settings");
        Self { directory }
    }

    fn file(&self) -> String {
        self.directory.path().join("tagcast.toml").display().to_string()
    }

    /// Runs `tagcast serve` there; its exit code, and what it says.
    fn serve(&self, options: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
        command.arg("serve").args(options).envs(variables.iter().copied()).current_dir(self.directory.path());
        let Output { status, stdout, stderr } = command.output().expect("it runs");
        (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    }
}

#[test]
fn every_fault_is_a_line_with_its_place() {
    let place = Place::new(FAULTY);
    let file = place.file();
    let variables = [("TAGCAST_LISTEN", "nowhere"), ("TAGCAST_CONFIG", file.as_str())];
    for check in [&["--log", "bogus=="][..], &["--log", "bogus==", "--check"]] {
        let (code, said) = place.serve(check, &variables);
        assert_eq!(code, Some(78), "{said}");
        let lines: Vec<_> = said.lines().skip_while(|line| !line.starts_with("tagcast: ")).collect();
        let expected = [
            "tagcast: 10 faults in the settings:".to_owned(),
            format!("{file}:2:12: connections.lifetime: must be from 1s to 36500d, and is 0s"),
            format!("{file}:3:9: connections.total: must be from 1 to 10000000, and is 0"),
            format!("{file}:4:8: connections.ping: must be from 1s to 50s, and is 2m"),
            format!("{file}:5:1: connections.outbux: there is no such setting; did you mean \"outbox\"?"),
            format!("{file}:7:8: http.body: must be from 1KiB to 256MiB, and is 1TiB"),
            format!("{file}:9:8: readers[0]: name: must not be empty, nor have a space at its ends"),
            format!(
                "{file}:10:9: readers[0]: token: has a space or a line's end at its start or end, which no header can \
                 show"
            ),
            format!("{file}:12:11: log.segment: must be from 1KiB to 1TiB, and is 1B"),
            "TAGCAST_LISTEN: listen[0]: an address is written 127.0.0.1:8080, [::1]:8080 or unix:/run/tagcast.sock"
                .to_owned(),
            "--log: 'bogus==' is neither a level (error, warn, info, debug) nor MODULE=LEVEL".to_owned(),
        ];
        assert_eq!(lines, expected);
    }
}

#[test]
fn what_options_and_variables_say_is_refused_like_a_file() {
    let place = Place::new("");
    for (options, variables, code, why) in [
        (&["--listen", "nowhere"][..], &[][..], 2, "--listen: listen[0]: an address is written "),
        (&["--listen", ""], &[], 2, "--listen: is empty"),
        (&["--data-dir", " "], &[], 2, "--data-dir: is empty"),
        (&["--log", "info,wran"], &[], 2, "--log: 'wran' is neither a level "),
        (&[], &[("TAGCAST_LOG", "tagcast=dbug")], 78, "did you mean \"debug\"?"),
        (&[], &[("TAGCAST_LISTEN", "127.0.0.1:0,nowhere")], 78, "TAGCAST_LISTEN: listen[1]: "),
        (&[], &[("TAGCAST_DATA_DIR", "")], 78, "TAGCAST_DATA_DIR: is empty"),
        (&["--config", "none.toml"], &[], 78, "none.toml: No such file or directory"),
        (&["--config", "."], &[], 78, ".: Is a directory"),
        (
            &["--listen", "0.0.0.0:0", "--config", "tagcast.toml"],
            &[],
            78,
            "tagcast.toml: listen: 0.0.0.0:0 is not loopback",
        ),
        (&["--listen", "0.0.0.0:0"], &[], 78, "the settings: listen: 0.0.0.0:0 is not loopback"),
    ] {
        let (ended, said) = place.serve(options, variables);
        assert_eq!(ended, Some(code), "{options:?} {variables:?}: {said}");
        assert!(said.contains(why), "{options:?} {variables:?}: {said}");
    }
}

#[test]
fn good_settings_can_be_checked_without_a_start() {
    let place = Place::new("[log]\nmax_age = '1h'\n[secrets]\nkey = { env = 'KEY' }\n");
    let check = ["--check", "--config", "tagcast.toml"];
    let key = "1".repeat(64);
    let (code, said) =
        place.serve(&check, &[("KEY", &key), ("TAGCAST_LISTN", "127.0.0.1:1"), ("TAGCAST_PORT", "x")]);
    assert!(code == Some(0) && said.contains("the settings can be used"), "{said}");
    assert!(
        said.contains("TAGCAST_LISTN") && said.contains("TAGCAST_LISTEN") && !said.contains("TAGCAST_PORT"),
        "{said}"
    );
    assert!(!Path::new(&place.file()).with_file_name("data").exists(), "nothing was made");
    let (code, said) = place.serve(&check, &[]);
    assert!(
        code == Some(78) && said.contains("tagcast.toml:4:7: secrets.key: the environment's KEY is not set"),
        "{said}"
    );
    let manual = Command::new(env!("CARGO_BIN_EXE_tagcast")).arg("config").output().expect("it runs").stdout;
    let (code, said) = Place::new(&String::from_utf8(manual).expect("text")).serve(&check, &[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let place = Place::new("");
    std::fs::write(place.file(), b"listen = '\xff'").expect("the settings");
    let (code, said) = place.serve(&["--config", "tagcast.toml"], &[]);
    assert!(code == Some(78) && said.contains("tagcast.toml: is no UTF-8"), "{said}");
}

/// A command's exit code, and what it says.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    let Output { status, stdout, stderr } =
        command.args(arguments).envs(variables.iter().copied()).output().expect("it runs");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn other_commands_say_what_was_meant() {
    for (arguments, variables, code, why) in [
        (&["source", "test", "distribtuion", "/dev/null"][..], &[][..], 64, "did you mean \"distribution\"?"),
        (&["source", "example", "quayy"], &[], 64, "did you mean \"quay\"?"),
        (&["filter", "check", "--event-type-prefix", "", "true"], &[], 2, "must be 1 to 256 letters"),
        (&["filter", "check", "true"], &[("TAGCAST_TOKN", "x")], 0, "did you mean TAGCAST_TOKEN?"),
    ] {
        let (ended, said) = run(arguments, variables);
        assert!(ended == Some(code) && said.contains(why), "{arguments:?}: {ended:?} {said}");
    }
    let (code, said) = run(&["filter", "check", "true"], &[("TAGCAST_KEY", "x")]);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "true\n"),
        "what only the settings may name is nobody's concern"
    );
}
