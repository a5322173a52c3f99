//! Figures that are no rate: memory, and the longest single step.

use std::time::Duration;

use tagcast::parts::filter::{Filter, Index};
use tikv_jemalloc_ctl::thread::{allocatedp, deallocatedp};

use crate::cpu::{Criterion, now};
use crate::workload::{Random, index, mixed, parse, ratio};

const MILLION: usize = 1_000_000;

pub(crate) fn print(_: &mut Criterion) {
    // `-- matching` and the like ask for another part.
    if std::env::args().skip(1).any(|argument| !argument.starts_with('-') && !"figures".contains(&argument)) {
        return;
    }
    memory();
    longest_add();
}

/// Bytes that this thread holds.
fn held() -> usize {
    let read = || Some((allocatedp::read().ok()?.get(), deallocatedp::read().ok()?.get()));
    let (allocated, freed) = read().unwrap_or_default();
    usize::try_from(allocated.wrapping_sub(freed)).unwrap_or(0)
}

fn memory() {
    for count in [1_000, 100_000, MILLION] {
        let before = held();
        let mut random = Random::new();
        let index = index(count, |n| mixed(&mut random, count, n));
        println!("memory, mixed, {count} filters: {:.0} B each", ratio(held() - before, index.len()));
    }
    let before = held();
    let index = index(10_000, |n| format!("repository == 'r{n}' && tag.matches(r'^v\\d+\\.\\d+-{n}$')"));
    println!("memory, each with a real pattern: {:.0} B each", ratio(held() - before, index.len()));
}

/// The same adds several times: of each the shortest time counts, so that what the machine does meanwhile
/// does not.
fn longest_add() {
    let mut random = Random::new();
    let filters: Vec<Filter> = (0..MILLION).map(|n| parse(&mixed(&mut random, MILLION, n))).collect();
    let mut shortest = vec![Duration::MAX; MILLION];
    for _ in 0..3 {
        let mut index = Index::new(0x5eed);
        for (filter, shortest) in filters.iter().zip(&mut shortest) {
            let begin = now();
            let added = index.add(filter);
            *shortest = (*shortest).min(now().saturating_sub(begin));
            assert!(added.is_ok());
        }
    }
    shortest.sort_unstable();
    let at = |share: usize| shortest[MILLION / 1000 * share - 1];
    println!(
        "add to a million, compiled: median {:?}, 99.9 % {:?}, longest {:?}",
        at(500),
        at(999),
        shortest[MILLION - 1]
    );
}
