//! Every recorded request becomes what its expectation says, field by field: through reader and catalog,
//! without HTTP.

use serde_json::{Value, json};
use tagcast::parts::config::SourceConfig;
use tagcast::parts::event::{Event, Timestamp};
use tagcast::parts::ingest::{Trial, TrialReport};
use tagcast::parts::source::Kind;

use crate::support::fixture::{Fixture, file, lines};

/// When the requests arrive: a time that none of them tells.
const NOW: &str = "2030-01-01T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn kind_of(case: &str) -> Kind {
    case.split('/').next().expect("a folder").parse().expect("a kind")
}

fn config(kind: Kind, asked: bool) -> SourceConfig {
    SourceConfig { pulls: asked, scans: asked, ..SourceConfig::of_kind(kind) }
}

fn trial(config: &SourceConfig) -> Trial {
    Trial::new(config.source())
}

fn take(trial: &mut Trial, fixture: &Fixture) -> TrialReport {
    trial.take(fixture.request(), now()).expect("nothing is asked for")
}

/// An event in the form of the expectations: what is not told is left out.
fn told(event: &Event) -> Value {
    let artifact = &event.artifact;
    let mut told = json!({
        "type": event.event_type.as_str(),
        "registry_id": artifact.registry,
        "repository_name": artifact.repository,
        "tag": artifact.tag,
        "created_at": (event.created_at != now()).then(|| event.created_at.to_string()),
    });
    let optional = [
        ("image_digest", json!(artifact.digest)),
        ("media_type", json!(artifact.media_type)),
        ("size", json!(artifact.size)),
        ("actor", json!(event.actor)),
        ("source_event_id", json!(event.source_event_id)),
    ];
    for (name, value) in optional.into_iter().filter(|(_, value)| *value != json!("") && *value != json!(0)) {
        told[name] = value;
    }
    told
}

/// An expected event, its time in one spelling.
fn expected(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(time) = event["created_at"].as_str() {
        event["created_at"] = time.parse::<Timestamp>().expect("a time").to_string().into();
    }
    for name in ["image_digest", "media_type", "actor", "source_event_id"] {
        if event[name] == "" {
            event.as_object_mut().expect("an object").remove(name);
        }
    }
    event
}

fn compare(case: &str, tried: &TrialReport, line: &Value, events: &Value) {
    let counts_are_told = line["events"] == *events;
    assert!(tried.unreadable.is_empty(), "{case}: {:?}", tried.unreadable);
    if line["handshake"] == true {
        assert!(tried.answer.is_some() || tried.confirm.is_some(), "{case}: {tried:?}");
        return;
    }
    let events: Vec<Value> = events.as_array().expect("a list").iter().map(expected).collect();
    assert_eq!(tried.events.iter().map(told).collect::<Vec<_>>(), events, "{case}");
    if counts_are_told {
        let counts = [tried.receipt.accepted, tried.receipt.duplicates, tried.receipt.ignored];
        let expected = ["accepted", "duplicates", "ignored"].map(|name| line[name].as_u64().expect(name));
        assert_eq!(counts.map(|count| count as u64), expected, "{case}: accepted, duplicates, ignored");
    }
}

#[test]
fn every_case_on_an_empty_catalog() {
    let all = lines("expected.jsonl");
    assert!(all.len() > 90, "{}", all.len());
    for line in all {
        let case = line["case"].as_str().expect("a case");
        let fixture = Fixture::load(case);
        let kind = kind_of(case);
        let tried = take(&mut trial(&config(kind, false)), &fixture);
        compare(case, &tried, &line, &line["events"]);
        if line["events_if_enabled"].is_array() {
            let tried = take(&mut trial(&config(kind, true)), &fixture);
            compare(case, &tried, &line, &line["events_if_enabled"]);
        }
    }
}

#[test]
fn every_sequence_on_one_catalog() {
    for sequence in lines("sequences.jsonl") {
        let name = sequence["sequence"].as_str().expect("a name");
        let steps = sequence["steps"].as_array().expect("steps");
        let kind = kind_of(steps[0]["case"].as_str().expect("a case"));
        let mut trial = trial(&config(kind, false));
        for (number, step) in steps.iter().enumerate() {
            let case = step["case"].as_str().expect("a case");
            let tried = take(&mut trial, &Fixture::load(case));
            compare(&format!("{name}, step {} ({case})", number + 1), &tried, step, &step["events"]);
        }
    }
}

#[test]
fn both_recorded_sessions() {
    for session in ["v2-session", "v3-session"] {
        let bodies = String::from_utf8(file(&format!("distribution/{session}.jsonl"))).expect("UTF-8");
        let expected = lines(&format!("distribution/{session}.expected.jsonl"));
        assert_eq!(bodies.lines().count(), expected.len(), "{session}");
        let mut trial = trial(&config(Kind::Distribution, false));
        for (body, line) in bodies.lines().zip(&expected) {
            let tried = take(&mut trial, &Fixture::json(body));
            compare(&format!("{session} line {}", line["line"]), &tried, line, &line["events"]);
        }
    }
}

/// A sender that repeats everything at once, or its whole history, changes nothing.
#[test]
fn a_session_told_twice_makes_its_events_once() {
    for session in ["v2-session", "v3-session"] {
        let bodies = String::from_utf8(file(&format!("distribution/{session}.jsonl"))).expect("UTF-8");
        let mut trial = trial(&config(Kind::Distribution, false));
        for body in bodies.lines() {
            take(&mut trial, &Fixture::json(body));
            let again = take(&mut trial, &Fixture::json(body));
            assert!(again.events.is_empty(), "{session}: {body}");
        }
        for body in bodies.lines() {
            assert!(take(&mut trial, &Fixture::json(body)).events.is_empty(), "{session}: {body}");
        }
    }
}
