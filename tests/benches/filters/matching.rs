//! One event against many filters, one event at a time and in groups of 32.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Throughput};
use tagcast::parts::event::Attributes;
use tagcast::parts::filter::Index;

use crate::cpu::Criterion;
use crate::workload::{events, matches, mixed_index, repositories, repository_index};

const EVENTS: usize = 20_000;
const GROUP: usize = 32;

pub(crate) fn bench(c: &mut Criterion) {
    for count in [1, 1_000, 100_000, 1_000_000] {
        workload(c, "matching mixed", count, &mut mixed_index(count), repositories(count));
        workload(c, "matching repository", count, &mut repository_index(count), count);
    }
}

fn workload(c: &mut Criterion, name: &str, count: usize, index: &mut Index, repositories: usize) {
    let events = events(repositories, EVENTS);
    println!("{name}, {count} filters: {:.2} matches an event", matches(index, &events));
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(1));
    let mut next = events.iter().cycle();
    let mut found = Vec::new();
    group.bench_function(BenchmarkId::new("one", count), |b| {
        b.iter(|| {
            found.clear();
            if let Some(event) = next.next() {
                index.match_one(black_box(event), &mut found);
            }
            found.len()
        });
    });
    let all: Vec<&Attributes> = events.iter().collect();
    let mut groups = all.chunks_exact(GROUP).cycle();
    group.throughput(Throughput::Elements(GROUP as u64));
    group.bench_function(BenchmarkId::new("groups of 32", count), |b| {
        b.iter_batched(
            || groups.next().unwrap_or_default(),
            |events| {
                let mut found = 0;
                index.match_group(black_box(events), |_, _| found += 1);
                found
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}
