//! Filters and events to match: the mixes of the bars, from a fixed seed.

use std::collections::HashSet;

use tagcast::parts::event::{Attributes, AttributesBuilder, EventType, Field};
use tagcast::parts::filter::{Filter, FilterId, Index, Options};

/// Xorshift: the same numbers on every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 1).unwrap_or(0) % bound
    }
}

pub(crate) fn parse(text: &str) -> Filter {
    let options = Options { max_text: 16 << 10, ..Options::default() };
    Filter::parse(text, &options).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A repository of a registry with `count` of them.
pub(crate) fn repository(n: usize) -> String {
    format!("team{}/application-{n}", n % 997)
}

fn tag(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("v{}", random.below(16)),
        1 => format!("release-v{}.{}", random.below(10), random.below(5)),
        2 => format!("{}.{}.{}", random.below(3), random.below(9), random.below(9)),
        _ => ["latest", "main", "edge", "nightly"][random.below(4)].to_owned(),
    }
}

pub(crate) fn event(repository: &str, tag: &str, size: usize) -> Attributes {
    let digest = format!("sha256:{size:064x}");
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    builder
        .set(Field::Cloud, "default")
        .set(Field::Folder, "default")
        .set(Field::Registry, "hub.example.com")
        .set(Field::Repository, repository)
        .set(Field::Tag, tag)
        .set(Field::Digest, &digest)
        .set(Field::ImageId, "crt0123456789abcdefg")
        .set(Field::MediaType, "application/vnd.oci.image.manifest.v1+json")
        .set(Field::Actor, "ci-bot")
        .set(Field::Source, "harbor-eu")
        .size(i64::try_from(size).unwrap_or(0));
    builder.build()
}

/// Repositories for `filters` filters: about one of them matches an event.
pub(crate) const fn repositories(filters: usize) -> usize {
    if filters < 4 { 1 } else { filters / 2 }
}

/// One filter of the mix: 40 % repository and tag; 20 % repository; 15 % repository and `^release-vN.*`;
/// 10 % repository and ten tags; 5 % a repository's beginning; 5 % two repositories, a `!=` and a bound;
/// 5 % repository and one real regular expression.
pub(crate) fn mixed(random: &mut Random, filters: usize, n: usize) -> String {
    let of = random.below(repositories(filters));
    let name = repository(of);
    match n % 20 {
        0..8 => format!("repository == \"{name}\" && tag == \"{}\"", tag(random)),
        8..12 => format!("repository == \"{name}\""),
        12..15 => format!("repository == \"{name}\" && tag.matches(\"^release-v{}.*\")", random.below(10)),
        15 | 16 => {
            let first = random.below(1000);
            let tags: Vec<String> = (first..first + 10).map(|n| format!("\"v{}\"", n % 1000)).collect();
            format!("repository == \"{name}\" && tag in [{}]", tags.join(","))
        }
        17 => format!("repository.startsWith(\"{name}\")"),
        18 => {
            let other = repository(random.below(repositories(filters)));
            format!(
                "(repository == \"{name}\" || repository == \"{other}\") && tag != \"v1\" && size > {}",
                random.below(9000)
            )
        }
        _ => format!("repository == \"{name}\" && tag.matches(r\"^v\\d+\\.\\d+\\.\\d+$\")"),
    }
}

/// An index of `count` distinct filters.
pub(crate) fn index(count: usize, mut text: impl FnMut(usize) -> String) -> Index {
    let mut index = Index::new(0x5eed);
    let mut n = 0;
    while index.len() < count {
        index.add(&parse(&text(n))).expect("it is not broad");
        n += 1;
    }
    index
}

pub(crate) fn mixed_index(count: usize) -> Index {
    let mut random = Random::new();
    // One of every kind in turn; the first kind of all is one filter alone.
    index(count, |n| mixed(&mut random, count, n))
}

pub(crate) fn repository_index(count: usize) -> Index {
    index(count, |n| format!("repository == \"{}\"", repository(n)))
}

/// Events spread over the repositories of `filters` filters.
pub(crate) fn events(repositories: usize, count: usize) -> Vec<Attributes> {
    let mut random = Random::new();
    (0..count)
        .map(|_| {
            let name = repository(random.below(repositories));
            let tag = tag(&mut random);
            event(&name, &tag, random.below(10_000))
        })
        .collect()
}

/// How many filters an event passes, on average; and that the index says what a scan says is tested elsewhere.
pub(crate) fn matches(index: &mut Index, events: &[Attributes]) -> f64 {
    let mut found: Vec<FilterId> = Vec::new();
    for event in events {
        index.match_one(event, &mut found);
    }
    let all: HashSet<FilterId> = found.iter().copied().collect();
    assert!(all.len() <= index.len());
    ratio(found.len(), events.len())
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
pub(crate) fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}
