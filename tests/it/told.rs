//! What ends a command from outside: a signal, also where it is the first process of a container, and a consumer that
//! is gone.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::target::Target;
use crate::support::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tagcast");

struct Killed(Child);

impl Killed {
    /// Its exit code, when it ends; it is asked to again and again.
    fn code_after(mut self, mut ask: impl FnMut()) -> Option<i32> {
        let mut code = None;
        until("it ends", || {
            ask();
            code = self.0.try_wait().expect("a process");
            code.is_some()
        });
        code.and_then(|status| status.code())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn terminate(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a number"));
    let _ = rustix::process::kill_process(pid.expect("not 0"), rustix::process::Signal::TERM);
}

/// Words that make a command the first process of a name space of its own; none where nobody may.
fn as_first() -> Option<Vec<&'static str>> {
    let ways: [&[&str]; 2] = [&["unshare"], &["unshare", "--user", "--map-root-user"]];
    let whole = |way: &[&'static str]| [way, &["--pid", "--fork", "--kill-child"]].concat();
    let works = |way: &Vec<&str>| {
        let tried = Command::new(way[0]).args(&way[1..]).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    ways.into_iter().map(whole).find(works)
}

/// The first process there, once it listens for SIGTERM: one that comes while the system makes its threads may end it as
/// any other process.
fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let child = children.split_whitespace().next()?.parse().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{child}/status")).ok()?;
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
    let caught = u64::from_str_radix(caught.trim(), 16).ok()?;
    (caught & (1 << 14) != 0).then_some(child)
}

#[test]
fn the_first_process_of_a_container_ends_when_it_is_told() {
    let Some(way) = as_first() else {
        eprintln!("left out: nobody may make a name space here");
        return;
    };
    let (gateway, target, directory) = (Gateway::start(), Target::start(), tempfile::tempdir().unwrap());
    let (url, place) = (gateway.url(), directory.path().join("place"));
    let place = place.to_str().expect("text");
    for (words, code) in [
        (&["watch", "--url", &url][..], 0),
        (&["watch", "--url", "http://127.0.0.1:1"], 0),
        (&["forward", "--url", &url, "--to", &target.url, "--position", place], 0),
        (&["filter", "test", "true", "-"], 143),
    ] {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).arg(PROGRAM).args(words).stdin(Stdio::piped()).stdout(Stdio::null());
        let process = Killed(command.stderr(Stdio::null()).spawn().expect("it runs"));
        let pid = process.0.id();
        until("it listens for signals", || child_of(pid).is_some());
        let child = child_of(pid).expect("it is there");
        assert_eq!(process.code_after(|| terminate(child)), Some(code), "{words:?}");
    }
}

#[test]
fn who_waits_for_a_slow_consumer_ends_when_it_is_told() {
    let gateway = Gateway::start();
    for n in 0..200 {
        gateway.notify(new_image(n));
    }
    let mut command = Command::new(PROGRAM);
    command.args(["watch", "--url", &gateway.url(), "--after", "earliest"]).stdout(Stdio::piped());
    let mut watch = Killed(command.spawn().expect("it runs"));
    let mut out = BufReader::with_capacity(64, watch.0.stdout.take().expect("a pipe"));
    out.read_line(&mut String::new()).expect("a line");
    // More than the pipe holds is there, and nobody takes it.
    std::thread::sleep(Duration::from_millis(200));
    let pid = watch.0.id();
    assert_eq!(watch.code_after(|| terminate(pid)), Some(0));
}

/// A pipe and a socket, whose other ends are given too.
fn outputs() -> [(Stdio, OwnedFd); 2] {
    let (reader, writer) = io::pipe().expect("a pipe");
    let (one, other) = UnixStream::pair().expect("sockets");
    [(writer.into(), reader.into()), (OwnedFd::from(one).into(), other.into())]
}

#[test]
fn a_copy_that_is_cut_short_is_removed() {
    let gateway = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", gateway.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let (mut tcp, _) = gateway.accept().expect("the command");
        let _ = tcp.read(&mut [0; 4_096]);
        let _ = tcp.write_all(b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n");
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("copy");
    let mut command = Command::new(PROGRAM);
    let backup = Killed(command.arg("backup").arg(&copy).args(["--url", &url]).spawn().expect("it runs"));
    until("it begins", || copy.join("store.partial").exists());
    let pid = backup.0.id();
    assert_eq!(backup.code_after(|| terminate(pid)), Some(143));
    assert_eq!(copy.read_dir().expect("the folder").count(), 0);
}

#[test]
fn a_consumer_that_is_gone_is_noticed_though_no_event_comes() {
    let gateway = Gateway::start();
    for (out, consumer) in outputs() {
        let mut command = Command::new(PROGRAM);
        let watch = command.args(["watch", "--url", &gateway.url()]).stdout(out).spawn().expect("it runs");
        // It holds the other copy of the end that it writes to.
        drop(command);
        until("it listens", || gateway.get("/v1/connections").json()["total"] == 1);
        drop(consumer);
        assert_eq!(Killed(watch).code_after(|| ()), Some(0));
        until("it left", || gateway.get("/v1/connections").json()["total"] == 0);
    }
}

#[test]
fn nothing_panics_or_changes_its_code_because_nobody_reads() {
    let gateway = Gateway::start();
    let url = gateway.url();
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    for (words, code) in [
        (&["config"][..], 0),
        (&["source", "kinds"], 0),
        (&["source", "example"], 0),
        (&["filter", "check", "tag == 'a'"], 0),
        (&["filter", "check", "tag ="], 2),
        (&["trigger", "list", "--url", &url], 0),
        (&["trigger", "show", "none", "--url", &url], 1),
        (&["verify", "--data-dir", missing.to_str().expect("text")], 74),
    ] {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let (mut told, error) = io::pipe().expect("a pipe");
        let mut command = Command::new(PROGRAM);
        let status = command.args(words).stdout(writer).stderr(error).status().expect("it runs");
        drop(command);
        let mut text = String::new();
        told.read_to_string(&mut text).expect("text");
        assert!(status.code() == Some(code) && !text.contains("panicked"), "{words:?}: {status} {text}");
    }
}
