//! Faults of disk, clock and network: a library that is loaded before the gateway's C library, small disks, dead
//! addresses.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// What the library can be told while the gateway runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Milliseconds by which the wall clock is ahead.
    Clock = 0,
    /// Not 0: every sync fails.
    FailingSync = 1,
    /// Not 0: no sync is done, and each says that it was.
    LyingSync = 2,
    /// The one sync that fails, of those that are counted since the start.
    OneSync = 5,
    /// Milliseconds that each sync takes longer.
    SlowSync = 4,
}

/// The library's controls, and what a power cut would leave.
pub(crate) struct Faults {
    directory: TempDir,
    control: File,
}

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/fault.c");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fault-{}.so", std::process::id()));
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([library.as_path(), source.as_path(), Path::new("-ldl")])
        .status();
    assert!(built.expect("a C compiler").success(), "{}", source.display());
    library
});

impl Faults {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["data", "shadow"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let path = directory.path().join("control");
        let control = OpenOptions::new().create_new(true).read(true).write(true).open(path).expect("a file");
        control.set_len(64).expect("its size");
        Self { directory, control }
    }

    pub(crate) fn set(&self, fault: Fault, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), fault as u64 * 8).expect("it is written");
    }

    /// Syncs so far.
    pub(crate) fn syncs(&self) -> i64 {
        let mut value = [0; 8];
        self.control.read_exact_at(&mut value, 3 * 8).expect("it is read");
        i64::from_ne_bytes(value)
    }

    /// Where the gateway keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// What of it was synced.
    pub(crate) fn shadow(&self) -> PathBuf {
        self.directory.path().join("shadow")
    }

    /// The environment that loads the library.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        vec![
            ("LD_PRELOAD", text(LIBRARY.clone())),
            ("FAULT_CONTROL", text(self.directory.path().join("control"))),
            ("FAULT_ROOT", text(self.data())),
            ("FAULT_SHADOW", text(self.shadow())),
        ]
    }
}

/// The environment in which names have these addresses: `name=address,~milliseconds of silence;…`.
pub(crate) fn names(told: &str) -> [(&'static str, String); 2] {
    [("LD_PRELOAD", LIBRARY.to_string_lossy().into_owned()), ("FAULT_NAMES", told.to_owned())]
}

/// An address that takes no connection and refuses none: nobody accepts there, and the queue is full.
pub(crate) struct DeadAddress {
    _listener: Socket,
    _waiting: Vec<Socket>,
}

impl DeadAddress {
    pub(crate) fn at(address: SocketAddr) -> Self {
        let socket = || Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        let listener = socket();
        listener.bind(&address.into()).expect("a free port");
        listener.listen(0).expect("it listens");
        let mut waiting = Vec::new();
        loop {
            let next = socket();
            let connected = next.connect_timeout(&address.into(), Duration::from_millis(100)).is_ok();
            waiting.push(next);
            if !connected {
                return Self { _listener: listener, _waiting: waiting };
            }
        }
    }
}

/// A disk of so many megabytes, in memory.
pub(crate) struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// Mounts one, as root or with sudo.
    pub(crate) fn mount(megabytes: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let options = format!("size={megabytes}m,mode=1777");
        assert!(
            as_root(&["mount", "-t", "tmpfs", "-o", &options, "tagcast-test"], directory.path()),
            "a small disk is mounted for this test, which takes root or sudo without a password; where nobody may \
             mount one, leave these tests out: `-- --skip full_disk --skip can_only_be_read`"
        );
        Self { directory }
    }

    /// Lets nobody write to it any more.
    pub(crate) fn set_read_only(&self) {
        assert!(as_root(&["mount", "-o", "remount,ro"], self.path()), "it is mounted anew");
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Fills it until only so many megabytes are free, or frees what was filled.
    pub(crate) fn leave(&self, megabytes: Option<u64>) {
        let ballast = self.path().join("ballast");
        let Some(megabytes) = megabytes else {
            return fs::remove_file(ballast).expect("it was filled");
        };
        let found = rustix::fs::statvfs(self.path()).expect("a file system");
        let free = found.f_bavail * found.f_frsize;
        let file = OpenOptions::new().create(true).append(true).open(ballast).expect("a file");
        let more = free.saturating_sub(megabytes << 20);
        let end = file.metadata().expect("a file").len() + more;
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, end).expect("it fits");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        as_root(&["umount"], self.path());
    }
}

/// Runs a command that is root's with this path at its end; whether it went well.
fn as_root(command: &[&str], path: &Path) -> bool {
    let sudo: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["sudo", "-n"] };
    let words = [sudo, command].concat();
    Command::new(words[0]).args(&words[1..]).arg(path).status().is_ok_and(|status| status.success())
}
