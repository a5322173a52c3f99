//! CPU time and memory of processes and of the kernel, from `/proc`, and the CPUs that a process may use.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::clock::float;

/// Whose CPU and memory are looked at.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    /// The server, which may be started anew; 0: unknown.
    pub server: Arc<AtomicU32>,
    /// Processes of ours beside this one.
    pub helpers: Vec<u32>,
}

impl Processes {
    /// The server, if it is known.
    pub fn server(&self) -> Option<u32> {
        Some(self.server.load(Ordering::Relaxed)).filter(|&pid| pid > 0)
    }

    /// CPU time of all that is ours, in seconds. A helper that has ended counts no more.
    pub fn own_cpu(&self) -> f64 {
        let own = std::iter::once(None).chain(self.helpers.iter().copied().map(Some));
        own.filter_map(|pid| usage(pid).ok()).map(|usage| usage.cpu).sum()
    }
}

/// What a process has used since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Seconds of CPU time, its own and the kernel's for it.
    pub cpu: f64,
    /// Resident memory now, in bytes.
    pub resident: u64,
    /// The most it ever was, since the mark was set back.
    pub peak: u64,
}

/// Reads what a process has used; `None`: this one.
///
/// # Errors
///
/// If there is no such process.
pub fn usage(pid: Option<u32>) -> anyhow::Result<Usage> {
    let folder = pid.map_or_else(|| "/proc/self".to_owned(), |pid| format!("/proc/{pid}"));
    let status = read(&format!("{folder}/status"))?;
    let ticks = ticks(&read(&format!("{folder}/stat"))?).context("the form of /proc/PID/stat")?;
    Ok(Usage {
        cpu: float(ticks) / float(clock_ticks_per_second()),
        resident: field(&status, "VmRSS:"),
        peak: field(&status, "VmHWM:"),
    })
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident, shared libraries included.
    pub resident: u64,
    /// Resident and its own: heap and stacks.
    pub anonymous: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// Reads it. Precise, and so not for every second: it walks all pages.
///
/// # Errors
///
/// If there is no such process, or it is somebody else's.
pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let rollup = read(&format!("/proc/{pid}/smaps_rollup"))?;
    let (resident, anonymous) = (field(&rollup, "Rss:"), field(&rollup, "Anonymous:"));
    Ok(Memory { resident, anonymous, descriptors: descriptors(pid) })
}

/// Open descriptors of a process.
pub fn descriptors(pid: u32) -> u64 {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |all| all.count() as u64)
}

/// Sets the mark of the most memory back to what it is now; false where the system does not let us.
pub fn forget_peak(pid: u32) -> bool {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").is_ok()
}

/// Memory of the kernel, in bytes: of everybody on this machine, both ends of a connection included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelMemory {
    /// Objects of fixed size: sockets, inodes, entries of epoll.
    pub slab: u64,
    /// What waits in TCP's queues.
    pub tcp: u64,
}

/// Reads it.
///
/// # Errors
///
/// Where `/proc` is not as Linux has it.
pub fn kernel_memory() -> anyhow::Result<KernelMemory> {
    let pages = tcp_pages(&read("/proc/net/sockstat")?).unwrap_or(0);
    Ok(KernelMemory { slab: field(&read("/proc/meminfo")?, "Slab:"), tcp: pages * page_size() as u64 })
}

fn read(file: &str) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| file.to_owned())
}

/// User and system time of `/proc/PID/stat`. The name, which may hold anything, ends at the last parenthesis.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// A field that is told in kB.
fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0) * 1024
}

fn tcp_pages(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find(|line| line.starts_with("TCP:"))?;
    line.split_whitespace().skip_while(|&word| word != "mem").nth(1)?.parse().ok()
}

/// Where this process might run before it was pinned: its children get that back.
static BEFORE: OnceLock<CpuSet> = OnceLock::new();

/// Keeps a process, with all threads it has, on these CPUs; `None`: this one. Empty: where this one was to begin with.
///
/// # Errors
///
/// The system's.
pub fn pin(pid: Option<u32>, cpus: &[usize]) -> anyhow::Result<()> {
    let own = sched_getaffinity(None)?;
    let mut set = *BEFORE.get_or_init(|| own);
    if !cpus.is_empty() {
        set.clear();
        for &cpu in cpus {
            set.set(cpu);
        }
    }
    let folder = pid.map_or_else(|| "/proc/self/task".to_owned(), |pid| format!("/proc/{pid}/task"));
    for task in fs::read_dir(&folder).with_context(|| folder.clone())? {
        let task = task?.file_name().to_string_lossy().parse()?;
        sched_setaffinity(Pid::from_raw(task), &set)
            .with_context(|| format!("can't pin to CPUs {cpus:?}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_of_proc() {
        assert_eq!(ticks("1 (a) b) S 1 1 1 0 -1 4 5 6 7 8 30 12 0 0"), Some(42));
        assert_eq!(field("VmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n", "VmRSS:"), 1 << 20);
        assert_eq!(field("Rss:   2 kB\nAnonymous:  1 kB\n", "Anonymous:"), 1024);
        let sockstat = "sockets: used 9\nTCP: inuse 4 orphan 0 tw 2 alloc 5 mem 17\nUDP: inuse 1 mem 3\n";
        assert_eq!(tcp_pages(sockstat), Some(17));
    }

    #[test]
    fn reads_its_own() {
        let own = memory(std::process::id()).unwrap();
        assert!(own.resident >= own.anonymous && own.anonymous > 0 && own.descriptors > 2, "{own:?}");
        assert!(kernel_memory().unwrap().slab > 0 && usage(None).unwrap().peak > 0);
    }
}
