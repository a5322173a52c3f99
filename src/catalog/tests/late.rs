//! Each row of what comes late: L1 to L5.

use super::support::{NOW, Row, apply, check, tags};
use crate::catalog::{Catalog, Limits, Order, Rules};

fn plain() -> Rules {
    Rules::default()
}

fn ordered() -> Rules {
    Rules { keeps_order: true, ..Rules::default() }
}

fn arrival() -> Rules {
    Rules { order: Order::Arrival, ..Rules::default() }
}

fn last_tag() -> Rules {
    Rules { last_tag_takes_image: true, ..Rules::default() }
}

#[rustfmt::skip]
#[test]
fn late_rows() {
    for (name, rules, before, input, events, after) in [
        ("L1", plain(), "put b v1 @9", "put a v1 @5", "CI(a)", ("v1=b", "ab")),
        ("L1 after D1", plain(), "put b v1 @1; deltag v1 @9", "put a v1 @5", "CI(a)", ("", "ab")),
        ("L1 silent", plain(), "put a @1; put b v1 @9", "put a v1 @5", "CI(a)", ("v1=b", "ab")),
        ("L2", plain(), "put a v1 @1; put b v1 @9", "put a v1 @5", "", ("v1=b", "ab")),
        ("L3", plain(), "put b v1 @1; del a @9", "put a v1 @5", "DT(b,v1)*", ("", "b")),
        ("L3 of ?", plain(), "puttag v1 @1; del a @9", "put a v1 @5", "DT(?,v1)*", ("", "")),
        ("L3 of ∅", plain(), "del a @9", "put a v1 @5", "", ("", "")),
        ("L3' moved", plain(), "put b v1 @6; del a @9", "put a v1 @5", "", ("v1=b", "b")),
        ("L3' untagged", plain(), "del a @9", "put a @5", "", ("", "")),
        ("L3' no time", plain(), "put b v1; del a @9", "put a v1 @5", "", ("v1=b", "b")),
        ("L4", plain(), "put a v1 @1; put a v2 @9", "del a @5", "DT(a,v1)", ("v2=a", "a")),
        ("L4 of none", plain(), "put a v2 @9", "del a @5", "", ("v2=a", "a")),
        ("L4 silent", plain(), "put a @9; del a @5", "put a v1 @8", "CI(a,v1) CT(a,v1)", ("v1=a", "a")),
        ("L4 in C6", plain(), "put a v1 @1; put a v2 @9; put b x @2", "delrepo @5", "DT(a,v1)* DI(b)* DT(b,x)*", ("v2=a", "a")),
        ("L5", plain(), "put a v1 @9", "deltag v1 @5", "", ("v1=a", "a")),
        ("L5 told", plain(), "put a v1 @9", "deltag v1 a @5", "", ("v1=a", "a")),
        ("L5 PutTag", plain(), "put a v1 @9", "puttag v1 @5", "", ("v1=a", "a")),
        ("L5 chart put", plain(), "putchart 1 a @9", "putchart 1 b @5", "", ("", "")),
        ("L5 chart gone", plain(), "delchart 1 a @9", "putchart 1 b @5", "", ("", "")),
        ("L5 chart deleted", plain(), "putchart 1 a @9", "delchart 1 a @5", "", ("", "")),
    ] {
        check(Row { name, rules, before, input, events, after });
    }
}

#[rustfmt::skip]
#[test]
fn what_later_rows_need_to_know() {
    for (name, rules, before, input, events, after) in [
        ("C3 keeps the later delete", plain(), "put a v1 @1; del a @2; del a @9", "put a v2 @5", "", ("", "")),
        ("D3 keeps the later time", plain(), "put a v1 @1; del a @2; deltag v1 @9", "put b v1 @5", "CI(b)", ("", "b")),
        ("L3 of ∅ keeps its time", plain(), "del a @9; put a v1 @5", "put b v1 @3", "CI(b)", ("", "b")),
        ("C1 leaves at(t)", plain(), "put a v1 @5; del a @9", "put b v1 @7", "CI(b,v1) CT(b,v1)", ("v1=b", "b")),
        ("C4t does not name the tag", plain(), "del a v1 @9", "put b v1 @7", "CI(b,v1) CT(b,v1)", ("v1=b", "b")),
        ("C6 is the end of images never seen", plain(), "delrepo @9", "put a v1 @5", "", ("", "")),
        ("C6 is the end of tags never seen", plain(), "delrepo @9", "puttag v1 @5", "", ("", "")),
        ("D1l spares an image put later", last_tag(), "put a v2 @9; put b v2 @10; put a v1 @1", "deltag v1 @5", "DT(a,v1)*", ("v2=b", "ab")),
        ("D1l is disproved by another tag", last_tag(), "put a v1 @1; deltag v1 @9", "put a v2 @5", "CI(a,v2) CT(a,v2)", ("v2=a", "a")),
        ("D1l is not disproved by its own", last_tag(), "put a v1 @1; deltag v1 @9", "put a v1 @5", "", ("", "")),
        ("D1l is not disproved without a tag", last_tag(), "put a v1 @1; deltag v1 @9", "put a @5", "", ("", "")),
    ] {
        check(Row { name, rules, before, input, events, after });
    }
}

#[rustfmt::skip]
#[test]
fn who_is_late() {
    for (name, rules, before, input, events, after) in [
        ("equal times", plain(), "put a v1 @5", "put b v1 @5", "CI(b,v1) DT(a,v1)* CT(b,v1)", ("v1=b", "ab")),
        ("no time", plain(), "put a v1 @5", "put b v1", "CI(b,v1) DT(a,v1)* CT(b,v1)", ("v1=b", "ab")),
        ("no time recorded", plain(), "put a v1", "put b v1 @5", "CI(b,v1) DT(a,v1)* CT(b,v1)", ("v1=b", "ab")),
        ("other emitter, no order", plain(), "put a v1 @5 ~x", "put b v1 @4 ~y", "CI(b)", ("v1=a", "ab")),
        ("one emitter", ordered(), "put a v1 @5 ~x", "put b v1 @1 ~x", "CI(b,v1) DT(a,v1)* CT(b,v1)", ("v1=b", "ab")),
        ("two emitters, 2 s", ordered(), "put a v1 @5 ~x", "put b v1 @3 ~y", "CI(b,v1) DT(a,v1)* CT(b,v1)", ("v1=b", "ab")),
        ("two emitters, 3 s", ordered(), "put a v1 @5 ~x", "put b v1 @2 ~y", "CI(b)", ("v1=a", "ab")),
        ("L3 by one emitter's order", ordered(), "put b v1 @7 ~x; put a v2 @1 ~y; del a @9 ~y", "put a v1 @5 ~x", "DT(b,v1)*", ("", "b")),
        ("order = arrival", arrival(), "put a v1 @9", "put b v1 @1", "CI(b,v1) DT(a,v1)* CT(b,v1)", ("v1=b", "ab")),
        ("order = arrival, D2", arrival(), "put a v1 @5", "deltag v1 b @6", "", ("v1=a", "a")),
    ] {
        check(Row { name, rules, before, input, events, after });
    }
}

#[test]
fn a_clock_far_ahead_is_not_believed() {
    let at = |seconds| format!("put a v1 @{}", NOW + seconds);
    for (ahead, late) in [(300, true), (301, false)] {
        let mut catalog = Catalog::new(Limits::default());
        apply(&mut catalog, plain(), &at(ahead));
        apply(&mut catalog, plain(), &format!("put b v1 @{}", NOW + 1));
        assert_eq!(tags(&catalog), if late { "v1=a" } else { "v1=b" }, "{ahead} s ahead");
    }
}
