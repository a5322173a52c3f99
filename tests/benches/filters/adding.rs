//! From text to live, and away again.

use std::hint::black_box;

use criterion::BatchSize;
use tagcast::parts::filter::{Filter, FilterCache, Index, Options};

use crate::cpu::{CpuTime, Criterion};
use crate::workload::{index, mixed_index, parse};

const TEXT: &str =
    r#"repository == "team/application" && tag == "v1.2.3" && type == "CreateImageTag" && size > 100000"#;

pub(crate) fn bench(c: &mut Criterion) {
    reading(c);
    changing(c);
    crowded(c);
}

fn reading(c: &mut Criterion) {
    let options = Options::default();
    let mut group = c.benchmark_group("reading");
    for (name, text) in [
        ("100 bytes", TEXT),
        ("repository and tag", r#"repository == "team/app" && tag == "v1""#),
        ("lowered pattern", r#"repository == "team/app" && tag.matches("^release-v1.*")"#),
        ("real pattern", r#"repository == "team/app" && tag.matches(r"^v\d+\.\d+\.\d+$")"#),
    ] {
        group.bench_function(name, |b| b.iter(|| Filter::parse(black_box(text), &options)));
    }
    group.finish();
}

type Text = fn(usize) -> String;

/// Of an index with 100,000 filters. What a step undoes or prepares is not measured.
fn changing(c: &mut Criterion) {
    let options = Options::default();
    let mut index = mixed_index(100_000);
    let mut group = c.benchmark_group("changing");
    let mut n = 0_usize;
    let texts: [(&str, Text); 3] = [
        ("add new, repository and tag", |n| format!("repository == \"team/new{n}\" && tag == \"v1\"")),
        ("add new, lowered pattern", |n| {
            format!("repository == \"team/new{n}\" && tag.matches(\"^release-v{n}.*\")")
        }),
        ("add new, real pattern", |n| {
            format!("repository == \"team/new{n}\" && tag.matches(r\"^v\\d+\\.\\d+-{n}$\")")
        }),
    ];
    for (name, text) in texts {
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    n += 1;
                    text(n)
                },
                |text| Filter::parse(&text, &options).map(|filter| index.add(&filter)),
                BatchSize::SmallInput,
            );
        });
    }
    let text = "repository == \"team/known\" && tag == \"v1\"";
    let kept = index.add(&parse(text)).expect("it is not broad");
    group.bench_function("add known form, from its text", |b| {
        b.iter(|| Filter::parse(black_box(text), &options).map(|filter| index.add(&filter)));
    });
    let mut recent = FilterCache::default();
    recent.put(text, &parse(text));
    group.bench_function("add known form, known text", |b| {
        b.iter(|| recent.get(black_box(text)).map(|filter| index.add(&filter)));
    });
    let known = parse(text);
    group.bench_function("add known form, compiled", |b| b.iter(|| index.add(black_box(&known))));
    let _ = kept;
    remove(&mut group, &mut index, |n| format!("repository == \"team/gone{n}\" && tag == \"v1\""));
    group.finish();
}

fn remove(
    group: &mut criterion::BenchmarkGroup<'_, CpuTime>,
    index: &mut Index,
    text: impl Fn(usize) -> String,
) {
    // Both need the index, and criterion's steps run one after the other.
    let index = std::cell::RefCell::new(index);
    let mut n = 0_usize;
    group.bench_function("remove", |b| {
        b.iter_batched(
            || {
                n += 1;
                index.borrow_mut().add(&parse(&text(n))).expect("it is not broad")
            },
            |id| index.borrow_mut().remove(id),
            BatchSize::SmallInput,
        );
    });
}

fn crowded(c: &mut Criterion) {
    let of = |n: usize| format!("repository == \"team/crowd\" && size > {n}");
    let mut index = index(100_000, of);
    let mut group = c.benchmark_group("crowded");
    remove(&mut group, &mut index, |n| of(1_000_000 + n));
    group.finish();
}
