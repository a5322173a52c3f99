//! Each row of the truth table, but for those of what comes late.

use super::support::{Row, apply, check, images, tags};
use crate::catalog::{Catalog, Limits, Order, Rules, UntaggedImages};

const PLAIN: Rules = Rules {
    keeps_order: false,
    blobs_look_like_images: false,
    last_tag_takes_image: false,
    untagged: UntaggedImages::Silent,
    order: Order::Time,
    pulls: false,
    scans: false,
};
const DISTRIBUTION: Rules = Rules { keeps_order: true, blobs_look_like_images: true, ..PLAIN };
const LAST_TAG: Rules = Rules { last_tag_takes_image: true, ..PLAIN };
const ANNOUNCE: Rules = Rules { untagged: UntaggedImages::Announce, ..PLAIN };
const ASKED: Rules = Rules { pulls: true, scans: true, ..PLAIN };

type Line = (&'static str, Rules, &'static str, &'static str, &'static str, (&'static str, &'static str));

fn check_all(lines: &[Line]) {
    for &(name, rules, before, input, events, after) in lines {
        check(Row { name, rules, before, input, events, after });
    }
}

#[test]
fn pushes_by_tag() {
    check_all(&[
        ("A1", PLAIN, "", "put a v1", "CI(a,v1) CT(a,v1)", ("v1=a", "a")),
        ("A1 silent", PLAIN, "put a", "put a v1", "CI(a,v1) CT(a,v1)", ("v1=a", "a")),
        ("A1 gone", PLAIN, "put a v1; del a", "put a v1", "CI(a,v1) CT(a,v1)", ("v1=a", "a")),
        ("A2", PLAIN, "put a v1", "put b v1", "CI(b,v1) DT(a,v1)* CT(b,v1)", ("v1=b", "ab")),
        ("A3", PLAIN, "put a v1", "put a v2", "CT(a,v2)", ("v1=a v2=a", "a")),
        ("A4", PLAIN, "put a v1; put b v2", "put a v2", "DT(b,v2)* CT(a,v2)", ("v1=a v2=a", "ab")),
        ("A5", PLAIN, "put a v1", "put a v1", "", ("v1=a", "a")),
        ("A6 new", PLAIN, "puttag v1", "put a v1", "CI(a,v1) CT(a,v1)", ("v1=a", "a")),
        ("A6 known", PLAIN, "put a v2; puttag v1", "put a v1", "CT(a,v1)", ("v1=a v2=a", "a")),
    ]);
}

#[test]
fn pushes_by_digest() {
    check_all(&[
        ("B1", PLAIN, "", "put a", "", ("", "")),
        ("B2 silent", PLAIN, "put a", "put a", "", ("", "")),
        ("B2 announced", PLAIN, "put a v1", "put a", "", ("v1=a", "a")),
        ("B1 announce", ANNOUNCE, "", "put a", "CI(a)", ("", "a")),
        ("A3 announce", ANNOUNCE, "put a", "put a v1", "CT(a,v1)", ("v1=a", "a")),
    ]);
}

#[test]
fn deletes_of_images() {
    check_all(&[
        (
            "C1",
            PLAIN,
            "put a v2; put a v1; put a v10; put b x",
            "del a",
            "DI(a) DT(a,v1) DT(a,v10) DT(a,v2)",
            ("x=b", "b"),
        ),
        ("C1 untagged", PLAIN, "put a v1; put b v1", "del a", "DI(a)", ("v1=b", "b")),
        ("C2", PLAIN, "put a", "del a", "", ("", "")),
        ("C3", PLAIN, "put a v1; del a", "del a", "", ("", "")),
        ("C3 after C2", PLAIN, "put a; del a", "del a", "", ("", "")),
        ("C3 after D1l", LAST_TAG, "put a v1; deltag v1", "del a", "", ("", "")),
        ("C4", PLAIN, "", "del a", "DI(a)", ("", "")),
        ("C4t", PLAIN, "", "del a v1", "DI(a) DT(a,v1)", ("", "")),
        ("C4, the tag shows another", PLAIN, "put b v1", "del a v1", "DI(a)", ("v1=b", "b")),
        ("C5", DISTRIBUTION, "", "del a #r", "", ("", "")),
        (
            "C6",
            PLAIN,
            "put b v2; put a v1; put a v3; put c",
            "delrepo",
            "DI(a)* DT(a,v1)* DT(a,v3)* DI(b)* DT(b,v2)*",
            ("", ""),
        ),
        (
            "C6 with tags of unknown images",
            PLAIN,
            "put a v3; puttag v2; puttag v1",
            "delrepo",
            "DI(a)* DT(a,v3)* DT(?,v1) DT(?,v2)",
            ("", ""),
        ),
        ("C6 empty", PLAIN, "", "delrepo", "", ("", "")),
    ]);
}

#[test]
fn deletes_of_tags() {
    check_all(&[
        ("D1", PLAIN, "put a v1", "deltag v1", "DT(a,v1)*", ("", "a")),
        ("D1 told", PLAIN, "put a v1", "deltag v1 a", "DT(a,v1)", ("", "a")),
        ("D1 not the last", LAST_TAG, "put a v1; put a v2", "deltag v1 a", "DT(a,v1)", ("v2=a", "a")),
        ("D1l", LAST_TAG, "put a v1", "deltag v1 a", "DI(a) DT(a,v1)", ("", "")),
        ("D1l untold", LAST_TAG, "put a v1", "deltag v1", "DI(a)* DT(a,v1)*", ("", "")),
        ("D2 no times", PLAIN, "put a v1", "deltag v1 b", "", ("v1=a", "a")),
        ("D2 one time", PLAIN, "put a v1 @5", "deltag v1 b @5", "", ("v1=a", "a")),
        ("D2b", PLAIN, "put a v1 @5", "deltag v1 b @6", "DT(a,v1)*", ("", "a")),
        ("D2b keeps the image", LAST_TAG, "put a v1 @5", "deltag v1 b @6", "DT(a,v1)*", ("", "a")),
        ("D3 after C1", DISTRIBUTION, "put a v1; del a", "deltag v1", "", ("", "")),
        ("D3 after D1", PLAIN, "put a v1; deltag v1", "deltag v1 a", "", ("", "a")),
        ("D4 first", DISTRIBUTION, "del a #r", "deltag v1 #r", "DI(a)* DT(a,v1)*", ("", "")),
        ("D4 then", DISTRIBUTION, "del a #r; deltag v1 #r", "deltag v2 #r", "DT(a,v2)*", ("", "")),
        ("D4 after C2", DISTRIBUTION, "put a; del a #r", "deltag v1 #r", "DI(a)* DT(a,v1)*", ("", "")),
        ("D3 after D4", DISTRIBUTION, "del a #r; deltag v1 #r", "deltag v1 #r", "", ("", "")),
        ("D5", PLAIN, "", "deltag v1", "DT(?,v1)", ("", "")),
        ("D5 told", PLAIN, "", "deltag v1 a", "DT(a,v1)", ("", "")),
        ("D5 other request", DISTRIBUTION, "del a #r", "deltag v1 #q", "DT(?,v1)", ("", "")),
        ("D6", PLAIN, "puttag v1", "deltag v1", "DT(?,v1)", ("", "")),
        ("D6 told", PLAIN, "puttag v1", "deltag v1 a", "DT(a,v1)", ("", "")),
    ]);
}

#[test]
fn pushes_without_digest() {
    check_all(&[
        ("E2", PLAIN, "", "puttag v1", "CT(?,v1)", ("v1=?", "")),
        ("E2 again", PLAIN, "puttag v1", "puttag v1", "CT(?,v1)", ("v1=?", "")),
        ("E2 of a known tag", PLAIN, "put a v1", "puttag v1", "CT(?,v1)", ("v1=?", "a")),
        ("E2 of a digest that cannot be read", PLAIN, "", "put md5:00 v1", "CT(?,v1)", ("v1=?", "")),
    ]);
}

#[test]
fn the_rest() {
    check_all(&[
        ("F1", PLAIN, "", "putchart 1.0 a", "CC(a,1.0)", ("", "")),
        ("F1 other", PLAIN, "putchart 1.0 a", "putchart 1.0 b", "CC(b,1.0)", ("", "")),
        ("F2", PLAIN, "putchart 1.0 a", "putchart 1.0 a", "", ("", "")),
        ("F3", PLAIN, "putchart 1.0 a", "delchart 1.0 a", "DC(a,1.0)", ("", "")),
        ("F3 unknown", PLAIN, "", "delchart 1.0 a", "DC(a,1.0)", ("", "")),
        ("F3 again", PLAIN, "putchart 1.0 a; delchart 1.0 a", "delchart 1.0 a", "", ("", "")),
        ("F1 after F3", PLAIN, "putchart 1.0 a; delchart 1.0 a", "putchart 1.0 a", "CC(a,1.0)", ("", "")),
        ("F4 pull", ASKED, "", "pull a v1", "PI(a,v1)", ("", "")),
        ("F4 pull not asked for", PLAIN, "", "pull a v1", "", ("", "")),
        ("F4 scan", ASKED, "put a v1", "scan a", "SI(a)", ("v1=a", "a")),
        ("F4 scan not asked for", PLAIN, "", "scan a", "", ("", "")),
    ]);
}

#[test]
fn another_gateways_events() {
    check_all(&[
        ("F5 CI", PLAIN, "", "told CI a v1", "CI(a,v1)", ("", "a")),
        ("F5 CT", PLAIN, "told CI a v1", "told CT a v1", "CT(a,v1)", ("v1=a", "a")),
        ("F5 CT alone", PLAIN, "", "told CT a v1", "CT(a,v1)", ("v1=a", "a")),
        ("F5 CT without digest", PLAIN, "", "told CT ? v1", "CT(?,v1)", ("v1=?", "")),
        ("F5 DT", PLAIN, "told CT a v1", "told DT a v1", "DT(a,v1)", ("", "a")),
        ("F5 DT of another", PLAIN, "told CT b v1", "told DT a v1", "DT(a,v1)", ("v1=b", "b")),
        ("F5 DI", PLAIN, "told CT a v1", "told DI a", "DI(a)", ("", "")),
        ("F5 DT after DI", PLAIN, "told CT a v1; told DI a", "told DT a v1", "DT(a,v1)", ("", "")),
        ("F5 CC", PLAIN, "", "told CC a 1.0", "CC(a,1.0)", ("", "")),
        ("F5 DC", PLAIN, "told CC a 1.0", "told DC a 1.0", "DC(a,1.0)", ("", "")),
        ("F5 PI", PLAIN, "", "told PI a v1", "PI(a,v1)", ("", "")),
        ("A5 after F5", PLAIN, "told CT a v1", "put a v1", "", ("v1=a", "a")),
    ]);
}

/// The session that the design works through, without its blobs, probes, pulls and mounts.
#[test]
fn a_session_of_distribution() {
    let mut catalog = Catalog::new(Limits::default());
    let told = apply(
        &mut catalog,
        DISTRIBUTION,
        "put a v1; put a v1; put a latest; put b latest; put c; put d; put e 1.0; deltag 1.0;
         put a v1; put a v2; del a #r; deltag v2 #r; deltag v1 #r; del f",
    );
    let expected = [
        "CI(a,v1) CT(a,v1)",
        "",
        "CT(a,latest)",
        "CI(b,latest) DT(a,latest)* CT(b,latest)",
        "",
        "",
        "CI(e,1.0) CT(e,1.0)",
        "DT(e,1.0)*",
        "",
        "CT(a,v2)",
        "DI(a) DT(a,v1) DT(a,v2)",
        "",
        "",
        "",
    ];
    assert_eq!(told, expected);
    assert_eq!((tags(&catalog), images(&catalog)), ("latest=b".into(), "be".into()));
}

#[test]
fn listed_tags_make_no_events() {
    use super::support::{PLACE, digest, time};
    let mut catalog = Catalog::new(Limits::default());
    apply(&mut catalog, PLAIN, "put a kept @1; put b; puttag filled; put c back; deltag back");
    let listed = [("kept", "b"), ("filled", "b"), ("back", "c"), ("new", "d")];
    catalog.warm(PLACE, listed.map(|(tag, letter)| (tag, digest(letter))), time(9));
    assert_eq!(tags(&catalog), "back=c filled=b kept=a new=d");
    assert_eq!(images(&catalog), "abcd");
    // A2 and C1 hold exactly.
    let told = apply(&mut catalog, PLAIN, "put e new @1; del b @2; deltag back c @3");
    assert_eq!(told, ["CI(e,new) DT(d,new)* CT(e,new)", "DI(b) DT(b,filled)", "DT(c,back)"]);
}
