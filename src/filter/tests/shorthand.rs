//! The shorthand's tables: each object is the expression it stands for.

use serde_json::{Value, json};

use super::{canonical, filter};
use crate::filter::{Filter, FilterError, Options, Reason};

fn read(value: &Value) -> Result<Filter, FilterError> {
    Filter::from_json(value, &Options::default())
}

fn assert_same(value: &Value, expression: &str) {
    let understood = read(value).unwrap_or_else(|error| panic!("{value}: {error} {}", error.details()));
    assert_eq!(understood.canonical(), canonical(expression), "{value}");
    assert_eq!(filter(&value.to_string()), understood, "{value}");
}

#[test]
fn members_and_operators() {
    for (object, expression) in [
        (json!({"tag": "v1"}), r#"tag == "v1""#),
        (json!({"size": 3023}), "size == 3023"),
        (json!({"tag": ["v1", "v2"]}), r#"tag in ["v1","v2"]"#),
        (json!({"size": [1, 5]}), "size in [1, 5]"),
        (json!({"tag": {"equals": "x"}}), r#"tag == "x""#),
        (json!({"tag": {"in": ["x", "y"]}}), r#"tag in ["x","y"]"#),
        (json!({"tag": {"startsWith": "a"}}), r#"tag.startsWith("a")"#),
        (json!({"tag": {"endsWith": "a"}}), r#"tag.endsWith("a")"#),
        (json!({"tag": {"contains": "a"}}), r#"tag.contains("a")"#),
        (json!({"tag": {"startsWith": ["a", "b"]}}), r#"(tag.startsWith("a") || tag.startsWith("b"))"#),
        (json!({"tag": {"endsWith": ["a", "b"]}}), r#"tag.endsWith("a") || tag.endsWith("b")"#),
        (json!({"tag": {"contains": ["a", "b"]}}), r#"tag.contains("a") || tag.contains("b")"#),
        (json!({"tag": {"matches": ["a+", "b+"]}}), r#"tag.matches("^(?:a+)$") || tag.matches("^(?:b+)$")"#),
        (json!({"tag": {"glob": ["a*", "b"]}}), r#"tag.startsWith("a") || tag == "b""#),
        (json!({"tag": {"matches": "p+"}}), r#"tag.matches("^(?:p+)$")"#),
        (json!({"tag": {"matches": "a|b+"}}), r#"tag.matches("^(?:a|b+)$")"#),
        (json!({"tag": {"matches": "^p+"}}), r#"tag.matches("^p+")"#),
        (json!({"tag": {"matches": "p+$"}}), r#"tag.matches("p+$")"#),
        (json!({"tag": {"matches": "p+\\$"}}), r#"tag.matches("^(?:p+\\$)$")"#),
        (json!({"tag": {"exists": true}}), r#"tag != """#),
        (json!({"tag": {"exists": false}}), r#"tag == """#),
        (json!({"size": {"exists": true}}), "size != 0"),
        (json!({"size": {"exists": false}}), "size == 0"),
        (json!({"type": {"exists": true}}), "true"),
        (json!({"size": {"lt": 5}}), "size < 5"),
        (json!({"size": {"lte": 5}}), "size <= 5"),
        (json!({"size": {"gt": 5}}), "size > 5"),
        (json!({"size": {"gte": 5, "lt": 9}}), "size >= 5 && size < 9"),
        (json!({"tag": {"not": "x"}}), r#"!(tag == "x")"#),
        (json!({"tag": {"not": {"not": {"startsWith": "x"}}}}), r#"tag.startsWith("x")"#),
        (json!({"all": ["tag == 'a'", {"size": 5}]}), "tag == 'a' && size == 5"),
        (json!({"any": ["tag == 'a'", {"size": 5}, true]}), "tag == 'a' || size == 5 || true"),
        (json!({"not": {"tag": "a", "size": 5}}), "!(tag == 'a' && size == 5)"),
        (json!({"details.tag": "a", "event.size": 5}), "tag == 'a' && size == 5"),
        (json!({"event_type": "CreateImage"}), "event_type == 'CreateImage'"),
        (json!({}), "true"),
        (json!({"tag": {}}), "true"),
        (json!({"all": [""]}), "true"),
    ] {
        assert_same(&object, expression);
    }
}

#[test]
fn not_only_objects() {
    assert_eq!(read(&Value::Null).unwrap().canonical(), "true");
    assert_eq!(read(&json!(true)).unwrap().canonical(), "true");
    assert_eq!(read(&json!("tag == 'a'")).unwrap().canonical(), r#"tag == "a""#);
    assert_eq!(read(&json!("")).unwrap().canonical(), "true");
    assert_eq!(canonical(" \n{ \"tag\" : \"a\" }"), r#"tag == "a""#);
}

#[test]
fn globs() {
    for (object, understood) in [
        (json!({"tag": {"glob": "latest"}}), r#"tag == "latest""#),
        (json!({"tag": {"glob": "release-*"}}), r#"tag.startsWith("release-")"#),
        (json!({"tag": {"glob": "{main,edge}"}}), r#"tag in ["edge","main"]"#),
        (json!({"repository": {"glob": "team/**"}}), r#"repository.startsWith("team/")"#),
        (json!({"repository": {"glob": "team/*"}}), r#"repository.matches("^team/[^/]*$")"#),
        (json!({"tag": {"glob": "*"}}), "true"),
        (json!({"tag": {"glob": "*-rc"}}), r#"tag.endsWith("-rc")"#),
        (json!({"tag": {"glob": "**rc*"}}), r#"tag.contains("rc")"#),
        (json!({"actor": {"glob": "ci-*"}}), r#"actor.startsWith("ci-")"#),
        (json!({"tag": {"glob": r"a\*"}}), r#"tag == "a*""#),
        (json!({"type": {"glob": "*Chart"}}), r#"type in ["CreateChart","DeleteChart"]"#),
    ] {
        assert_eq!(read(&object).unwrap().canonical(), understood, "{object}");
    }
}

#[test]
fn cases_of_the_seeds() {
    let team = r#"repository.startsWith("team/") && tag.matches(r"^v\d+\.\d+\.\d+$") && actor != "ci-bot""#;
    for (expression, object) in [
        (
            r#"repository == "crt2504/ubuntu" && tag == "latest""#,
            json!({"repository": "crt2504/ubuntu", "tag": "latest"}),
        ),
        (
            r#"repository == "crt2504/ubuntu" && tag == "latest" && type == "CreateImageTag""#,
            json!({"repository": "crt2504/ubuntu", "tag": "latest", "type": "CreateImageTag"}),
        ),
        (r#"tag.startsWith("release-v")"#, json!({"tag": {"matches": "release-v.*"}})),
        (r#"tag.matches("^release-v.*")"#, json!({"tag": {"matches": "release-v.*"}})),
        (r#"tag in ["v1","v2","latest"]"#, json!({"tag": ["v1", "v2", "latest"]})),
        ("true", json!({})),
        (
            r#"repository.startsWith("team/") && size > 1000"#,
            json!({"repository": {"startsWith": "team/"}, "size": {"gt": 1000}}),
        ),
        (r#"!(tag in ["dev","nightly"])"#, json!({"tag": {"not": ["dev", "nightly"]}})),
        (
            r#"repository == "aci-helloworld" && tag == "v1""#,
            json!({"repository": "aci-helloworld", "tag": "v1"}),
        ),
        (r#"type in ["CreateChart","DeleteChart"]"#, json!({"type": ["CreateChart", "DeleteChart"]})),
        (r#"!tag.endsWith(".sig")"#, json!({"tag": {"not": {"endsWith": ".sig"}}})),
        (
            team,
            json!({"repository": {"glob": "team/**"}, "tag": {"matches": "v\\d+\\.\\d+\\.\\d+"}, "actor": {"not": "ci-bot"}}),
        ),
    ] {
        assert_same(&object, expression);
    }
    assert_eq!(canonical(r#"{"repository":"a","size":{"gt":1000}}"#), r#"repository == "a" && size > 1000"#);
}

#[test]
fn what_is_refused() {
    for (value, pointer, message) in [
        (json!({"tag": []}), "/tag", "an empty list"),
        (json!({"tag": {"in": []}}), "/tag/in", "an empty list"),
        (json!({"tag": {"startsWith": []}}), "/tag/startsWith", "an empty list"),
        (json!({"all": []}), "/all", "an empty list"),
        (json!({"any": []}), "/any", "an empty list"),
        (
            json!({"tag": {"startWith": "x"}}),
            "/tag/startWith",
            "unknown operator 'startWith'; did you mean 'startsWith'?",
        ),
        (json!({"tga": "x"}), "/tga", "unknown field 'tga'; did you mean 'tag'?"),
        (json!({"tag": 5}), "/tag", "expected a string, found a number"),
        (json!({"tag": null}), "/tag", "expected a string, found null"),
        (json!({"tag": ["a", 5]}), "/tag/1", "expected a string, found a number"),
        (json!({"size": "5"}), "/size", "expected a whole number of 64 bits, found a string"),
        (json!({"size": 1.5}), "/size", "expected a whole number of 64 bits, found a number"),
        (json!({"size": u64::MAX}), "/size", "expected a whole number of 64 bits, found a number"),
        (
            json!({"size": {"startsWith": "5"}}),
            "/size/startsWith",
            "size is an int; 'startsWith' is for strings",
        ),
        (json!({"tag": {"lt": 5}}), "/tag/lt", "tag is a string; only 'size' has bounds"),
        (json!({"tag": {"exists": 1}}), "/tag/exists", "expected true or false, found a number"),
        (
            json!({"tag": {"glob": "{a"}}),
            "/tag/glob",
            "glob: '{' without '}'; for the character itself write \\{",
        ),
        (json!({"all": "x"}), "/all", "expected a list of filters, found a string"),
        (json!({"all": [5]}), "/all/0", "expected true, an expression or an object, found a number"),
        (json!({"not": false}), "/not", "expected true, an expression or an object, found a bool"),
        (
            json!({"type": "CreateImge"}),
            "/type",
            "unknown event type 'CreateImge'; did you mean 'CreateImage'?",
        ),
        (
            json!({"type": ["CreateImage", "X"]}),
            "/type/1",
            "unknown event type 'X'; types are CreateImage, CreateImageTag, DeleteImage, DeleteImageTag, CreateChart, DeleteChart, PullImage, ScanImage",
        ),
        (
            json!({"a/b~c": "x"}),
            "/a~1b~0c",
            "unknown field 'a/b~c'; fields are type, event_type, cloud_id, folder_id, registry, repository, tag, digest, image_id, media_type, size, actor, source",
        ),
        (json!([1]), "", "expected true, an expression or an object, found a list"),
        (json!(5), "", "expected true, an expression or an object, found a number"),
    ] {
        let error = read(&value).unwrap_err();
        assert_eq!(error.message, message, "{value}");
        assert_eq!(error.reason, Some(Reason::BadValue), "{value}");
        assert_eq!((error.pointer.as_deref(), error.line), (Some(pointer), 0), "{value}");
    }
}

#[test]
fn faults_within() {
    let error = read(&json!({"tag": {"matches": "release-("}})).unwrap_err();
    assert_eq!((error.reason, error.pointer.as_deref()), (Some(Reason::BadRegex), Some("/tag/matches")));
    assert_eq!(error.message, "regular expression: unclosed group");
    let error = read(&json!({"any": [true, "tag = 'x'"]})).unwrap_err();
    assert_eq!(
        (error.reason, error.pointer.as_deref(), error.column),
        (Some(Reason::Syntax), Some("/any/1"), 5)
    );
    let error = read(&json!("tag = 'x'")).unwrap_err();
    assert_eq!((error.pointer.as_deref(), error.column), (None, 5));
    let error = Filter::parse("{\"tag\": \n nul}", &Options::default()).unwrap_err();
    assert_eq!((error.reason, error.line), (Some(Reason::Syntax), 2));
    assert_eq!(error.message, "not JSON: expected ident");
}
