//! Filters that are made to be costly, and crowds.

use std::hint::black_box;

use criterion::{BenchmarkId, Throughput};
use tagcast::parts::event::Attributes;
use tagcast::parts::filter::{Filter, Index, Options};

use crate::cpu::Criterion;
use crate::workload::{event, index};

const LENGTHS: [usize; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64];

pub(crate) fn bench(c: &mut Criterion) {
    crowds(c);
    lengths(c);
    bombs(c);
}

fn one(c: &mut Criterion, name: &str, index: &mut Index, event: &Attributes) {
    let mut found = Vec::new();
    c.bench_function(name, |b| {
        b.iter(|| {
            found.clear();
            index.match_one(black_box(event), &mut found);
            found.len()
        });
    });
}

fn crowds(c: &mut Criterion) {
    let many = 100_000;
    let of = |condition: &dyn Fn(usize) -> String, count| {
        index(count, |n| format!("repository == \"team/app\" && {}", condition(n)))
    };
    let tags = &mut of(&|n| format!("tag == \"v{n}\""), many);
    one(c, "crowd/100,000 tags of one repository", tags, &event("team/app", "v777", 5));
    let prefixes = &mut of(&|n| format!("tag.startsWith(\"release-{n:06}\")"), many);
    one(c, "crowd/100,000 prefixes in one repository", prefixes, &event("team/app", "release-000777-1", 5));
    let sizes = &mut of(&|n| format!("size > {}", n + 10), many);
    one(c, "crowd/100,000 sizes in one repository", sizes, &event("team/app", "v1", 5));
    let patterns = &mut of(&|n| format!("tag.matches(r\"\\d+x{n}\\d*$\")"), 1_000);
    one(c, "crowd/1,000 patterns in one repository", patterns, &event("team/app", "release-v1.2.3", 5));
    // As dear as patterns are that are taken, on a long value: about as much as one reader may search in an event.
    let dear = &mut of(&|n| format!("repository.matches(r\"(?i)[a-z]?[a-z]?[a-z]?[a-z]?x{n}q\")"), 56);
    one(c, "hostile/56 dear patterns", dear, &event(&"ab".repeat(112), "v1", 5));
}

/// Every length of prefix and suffix on tag and repository, alone and in pairs.
fn lengths(c: &mut Criterion) {
    let mut index = index(100_000, |n| {
        let text: String = format!("{n:x}").repeat(64);
        let text = &text[..LENGTHS[n % 18]];
        match n / 18 % 6 {
            0 => format!("tag.startsWith(\"{text}\") && size > {n}"),
            1 => format!("tag.endsWith(\"{text}\") && size > {n}"),
            2 => format!("repository.startsWith(\"{text}\") && size > {n}"),
            3 => format!("repository.endsWith(\"{text}\") && size > {n}"),
            4 => format!("repository == \"r{n}\" && tag.startsWith(\"{text}\")"),
            _ => format!("repository == \"r{n}\" && tag.endsWith(\"{text}\")"),
        }
    });
    let event = event(&"repository/".repeat(8), &"tag-of-some-length.".repeat(5), 5);
    one(c, "hostile/every length", &mut index, &event);
}

fn bombs(c: &mut Criterion) {
    let options = Options { max_text: 16 << 10, ..Options::default() };
    let mut group = c.benchmark_group("refusing");
    for (name, text) in [
        ("negations", "!".repeat(16_000)),
        ("parentheses", "(".repeat(16_000)),
        ("a chain", "true&&".repeat(2_600)),
        ("a path", "tag.".repeat(4_000)),
        ("a string without end", format!("tag == \"{}", "\\".repeat(16_000))),
        ("a name", "x".repeat(16_000)),
        ("calls", "tag.size().".repeat(1_400)),
        ("a list", format!("tag in [{}]", "'',".repeat(5_000))),
        ("objects", format!("{}{}", r#"{"not":"#.repeat(1_000), "}".repeat(1_000))),
        ("repetitions", "tag.matches('(((a{30}){30}){30}){30}')".to_owned()),
        ("classes", r"tag.matches('(\\pL{50}){20}')".to_owned()),
        ("states", "tag.matches('[ab]*a[ab]{14}')".to_owned()),
        ("wide states", "tag.matches('a.{100}b')".to_owned()),
        ("groups", format!("tag.matches('{}')", "(".repeat(250))),
        ("folded letters", format!("tag.matches('{}')", r"(?i)\\pL".repeat(30))),
        ("folded classes", format!("tag.matches('{}')", r"(?i)[\\x01-\\x{ffff}]".repeat(10))),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new(name, text.len()), |b| {
            b.iter(|| Filter::parse(black_box(&text), &options).is_err());
        });
    }
    group.finish();
}
