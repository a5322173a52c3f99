//! What one notification costs between its arrival and its events: checks, reader, window of repeats, catalog.
//! One core; nothing is written. `cargo bench --bench notifications`

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest as _, Sha256};
use tagcast::parts::config::SourceConfig;
use tagcast::parts::event::Timestamp;
use tagcast::parts::ingest::Trial;
use tagcast::parts::source::{Kind, Request};

/// The gateway's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A recorded request, and what of it makes it a new one: its id, tag and digest.
struct Recorded {
    kind: Kind,
    body: String,
    headers: HeaderMap,
    id: &'static str,
    tag: &'static str,
    digest: &'static str,
}

fn recorded(case: &str, id: &'static str, tag: &'static str, digest: &'static str) -> Recorded {
    let folder = format!("{}/tests/fixtures/webhooks", env!("CARGO_MANIFEST_DIR"));
    let read = |name: String| std::fs::read_to_string(format!("{folder}/{name}"));
    let mut headers = HeaderMap::new();
    let head = read(format!("{case}.headers.txt")).unwrap_or_default();
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        let name = HeaderName::try_from(name).expect("a name");
        headers.insert(name, HeaderValue::from_str(value).expect("a value"));
    }
    let body = read(format!("{case}.json")).expect("a body");
    let kind = case.split('/').next().expect("a folder").parse().expect("a kind");
    for part in [id, tag, digest] {
        assert!(part.is_empty() || body.contains(part), "{case} has no {part}");
    }
    Recorded { kind, body, headers, id, tag, digest }
}

impl Recorded {
    /// The same request of another push: its image is new, one of a thousand tags moves to it.
    fn nth(&self, n: u64) -> (HeaderMap, String) {
        let digest = format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(n.to_be_bytes())));
        let mut body = self.body.replace(self.digest, &digest);
        if !self.id.is_empty() {
            body = body.replace(self.id, &format!("{:0width$}", n, width = self.id.len()));
        }
        body = body.replace(self.tag, &format!("\"t{}\"", n % 1_000));
        let mut headers = self.headers.clone();
        if self.kind == Kind::Ghcr {
            headers.insert("x-github-delivery", HeaderValue::from(n));
        }
        (headers, body)
    }
}

/// As many come in a second as a source may send at once.
fn arrival(n: u64) -> Timestamp {
    Timestamp::from_second(i64::try_from(n / 20_000).unwrap_or(0)).expect("an early time")
}

fn decode_and_catalog(criterion: &mut Criterion) {
    let a = "sha256:29031a2ee24071c6c4f6254033d2cc6f86cdfb037b32ad3c8c3f0bb3e14ab29a";
    let harbor = "sha256:8a9e9863dbb6e10edb5adfe917c00da84e1700fa76e7ed02476aa6e6fb8ee0d8";
    let ghcr = "sha256:317a6ec3a19ce74bba9f72ca4f4de1239b601549dade6b4cb0c3fc08a3279135";
    let all = [
        recorded("distribution/v3-push-tag", "01a20163-ec86-785e-b2c7-c7930ab34e04", "\"v1\"", a),
        recorded("harbor/default-push-artifact-tagged", "", "\"latest\"", harbor),
        recorded("ghcr/registry-package-published-tagged", "", "\"v1.2.3\"", ghcr),
    ];
    let mut group = criterion.benchmark_group("notification");
    group.throughput(Throughput::Elements(1));
    for recorded in all {
        let source = SourceConfig::of_kind(recorded.kind).source();
        let (mut trial, mut n) = (Trial::new(source), 0);
        group.bench_function(recorded.kind.as_str(), |bencher| {
            bencher.iter_batched(
                || {
                    n += 1;
                    let (headers, body) = recorded.nth(n);
                    (headers, body, arrival(n))
                },
                |(headers, body, now)| {
                    let method = &Method::POST;
                    let request =
                        Request { method, headers: &headers, query: None, body: body.as_bytes(), peer: None };
                    let tried = trial.take(request, now).expect("it is the source's");
                    assert!(tried.receipt.accepted > 0, "{}: {tried:?}", recorded.kind);
                    (headers, body, tried)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decode_and_catalog);
criterion_main!(benches);
