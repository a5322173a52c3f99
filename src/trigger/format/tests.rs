use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn event(short_type: &str, tag: &str) -> Bytes {
    let json = json!({
        "event_metadata": {
            "event_id": "crt00000080000000002", "event_type": format!("p.{short_type}"),
            "created_at": "2018-04-25T21:39:47.276585742Z", "cloud_id": "default", "folder_id": "default",
            "tracing_context": {"trace_id": "1".repeat(32), "span_id": "2".repeat(16), "parent_span_id": ""},
        },
        "details": {
            "registry_id": "registry.cn-hangzhou.aliyuncs.com", "repository_name": "namespace/repoTest", "tag": tag,
            "image_id": "crt0", "image_digest": "sha256:457f", "media_type": "application/vnd.oci", "size": 3023,
            "actor": "ci bot ü", "source_event_id": "31c51664",
        },
    });
    json.to_string().into()
}

fn body(format: TargetFormat, events: &[Bytes]) -> Value {
    serde_json::from_slice(&format.encode(events).unwrap().body).unwrap()
}

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks").join(name);
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

/// Every path to a value, with the sort of the value.
fn shape(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![(String::new(), value)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                open.extend(members.iter().map(|(name, value)| (format!("{path}/{name}"), value)));
            }
            Value::Number(_) => drop(found.insert(format!("{path} number"))),
            _ => drop(found.insert(format!("{path} text"))),
        }
    }
    found
}

#[test]
fn alibaba_is_the_sample_field_by_field() {
    let sample = sample("alibaba/trigger-push.json");
    let body = body(TargetFormat::Alibaba, &[event("CreateImageTag", "latest")]);
    assert_eq!(shape(&body), shape(&sample));
    assert_eq!(body["push_data"]["tag"], sample["push_data"]["tag"]);
    assert_eq!(body["push_data"]["pushed_at"], "2018-04-26 05:39:47");
    for field in
        ["name", "namespace", "region", "repo_full_name", "repo_origin_type", "repo_authentication_type"]
    {
        assert_eq!(body["repository"][field], sample["repository"][field], "{field}");
    }
}

#[test]
fn azure_is_the_samples_field_by_field() {
    for (short_type, tag, name) in [
        ("CreateImageTag", "v1", "azure/cloudevents-image-pushed.json"),
        ("DeleteImage", "", "azure/cloudevents-image-deleted.json"),
        ("CreateChart", "1.0.0", "azure/cloudevents-chart-pushed.json"),
        ("DeleteChart", "1.0.0", "azure/cloudevents-chart-deleted.json"),
    ] {
        let (sample, body) = (&sample(name)[0], body(TargetFormat::Azure, &[event(short_type, tag)]));
        assert_eq!(shape(&body), shape(sample), "{name}");
        for pointer in ["/type", "/specversion", "/data/action", "/data/request/method"] {
            assert_eq!(body.pointer(pointer), sample.pointer(pointer), "{name} {pointer}");
        }
        let (own, theirs) = (body["subject"].as_str().unwrap(), sample["subject"].as_str().unwrap());
        assert_eq!(own.contains(':'), theirs.contains(':'), "{name}");
    }
    let chart = body(TargetFormat::Azure, &[event("CreateChart", "1.0.0")]);
    assert_eq!(chart["data"]["target"]["tag"], "namespace/repoTest-1.0.0.tgz");
}

#[test]
fn one_azure_event_stands_alone_and_several_in_a_list() {
    let (one, two) = (event("CreateImageTag", "v1"), event("CreateImageTag", "v2"));
    let single = TargetFormat::Azure.encode(std::slice::from_ref(&one)).unwrap();
    assert_eq!(single.headers[0].1, "application/cloudevents+json; charset=utf-8");
    let several = TargetFormat::Azure.encode(&[one, two]).unwrap();
    assert_eq!(several.headers[0].1, "application/cloudevents-batch+json; charset=utf-8");
    assert!(several.body.starts_with(b"[{") && several.body.ends_with(b"}]"));
}

#[test]
fn the_binary_form_has_attributes_in_headers_and_data_as_body() {
    let encoded = TargetFormat::CloudEventsBinary.encode(&[event("CreateImageTag", "v 1ü")]).unwrap();
    let header = |name: &str| {
        encoded.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.to_str().unwrap())
    };
    assert_eq!(header("ce-specversion"), Some("1.0"));
    assert_eq!(header("ce-id"), Some("crt00000080000000002"));
    assert_eq!(header("ce-subject"), Some("namespace/repoTest:v%201%C3%BC"));
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!((header("ce-data"), header("ce-datacontenttype")), (None, None));
    let data: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(data["tag"], "v 1ü");
}

#[test]
fn our_own_forms_may_be_empty_the_others_not() {
    assert_eq!(TargetFormat::Tagcast.encode(&[]).unwrap().body, "{\"messages\":[]}");
    assert_eq!(TargetFormat::CloudEvents.encode(&[]).unwrap().body, "[]");
    for format in [TargetFormat::CloudEventsBinary, TargetFormat::Alibaba, TargetFormat::Azure] {
        assert!(format.encode(&[]).is_none(), "{format:?}");
    }
}
