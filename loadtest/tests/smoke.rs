//! Every workload once, small and short, against the real gateway; and a server that loses events, which a run must tell.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use serde_json::Value;

const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");

/// A run: its exit code, what it wrote as JSON, as a page, and what it said.
struct Ran {
    code: Option<i32>,
    report: Value,
    page: String,
    said: String,
}

/// Runs a workload, given as words.
fn run(arguments: &str) -> Ran {
    let folder = std::env::temp_dir().join(format!("loadtest-smoke-{:016x}", rand::random::<u64>()));
    std::fs::create_dir(&folder).unwrap();
    let file = |name: &str| folder.join(name);
    let mut command = Command::new(LOADTEST);
    command.args(arguments.split(' ')).arg("--quiet");
    command.arg("--json").arg(file("report.json")).arg("--html").arg(file("report.html"));
    let output = command.output().unwrap();
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
    let (json, page) = (read("report.json"), read("report.html"));
    std::fs::remove_dir_all(&folder).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        code: output.status.code(),
        report: serde_json::from_str(&json).unwrap_or_default(),
        page,
        said: text(&output.stdout) + &text(&output.stderr),
    }
}

/// The gateway must stand beside the harness; a test-suite of one package does not build that of another.
fn build_gateway() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(root).args(["build", "--quiet", "--locked", "--bin", "tagcast"]);
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        assert!(command.status().unwrap().success(), "tagcast can't be built");
    });
}

/// Runs a workload on a gateway of its own: nothing may be wrong, and these figures must be there and not 0.
fn good(arguments: &str, figures: &[&str]) {
    build_gateway();
    let ran = run(arguments);
    let Ran { code, report, page, said } = &ran;
    assert_eq!(*code, Some(0), "{arguments}: {said}");
    assert_eq!(report["faults"], Value::Array(Vec::new()), "{arguments}");
    let checks = report["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(!checks.is_empty(), "{arguments}: {report}");
    // What the workload says that it tells, bars and tables look for.
    assert!(!checks.iter().any(|check| check[0] == "not measured"), "{arguments}: {checks:?}");
    for name in figures {
        let value = figure(report, name);
        assert!(value.is_some_and(|value| value > 0.0), "{arguments}: {name} is {value:?}");
        assert!(page.contains(name) && said.contains(name), "{name}");
    }
}

fn figure(report: &Value, name: &str) -> Option<f64> {
    let figures = report["figures"].as_array()?;
    figures.iter().find(|figure| figure["name"] == name)?["value"].as_f64()
}

#[test]
fn fanout() {
    good(
        "fanout --start -c 50 -w 8 -s 1 --warmup 0 --batch-size 3",
        &["subscribed", "deliveries/s", "server CPU", "client CPU", "server memory"],
    );
    good("fanout --start -c 20 --isolated 3", &["last one reached"]);
}

#[test]
fn fanout_from_processes_and_addresses_with_a_window() {
    good(
        "fanout --start -c 31 --processes 3 --addresses 3 --rate 100 -s 1 --warmup 0 --cutoff 20ms",
        &["deliveries/s", "CPU of readers' processes"],
    );
}

#[test]
fn filters() {
    good("filters --start -c 40 --filters 20 --rate 100 -s 1 --warmup 0", &["deliveries/s"]);
}

#[test]
fn latency() {
    good("latency --start -c 5 --rate 50 -s 1 --warmup 0", &["p99"]);
}

#[test]
fn storm() {
    good("storm --start -c 20 --posts 4 --per-post 25 --storms 2", &["all have all", "deliveries/s"]);
}

#[test]
fn idle() {
    good("idle --start -c 100 -s 1", &["server memory", "server descriptors"]);
}

#[test]
fn reconnect() {
    good("reconnect --start -c 40 --rate 50 --times 2 --every 1", &["came back"]);
}

#[test]
fn slow() {
    good(
        "slow --start -c 20 --share 10 --rate 50 -s 1 --warmup 0",
        &["p99 before", "others' p99 while some are stopped"],
    );
}

#[test]
fn triggers() {
    good("triggers --start -t 20 -r 10 --rate 100 -s 1 --warmup 0 --cutoff 20ms", &["deliveries/s"]);
    good(
        "triggers --start -t 20 -r 10 --burst 30 --batch-size 1 --slow 1",
        &["deliveries/s", "server CPU of a delivery"],
    );
}

#[test]
fn ingest() {
    good("ingest --start -c 4 -s 1 --warmup 0", &["notifications/s", "replay"]);
    good("ingest --start -c 4 -s 1 --warmup 0 --rate 100 --shape blob --per-post 5", &["notifications/s"]);
}

#[test]
fn soak() {
    good(
        "soak -c 20 --rate 50 -s 8 --every 1 --cutoff 20ms",
        &["gateway killed", "gateway stopped and started"],
    );
}

/// A bare sender that loses events.
struct Loser(Child);

impl Drop for Loser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_is_lost_is_told_and_fails_the_run() {
    let limit = |lose: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_limit"));
        let mut child = command.args(["--lose", lose]).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        (Loser(child), format!("fanout --url http://{} -c 3 --rate 50 -s 1 --warmup 0", address.trim()))
    };
    let (_sender, arguments) = limit("0");
    let whole = run(&arguments);
    assert_eq!(whole.code, Some(0), "{}", whole.said);
    let (_sender, arguments) = limit("7");
    let lossy = run(&arguments);
    assert_eq!(lossy.code, Some(1), "{}", lossy.said);
    // 50 events, of which every seventh never came.
    assert!(lossy.said.contains("FAULT 50 events to each of 3 connections: lost 21,"), "{}", lossy.said);
}

#[test]
fn what_can_not_be_run_is_told() {
    let ran = run("fanout --url http://127.0.0.1:1 -c 1");
    assert_eq!(ran.code, Some(2), "{}", ran.said);
    assert!(ran.said.contains("loadtest: "), "{}", ran.said);
    assert_eq!(run("soak --start -s 8 --every 1").code, Some(2));
}
