use super::*;

fn read(json: &Value) -> Result<Definition, DefinitionError> {
    let accounts = [("deployer".to_owned(), Some("default".to_owned())), ("all".to_owned(), None)].into();
    let (filters, policy) = (filter::Options::default(), Policy::default());
    let rules = Rules { filters: &filters, policy: &policy, accounts: &accounts, stored: false };
    Definition::new(&spec(json)?, &rules)
}

fn spec(json: &Value) -> Result<TriggerSpec, DefinitionError> {
    TriggerSpec::read(json.to_string().as_bytes(), "t")
}

fn with(pointer: &str, value: Value) -> Value {
    let mut json = json!({
        "name": "t", "filter": {"registry": "hub", "tag": {"matches": "release-v.*"}},
        "batch": {"size": 10, "cutoff": "1s"},
        "target": {"http": {"url": "https://deploy.example.com/hook", "format": "tagcast",
                   "auth": {"bearer": "t0"}, "headers": {"x-own": "v"},
                   "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "timeout": "10s"}},
        "retry": {"attempts": 5, "interval": "10s"}, "service_account": "deployer",
    });
    let mut place = &mut json;
    for key in pointer.split('/').skip(1) {
        place = &mut place[key];
    }
    *place = value;
    json
}

#[test]
fn the_example_is_understood() {
    let read = read(&with("/name", "t".into())).unwrap();
    let own = r#"registry == "hub" && tag.startsWith("release-v")"#;
    assert_eq!(read.scope.canonical(), r#"cloud_id == "default""#);
    let both = read.filter.canonical();
    assert!(own.split(" && ").all(|part| both.contains(part)) && both.contains(read.scope.canonical()));
    assert_eq!((read.batching.size, read.batching.cutoff), (10, Duration::from_secs(1)));
    assert_eq!((read.retry.attempts, read.retry.interval), (Some(5), Some(Duration::from_secs(10))));
    let Target::Http(http) = &read.target else { panic!() };
    assert_eq!((http.headers.len(), http.key.is_some(), http.timeout), (2, true, Duration::from_secs(10)));
}

#[test]
fn what_is_left_out_has_its_default() {
    let json = json!({"target": {"feed": "release-cards"}});
    let read = read(&json).unwrap();
    assert_eq!((read.cloud.as_str(), &read.filter), ("default", &read.scope));
    assert_eq!(read.batching, DEFAULT_BATCH);
    assert!(spec(&json).unwrap().enabled && read.dead_letter);
}

#[test]
fn every_fault_names_its_field() {
    for (pointer, value, code) in [
        ("/name", json!("other"), "invalid_id"),
        ("/nome", json!(1), "bad_request"),
        ("/cloud_id", json!(""), "bad_request"),
        ("/filter", json!("tag ="), "invalid_filter"),
        ("/filter/tag/matches", json!("("), "invalid_filter"),
        ("/batch/size", json!(0), "invalid_batch"),
        ("/batch/size", json!(1_001), "invalid_batch"),
        ("/batch/cutoff", json!("61s"), "invalid_batch"),
        ("/batch/bytes", json!("2MiB"), "invalid_batch"),
        ("/target/http/url", json!("http://10.0.0.1/"), "target_blocked"),
        ("/target/http/url", json!("https://example.com:444/"), "target_port"),
        ("/target/http/url", json!("gopher://example.com/"), "target_scheme"),
        ("/target/http/url", json!("https://a:b@example.com/"), "target_invalid"),
        ("/target/http/format", json!("xml"), "invalid_format"),
        ("/target/http/headers/host", json!("x"), "target_invalid"),
        ("/target/http/auth/basic", json!("x"), "bad_request"),
        ("/target/http/signing_secret", json!("secret"), "target_invalid"),
        ("/target/http/timeout", json!("21s"), "target_invalid"),
        ("/retry/attempts", json!(31), "bad_request"),
        ("/retry/interval", json!("0s"), "bad_request"),
        ("/retry/ttl", json!("8d"), "bad_request"),
        ("/service_account", json!("nobody"), "forbidden"),
    ] {
        let refused = read(&with(pointer, value.clone())).unwrap_err();
        let named = refused.field.clone();
        assert_eq!(refused.body.code, code, "{pointer} {value}: {refused}");
        assert!(pointer.starts_with(&named) && (named.len() > 3 || pointer == "/nome"), "{pointer}: {named}");
        assert_eq!(refused.body.details["field"], named.as_str());
    }
}

#[test]
fn one_event_formats_have_batches_of_one() {
    for format in ["cloudevents-binary", "alibaba"] {
        let mut json = with("/target/http/format", format.into());
        assert_eq!(read(&json).unwrap_err().field, "/batch/size", "{format}");
        json["batch"].as_object_mut().unwrap().remove("size");
        assert_eq!(read(&json).unwrap().batching.size, 1, "{format}");
    }
    let azure = with("/target/http/format", "azure".into());
    assert_eq!(read(&azure).unwrap().batching.size, 10, "it has batches where they are asked for");
    assert!(read(&azure).unwrap().filter.canonical().contains("DeleteImage"));
}

#[test]
fn secrets_are_hidden_and_kept() {
    let spec = spec(&with("/target/http/auth/bearer", "t0p-secret".into())).unwrap();
    let shown = serde_json::to_string(&spec.shown()).unwrap();
    assert!(
        !shown.contains("t0p-secret") && !shown.contains("whsec_M") && !shown.contains("\"v\""),
        "{shown}"
    );
    assert!(!format!("{spec:?}").contains("t0p-secret"));
    let back: TriggerSpec = serde_json::from_str(&shown).unwrap();
    assert_eq!(back.with_secrets_of(&spec).unwrap(), spec);
}

#[test]
fn the_revision_follows_what_makes_a_batch() {
    let of = |pointer, value| read(&with(pointer, value)).unwrap().revision;
    let plain = of("/name", "t".into());
    assert_eq!(of("/target/http/url", "https://elsewhere.example.com/".into()), plain);
    assert_eq!(of("/retry/attempts", 3.into()), plain);
    assert_ne!(of("/filter", "tag == 'v1'".into()), plain);
    assert_ne!(of("/target/http/format", "cloudevents".into()), plain);
    assert_ne!(of("/batch/size", 11.into()), plain);
}
