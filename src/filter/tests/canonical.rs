//! Each rule of the canonical form, by example.

use super::{canonical, filter};

fn assert_canonical(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(canonical(text), *expected, "{text}");
        assert_eq!(canonical(expected), *expected, "{text} is not its own canonical form");
    }
}

#[test]
fn negations_are_pushed_down() {
    assert_canonical(&[
        ("!(tag == 'a')", r#"tag != "a""#),
        ("!(tag == 'a' && size > 5)", r#"tag != "a" || size <= 5"#),
        ("!(tag == 'a' || !(tag != 'b' && size == 5))", r#"!(tag in ["a","b"]) && size == 5"#),
        ("!tag.startsWith('a')", r#"!tag.startsWith("a")"#),
        ("!!!tag.contains('a')", r#"!tag.contains("a")"#),
        ("!(type in ['CreateImage', 'PullImage'])", r#"!(type in ["CreateImage","PullImage"])"#),
    ]);
}

#[test]
fn groups_are_flattened_and_constants_folded() {
    assert_canonical(&[
        ("tag == 'a' && (size > 5 && (actor == 'x'))", r#"tag == "a" && size > 5 && actor == "x""#),
        ("tag == 'a' && true", r#"tag == "a""#),
        ("tag == 'a' && false", "false"),
        ("tag == 'a' || true", "true"),
        ("(tag == 'a' || false) && 1 == 1", r#"tag == "a""#),
        ("tag.startsWith('') && tag.endsWith('') && tag.contains('')", "true"),
        ("'abc'.startsWith('a') && 'abc'.matches('c$')", "true"),
        ("tag in []", "false"),
        ("!(tag in [])", "true"),
        ("size(tag) >= 0", "true"),
        ("size(tag) < 0", "false"),
        ("has(event.type)", "true"),
        (
            "(tag == 'a' || size > 5) && (actor == 'x' || source == 'y')",
            r#"(tag == "a" || size > 5) && (actor == "x" || source == "y")"#,
        ),
        (
            "tag == 'a' && size > 5 || actor == 'x' && size < 5",
            r#"tag == "a" && size > 5 || size < 5 && actor == "x""#,
        ),
    ]);
}

#[test]
fn sets_merge() {
    assert_canonical(&[
        ("tag == 'b' || tag == 'a' || tag in ['c', 'a']", r#"tag in ["a","b","c"]"#),
        ("tag in ['a','b'] && tag in ['b','c']", r#"tag == "b""#),
        ("tag == 'a' && tag == 'b'", "false"),
        ("tag != 'b' && tag != 'a'", r#"!(tag in ["a","b"])"#),
        ("tag != 'a' || tag != 'b'", "true"),
        ("tag != 'a' || tag == 'a'", "true"),
        ("tag in ['a','b'] && tag != 'a'", r#"tag == "b""#),
        ("tag in ['a','b'] || tag != 'a'", "true"),
        ("tag in ['a']", r#"tag == "a""#),
        ("tag == 'a' || tag == 'b' || size > 5", r#"tag in ["a","b"] || size > 5"#),
        ("tag == 'a' && repository == 'r' || tag == 'b'", r#"tag == "b" || repository == "r" && tag == "a""#),
    ]);
}

#[test]
fn sets_are_thinned() {
    assert_canonical(&[
        ("tag in ['v1','v2','x'] && tag.startsWith('v')", r#"tag in ["v1","v2"]"#),
        ("tag in ['v1','x'] && tag.matches('^v[0-9]+$') && size(tag) == 2", r#"tag == "v1""#),
        ("tag in ['x'] && tag.startsWith('v')", "false"),
        ("tag != 'x' && tag.startsWith('v')", r#"tag.startsWith("v")"#),
        ("tag != 'v1' && tag.startsWith('v')", r#"tag != "v1" && tag.startsWith("v")"#),
        ("tag == 'v1' || tag.startsWith('v')", r#"tag.startsWith("v")"#),
        ("tag != 'v1' || tag.startsWith('v')", "true"),
        ("has(event.tag) && tag.startsWith('v')", r#"tag.startsWith("v")"#),
    ]);
}

#[test]
fn ints_merge() {
    assert_canonical(&[
        ("size > 3 && size > 5", "size > 5"),
        ("size > 1000", "size > 1000"),
        ("size >= 1000", "size >= 1000"),
        ("size < 4096", "size < 4096"),
        ("size > 3 || size > 5", "size > 3"),
        ("size >= 1 && size <= 9", "size > 0 && size < 10"),
        ("size > 10 && size < 5", "false"),
        ("size > 5 || size < 10", "true"),
        ("size == 5 && size > 3", "size == 5"),
        ("size != 5", "size != 5"),
        ("size < 5 || size > 5", "size != 5"),
        ("size != 5 && size != 7", "!(size in [5,7])"),
        ("size in [7, 5, 1]", "size in [1,5,7]"),
        ("size in [1, 2] || size > 100", "size > 0 && size < 3 || size > 100"),
        ("!(size >= 10 && size < 20) && tag == 'a'", r#"tag == "a" && (size < 10 || size >= 20)"#),
        ("-size < -1000", "size > 1000"),
        ("size(tag) == 0", r#"tag == """#),
        ("size(tag) > 0", r#"tag != """#),
        ("size(tag) < 5 && tag != ''", "size(tag) > 0 && size(tag) < 5"),
        ("size(tag) > 4 || tag == ''", "size(tag) <= 0 || size(tag) >= 5"),
        ("size <= 9223372036854775807", "true"),
    ]);
}

#[test]
fn types_become_sets() {
    assert_canonical(&[
        ("type == 'CreateImage' || type == 'PullImage'", r#"type in ["CreateImage","PullImage"]"#),
        ("type.endsWith('Chart')", r#"type in ["CreateChart","DeleteChart"]"#),
        ("event_type.endsWith('.PullImage')", r#"type == "PullImage""#),
        ("event_type == 'CreateImage'", "false"),
        ("type != 'PullImage'", r#"type != "PullImage""#),
        (
            "type.startsWith('Create') && type.contains('Image')",
            r#"type in ["CreateImage","CreateImageTag"]"#,
        ),
        ("size(type) == 9 && type != 'PullImage'", r#"type == "ScanImage""#),
        ("type == 'PullImage' && type == 'ScanImage'", "false"),
        ("type.matches('.')", "true"),
    ]);
}

#[test]
fn patterns_are_lowered() {
    assert_canonical(&[
        ("tag.matches('^lit$')", r#"tag == "lit""#),
        ("tag.matches('^lit')", r#"tag.startsWith("lit")"#),
        ("tag.matches('^lit.*')", r#"tag.startsWith("lit")"#),
        ("tag.matches('lit$')", r#"tag.endsWith("lit")"#),
        ("tag.matches('.*lit$')", r#"tag.endsWith("lit")"#),
        ("tag.matches('lit')", r#"tag.contains("lit")"#),
        ("tag.matches('.*lit.*')", r#"tag.contains("lit")"#),
        ("tag.matches('^(a|b)$')", r#"tag in ["a","b"]"#),
        ("tag.matches('^(?:v1|v20|latest)$')", r#"tag in ["latest","v1","v20"]"#),
        ("tag.matches('foo|bar')", r#"tag.contains("bar") || tag.contains("foo")"#),
        ("tag.matches('^foo|bar$')", r#"tag.startsWith("foo") || tag.endsWith("bar")"#),
        ("tag.matches('^lit.*$')", r#"tag.startsWith("lit")"#),
        ("tag.matches('^.*lit$')", r#"tag.endsWith("lit")"#),
        ("tag.matches('^.*$') && tag.matches('')", "true"),
        ("tag.matches('^$')", r#"tag == """#),
        ("tag.matches('^gr(a|e)y$')", r#"tag in ["gray","grey"]"#),
        ("!tag.matches('^lit$')", r#"tag != "lit""#),
        (r"tag.matches(r'^v1\.2$')", r#"tag == "v1.2""#),
        ("actor.matches('^lit.*')", r#"actor.startsWith("lit")"#),
        ("actor.matches('^lit.*$')", r#"actor.matches("^lit.*$")"#),
        ("actor.matches('^(?s:lit.*)$')", r#"actor.startsWith("lit")"#),
        (r"tag.matches('^v\\d+$')", r#"tag.matches("^v\\d+$")"#),
        (r"tag.matches('^(?:v\\d+)$')", r#"tag.matches("^v\\d+$")"#),
    ]);
}

#[test]
fn conditions_are_sorted_and_unique() {
    assert_canonical(&[
        (
            "source == 's' && size > 5 && tag.contains('x') && tag.startsWith('y') && type == 'PullImage' && cloud_id == 'c'",
            r#"type == "PullImage" && cloud_id == "c" && tag.startsWith("y") && tag.contains("x") && size > 5 && source == "s""#,
        ),
        ("tag.contains('x') && tag.contains('x')", r#"tag.contains("x")"#),
        ("tag == 'a' || tag == 'a'", r#"tag == "a""#),
        ("(size > 5 || tag == 'a') && (tag == 'a' || size > 5)", r#"tag == "a" || size > 5"#),
    ]);
}

#[test]
fn texts_are_escaped() {
    assert_canonical(&[(r#"tag == 'a"b\\c\n\r\t\x01\u00e9'"#, "tag == \"a\\\"b\\\\c\\n\\r\\t\\u0001é\"")]);
    assert_eq!(filter(r"tag == '\u007f'").canonical(), r#"tag == "\u007f""#);
}
