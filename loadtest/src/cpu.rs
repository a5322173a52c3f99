//! CPU time and memory of processes, from `/proc`, and the CPUs that they may use.

use std::fs;
use std::sync::OnceLock;

use anyhow::Context as _;
use rustix::param::clock_ticks_per_second;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::clock::float;

/// What a process has used since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Seconds of CPU time, its own and the kernel's for it.
    pub cpu: f64,
    /// Resident memory now, in bytes.
    pub resident: u64,
    /// The most it ever was.
    pub peak: u64,
}

/// Reads what a process has used; `None`: this one.
///
/// # Errors
///
/// If there is no such process.
pub fn usage(pid: Option<u32>) -> anyhow::Result<Usage> {
    let folder = pid.map_or_else(|| "/proc/self".to_owned(), |pid| format!("/proc/{pid}"));
    let read = |file: &str| {
        fs::read_to_string(format!("{folder}/{file}")).with_context(|| format!("{folder}/{file}"))
    };
    let status = read("status")?;
    Ok(Usage {
        cpu: float(ticks(&read("stat")?).context("the form of /proc/PID/stat")?)
            / float(clock_ticks_per_second()),
        resident: field(&status, "VmRSS:"),
        peak: field(&status, "VmHWM:"),
    })
}

/// User and system time of `/proc/PID/stat`. The name, which may hold anything, ends at the last parenthesis.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// A field of `/proc/PID/status` that is told in kB.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0) * 1024
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
    }

    #[test]
    fn reads_its_own() {
        assert!(usage(None).unwrap().resident > 0);
    }
}
