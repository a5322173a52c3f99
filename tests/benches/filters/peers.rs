//! Others at the same work: quamina on equality rules, an interpreter of CEL on one expression. Quamina's
//! time includes reading the event's JSON.

use std::hint::black_box;

use cel::{Context, Program};
use criterion::BenchmarkId;
use quamina::Quamina;

use crate::cpu::Criterion;
use crate::workload::{event, events, parse, repository, repository_index};

pub(crate) fn bench(c: &mut Criterion) {
    equality_rules(c);
    interpreter(c);
}

fn equality_rules(c: &mut Criterion) {
    let mut group = c.benchmark_group("peers equality");
    // Beyond, quamina's automaton is over its own bound.
    for count in [1_000, 5_000] {
        let mut theirs = Quamina::new();
        for n in 0..count {
            let rule = format!(r#"{{"details":{{"repository_name":["{}"]}}}}"#, repository(n));
            theirs.add_pattern(n, &rule).expect("a pattern of theirs");
        }
        let jsons: Vec<String> = (0..1_000).map(|n| json(&repository(n * 97 % count))).collect();
        let mut next = jsons.iter().cycle();
        group.bench_function(BenchmarkId::new("quamina", count), |b| {
            b.iter(|| next.next().map(|json| theirs.matches_for_event(black_box(json.as_bytes()))));
        });
        let mut ours = repository_index(count);
        let events = events(count, 1_000);
        let mut next = events.iter().cycle();
        let mut found = Vec::new();
        group.bench_function(BenchmarkId::new("tagcast, JSON not read", count), |b| {
            b.iter(|| {
                found.clear();
                if let Some(event) = next.next() {
                    ours.match_one(black_box(event), &mut found);
                }
            });
        });
    }
    group.finish();
}

/// An event of 555 bytes.
fn json(repository: &str) -> String {
    let digest = "0".repeat(64);
    let mut json = format!(
        r#"{{"event_metadata":{{"event_id":"crtjsu23lo00000004j7","event_type":"yandex.cloud.events.containerregistry.CreateImageTag","created_at":"2026-01-07T11:09:14.276585742Z","cloud_id":"default","folder_id":"default"}},"details":{{"registry_id":"hub.example.com","repository_name":"{repository}","tag":"v1.4.2","image_digest":"sha256:{digest}","media_type":"application/vnd.oci.image.manifest.v1+json","size":3023,"actor":"ci-bot","source":"harbor-eu","source_event_id":""}}}}"#
    );
    let room = 555_usize.saturating_sub(json.len());
    json.insert_str(json.len() - 3, &"x".repeat(room));
    json
}

fn interpreter(c: &mut Criterion) {
    let mut group = c.benchmark_group("peers one expression");
    for (name, text) in [
        ("equality", r#"repository == "team/app" && tag == "v1.2.3""#),
        ("pattern", r#"repository == "team/app" && tag.matches("^v[0-9]+[.][0-9]+[.][0-9]+$")"#),
    ] {
        let program = Program::compile(text).expect("it is CEL");
        let mut context = Context::default();
        context.add_variable_from_value("repository", "team/app");
        context.add_variable_from_value("tag", "v1.2.3");
        group.bench_function(BenchmarkId::new("cel", name), |b| {
            b.iter(|| program.execute(black_box(&context)));
        });
        let (filter, event) = (parse(text), event("team/app", "v1.2.3", 5));
        group.bench_function(BenchmarkId::new("tagcast", name), |b| {
            b.iter(|| filter.matches(black_box(&event)));
        });
    }
    group.finish();
}
