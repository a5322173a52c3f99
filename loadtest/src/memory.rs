//! Memory of a process and of the kernel, as `/proc` tells it.

use std::fs;

use anyhow::Context as _;

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Resident, shared libraries included.
    pub resident: u64,
    /// Resident and its own: heap and stacks.
    pub anonymous: u64,
    /// The most that was ever resident, since the mark was set back.
    pub peak: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// Reads it. Precise, and so not for every second: it walks all pages.
///
/// # Errors
///
/// If there is no such process, or it is somebody else's.
pub fn process(pid: u32) -> anyhow::Result<Process> {
    let read = |file: &str| {
        let path = format!("/proc/{pid}/{file}");
        fs::read_to_string(&path).context(path)
    };
    let rollup = read("smaps_rollup")?;
    Ok(Process {
        resident: field(&rollup, "Rss:"),
        anonymous: field(&rollup, "Anonymous:"),
        peak: field(&read("status")?, "VmHWM:"),
        descriptors: descriptors(pid),
    })
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
pub struct Kernel {
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
pub fn kernel() -> anyhow::Result<Kernel> {
    let read = |file: &str| fs::read_to_string(file).context(file.to_owned());
    let page = rustix::param::page_size() as u64;
    Ok(Kernel {
        slab: field(&read("/proc/meminfo")?, "Slab:"),
        tcp: tcp_pages(&read("/proc/net/sockstat")?).unwrap_or(0) * page,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_of_proc() {
        assert_eq!(field("Rss:   2 kB\nAnonymous:  1 kB\n", "Anonymous:"), 1024);
        let sockstat = "sockets: used 9\nTCP: inuse 4 orphan 0 tw 2 alloc 5 mem 17\nUDP: inuse 1 mem 3\n";
        assert_eq!(tcp_pages(sockstat), Some(17));
    }

    #[test]
    fn reads_its_own() {
        let own = process(std::process::id()).unwrap();
        assert!(own.resident >= own.anonymous && own.anonymous > 0 && own.descriptors > 2, "{own:?}");
        assert!(kernel().unwrap().slab > 0);
    }
}
