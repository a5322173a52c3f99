//! What filters cost: every row of the bars in the design, and `docs/performance.md` tells the figures.
//!
//! `cargo bench --bench filters` runs all; `-- matching` and the like one part.

#![allow(missing_docs, reason = "criterion's macros make the functions")]

#[path = "filters/adding.rs"]
mod adding;
#[path = "filters/cpu.rs"]
mod cpu;
#[path = "filters/figures.rs"]
mod figures;
#[path = "filters/hostile.rs"]
mod hostile;
#[path = "filters/matching.rs"]
mod matching;
#[path = "filters/peers.rs"]
mod peers;
#[path = "filters/workload.rs"]
mod workload;

use std::time::Duration;

use cpu::CpuTime;
use criterion::{Criterion, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn settings() -> Criterion<CpuTime> {
    Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500))
        .without_plots()
}

criterion_group! {
    name = benches;
    config = settings();
    targets = figures::print, matching::bench, adding::bench, hostile::bench, peers::bench
}
criterion_main!(benches);
