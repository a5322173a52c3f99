//! Bounds in number and age, and the views.

use super::support::{NOW, PLACE, apply, digest, input, tags, time};
use crate::catalog::{Catalog, Limits, RepositoryName, RepositoryView, Rules};
use crate::event::Timestamp;

const DAY: i64 = 24 * 3600;

fn ordered() -> Rules {
    Rules { keeps_order: true, blobs_look_like_images: true, ..Rules::default() }
}

#[test]
fn tombstones_and_requests_grow_old() {
    let mut catalog = Catalog::new(Limits::default());
    apply(&mut catalog, ordered(), "put a v1; del a; del f #r; put c");
    let counts = |catalog: &Catalog| (catalog.tombstones(), catalog.requests(), catalog.silent_images());
    assert_eq!(counts(&catalog), (2, 1, 1));
    for (after, expected) in [
        (3599, (2, 1, 1)),
        (3600, (2, 0, 1)),
        (DAY - 1, (2, 0, 1)),
        (DAY, (0, 0, 1)),
        (1000 * DAY, (0, 0, 1)),
    ] {
        catalog.expire(time(NOW + after));
        assert_eq!(counts(&catalog), expected, "{after} s later");
    }
    assert!(catalog.changes().iter().any(|change| change.value.is_none()));
    // D5: no tombstone tells any more that v1 was told.
    assert_eq!(apply(&mut catalog, ordered(), "deltag v1"), ["DT(?,v1)"]);
}

#[test]
fn an_old_repository_is_forgotten_whole() {
    let mut catalog = Catalog::new(Limits::default());
    apply(&mut catalog, Rules::default(), "put a v1; del a");
    assert_eq!(catalog.repositories(), 1);
    catalog.expire(time(NOW + DAY));
    assert_eq!(catalog.repositories(), 0);
    assert!(catalog.changes().iter().all(|change| change.value.is_none()));
}

#[test]
fn the_oldest_go_first() {
    let mut catalog = Catalog::new(Limits { tombstones: 2, requests: 1, silent: 1 });
    for (second, text) in [(0, "del a"), (1, "del b"), (2, "del a"), (3, "del c")] {
        catalog.apply(PLACE, Rules::default(), &input(text), time(NOW + second));
    }
    assert_eq!(catalog.tombstones(), 2);
    // `a` was told again, so `b` is the one that was forgotten: C4 and C3.
    assert_eq!(apply(&mut catalog, Rules::default(), "del b"), ["DI(b)"]);
    apply(&mut catalog, ordered(), "put d; put e; del 1 #r; del 2 #q");
    assert_eq!((catalog.silent_images(), catalog.requests()), (1, 1));
}

#[test]
fn nothing_crosses_a_cloud_or_a_registry() {
    let mut catalog = Catalog::new(Limits::default());
    let places =
        [("c", "r", "app"), ("d", "r", "app"), ("c", "s", "app"), ("c", "r", "app2"), ("cr", "", "app")];
    for (cloud, registry, repository) in places {
        let place = RepositoryName { cloud, registry, repository };
        let told = catalog.apply(place, Rules::default(), &input("put a v1"), time(NOW));
        assert_eq!(told.len(), 2, "{place:?}");
    }
    assert_eq!((catalog.tags(), catalog.images(), catalog.repositories()), (5, 5, 5));
    let names =
        |after| -> Vec<&str> { catalog.repositories_of("c", "r", after).map(RepositoryView::name).collect() };
    assert_eq!(names(None), ["app", "app2"]);
    assert_eq!(names(Some("app")), ["app2"]);
    assert_eq!(names(Some("app2")), [""; 0]);
}

#[test]
fn a_view_shows_tags_in_pages() {
    let mut catalog = Catalog::new(Limits::default());
    assert!(catalog.repository(PLACE).is_none());
    apply(&mut catalog, Rules::default(), "put a v1 @5; put a v3; puttag v2 @6; put b v4");
    let view = catalog.repository(PLACE).unwrap();
    assert_eq!((view.name(), view.tags(), view.images()), (PLACE.repository, 4, 2));
    assert_eq!(view.last_change(), Some(time(NOW)));
    let page = view.tags_after(Some("v1"), 2);
    assert_eq!(page.iter().map(|tag| tag.name).collect::<Vec<_>>(), ["v2", "v3"]);
    assert_eq!((page[0].digest.clone(), page[0].at), (None, Some(time(6))));
    assert_eq!((page[1].digest.clone(), page[1].at), (Some(digest("a")), None));
    assert!(view.tags_after(Some("v4"), 2).is_empty());
}

#[test]
fn times_at_the_ends_of_time() {
    let mut catalog = Catalog::new(Limits::default());
    for (at, letter) in [(Timestamp::MIN, "a"), (Timestamp::MAX, "b"), (Timestamp::MIN, "c")] {
        let mut told = input(&format!("put {letter} v1"));
        told.at = Some(at);
        catalog.apply(PLACE, Rules::default(), &told, time(NOW));
        catalog.apply(PLACE, ordered(), &told, Timestamp::MAX);
    }
    catalog.expire(Timestamp::MAX);
    catalog.expire(Timestamp::MIN);
    assert_eq!(tags(&catalog), "v1=c");
}
