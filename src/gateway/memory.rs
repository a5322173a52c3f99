use rustix::system::sysinfo;

use crate::config::Config;

/// What a container may have, by version 2 of control groups.
const OF_GROUP: &str = "/sys/fs/cgroup/memory.max";

/// Says which budgets alone are more than all memory that there is: the process would be killed before they are used up.
pub(super) fn tell(config: &Config) {
    let all = available(&std::fs::read_to_string(OF_GROUP).unwrap_or_default());
    for (setting, bytes) in config.budgets().into_iter().filter(|(_, bytes)| *bytes > all) {
        tracing::warn!(setting, bytes, memory = all, "a setting allows more memory than there is");
    }
}

fn available(of_group: &str) -> u64 {
    let machine = sysinfo();
    let machine = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    of_group.trim().parse().map_or(machine, |group: u64| group.min(machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_have_less_than_the_machine() {
        let machine = available("max\n");
        assert!(machine > 1 << 20);
        assert_eq!(available(""), machine);
        assert_eq!(available("1048576\n"), 1 << 20);
        assert_eq!(available("18446744073709551615"), machine);
    }
}
