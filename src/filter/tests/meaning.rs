//! What filters say of one event, and which condition decided.

use super::{canonical, event, filter, refusal, with_tag};
use crate::event::{AttributesBuilder, EventType, Field};
use crate::filter::{Filter, Options};

#[test]
fn of_the_event() {
    let event = event();
    for (text, expected) in [
        ("true", true),
        ("false", false),
        ("", true),
        (" \n // nothing\n", true),
        (r#"repository == "team/app" && tag == "release-v1""#, true),
        (r#""release-v1" == event.details.tag"#, true),
        (r#"tag != "release-v1""#, false),
        (r#"tag in ["a", "release-v1"]"#, true),
        (r#"type == "CreateImageTag""#, true),
        (r#"type != "CreateImageTag""#, false),
        (
            r#"event.event_metadata.event_type == "yandex.cloud.events.containerregistry.CreateImageTag""#,
            true,
        ),
        (r#"event_type.endsWith(".CreateImageTag")"#, true),
        (r#"event_type == "CreateImageTag""#, false),
        (r#"type.startsWith("Create")"#, true),
        (r#"cloud_id == "cloud1" && folder_id == """#, true),
        ("size == 3023 && size > 3022 && size >= 3023 && size < 3024 && size <= 3023", true),
        ("3022 < size", true),
        ("-size == -3023 && -size < -3022", true),
        ("size in [1, 3023]", true),
        ("size(tag) == 10 && tag.size() != 9", true),
        ("size(type) == 14", true),
        ("has(event.tag) && has(event.size) && has(details.image_digest) && !has(event.image_id)", true),
        ("has(event.type) && has(event.event_metadata.event_type)", true),
        (r#"tag.startsWith("release-") && tag.endsWith("v1") && tag.contains("ase")"#, true),
        (r#"tag.matches("^release-v\\d+$") && matches(tag, "v.$")"#, true),
        (r#"actor.matches("(?i)^CI-") && !actor.matches("x")"#, true),
        (r#"tag == "a" && true || repository == "team/app" && false || source == "hub""#, true),
        (
            r#"media_type == "application/vnd.oci.image.manifest.v1+json" && registry == "hub.example.com""#,
            true,
        ),
        ("'b' in ['a', 'b'] && !(1 in []) && size('é') == 1", true),
    ] {
        assert_eq!(filter(text).matches(&event), expected, "{text}");
    }
}

#[test]
fn of_an_event_without_a_tag() {
    let event = with_tag("");
    assert!(filter(r#"tag != "latest""#).matches(&event));
    assert!(!filter(r#"has(event.tag) && tag != "latest""#).matches(&event));
    assert!(filter(r#"!(tag in ["dev", "nightly"])"#).matches(&event));
}

#[test]
fn size_counts_code_points() {
    assert!(filter("size(tag) == 2").matches(&with_tag("é🐱")));
}

#[test]
fn line_breaks_stop_a_dot() {
    let mut builder = AttributesBuilder::new(EventType::PullImage);
    builder.set(Field::Actor, "a\nb");
    let event = builder.build();
    assert!(!filter("actor.matches('^a.*$')").matches(&event));
    assert!(filter("actor.matches('^a.*')").matches(&event));
    assert!(filter("actor.matches('(?s)^a.*$')").matches(&event));
    assert!(filter(r#"{"actor": {"glob": "a*"}}"#).matches(&event));
    assert!(filter(r#"{"actor": {"glob": "a?b"}}"#).matches(&event));
}

#[test]
fn the_prefix_is_an_option() {
    let options = Options { event_type_prefix: "x.".into(), ..Options::default() };
    let filter = Filter::parse("event_type == 'x.CreateImageTag'", &options).unwrap();
    assert_eq!(filter.canonical(), r#"type == "CreateImageTag""#);
}

#[test]
fn filters_are_joined() {
    let wanted = filter("tag.startsWith('release-')");
    let rights = filter(r#"cloud_id == "cloud1" && registry in ["hub.example.com"]"#);
    let joined = wanted.and(&rights).unwrap();
    assert_eq!(
        joined.canonical(),
        r#"cloud_id == "cloud1" && registry == "hub.example.com" && tag.startsWith("release-")"#
    );
    assert!(joined.matches(&event()));
    assert_eq!(Filter::all().and(&wanted).unwrap(), wanted);
    assert!(Filter::all().matches(&event()));
    let other = rights.and(&filter("cloud_id == 'cloud2'")).unwrap();
    assert_eq!(other.canonical(), "false");
    let why = other.explain(&event());
    assert_eq!((why.text.as_str(), why.value.as_str()), ("cloud_id == 'cloud2'", "cloud1"));
}

#[test]
fn explanations_name_the_first_that_decided() {
    for (text, matched, offset, decided, value) in [
        (
            r#"tag.startsWith("release-v") && size > 5"#,
            true,
            0,
            r#"tag.startsWith("release-v")"#,
            "release-v1",
        ),
        (r#"repository == "team/app" && tag == "x""#, false, 28, r#"tag == "x""#, "release-v1"),
        (r#"tag == "x" || repository == "team/app""#, true, 14, r#"repository == "team/app""#, "team/app"),
        (r#"tag == "x" || size < 5"#, false, 0, r#"tag == "x""#, "release-v1"),
        (r#"!(size > 5 && tag == "x")"#, true, 14, r#"tag == "x""#, "release-v1"),
        ("(size < 5)", false, 1, "size < 5", "3023"),
        ("type != 'CreateImageTag'", false, 0, "type != 'CreateImageTag'", "CreateImageTag"),
        ("false", false, 0, "false", ""),
        ("'é' == tag", false, 0, "'é' == tag", "release-v1"),
        ("tag.matches('^(a|b)')", false, 0, "tag.matches('^(a|b)')", "release-v1"),
        ("", true, 0, "true", ""),
    ] {
        let filter = filter(text);
        let why = filter.explain(&event());
        assert_eq!(why.matched, matched, "{text}");
        assert_eq!(why.matched, filter.matches(&event()), "{text}");
        assert_eq!((why.offset, why.text.as_str(), why.value.as_str()), (offset, decided, value), "{text}");
    }
    let why = filter(r#"{"repository": "team/app", "tag": {"matches": "release-x.*"}}"#).explain(&event());
    assert_eq!(why.text, r#"tag.startsWith("release-x")"#);
    assert_eq!(why.pointer.as_deref(), Some("/tag/matches"));
}

#[test]
fn equal_filters_are_equal() {
    assert_eq!(filter("tag == 'a' && size > 5"), filter("5 < size && 'a' == event.tag"));
    assert_ne!(filter("tag == 'a'"), filter("tag == 'b'"));
    assert_eq!(canonical("!!(tag == 'a')"), filter("tag == 'a'").to_string());
    assert_eq!(refusal("tag").to_string(), "a filter must be true or false, this is a string");
}
