use proptest::prelude::*;

use super::*;

fn bounds(count: usize, weight: usize, ms: u64) -> Bounds {
    Bounds { count, weight, age: Duration::from_millis(ms) }
}

fn batches(window: &mut Window<u32>, item: u32, weight: usize, now: Instant) -> Vec<Vec<u32>> {
    window.add(item, weight, now).map(|batch| batch.items).collect()
}

#[test]
fn closes_at_the_count() {
    let (mut window, now) = (Window::new(bounds(2, 100, 10)), Instant::now());
    assert!(batches(&mut window, 1, 1, now).is_empty());
    assert_eq!(batches(&mut window, 2, 1, now), [[1, 2]]);
    assert!(window.is_empty());
}

#[test]
fn an_item_that_does_not_fit_closes_what_was_before_it() {
    let (mut window, now) = (Window::new(bounds(9, 10, 10)), Instant::now());
    assert!(batches(&mut window, 1, 6, now).is_empty());
    assert_eq!(batches(&mut window, 2, 6, now), [[1]]);
    assert_eq!(window.first(), Some(&2));
    assert_eq!(batches(&mut window, 3, 4, now), [[2, 3]], "exactly full");
}

#[test]
fn a_heavy_item_travels_alone() {
    let (mut window, now) = (Window::new(bounds(9, 10, 10)), Instant::now());
    assert!(batches(&mut window, 1, 1, now).is_empty());
    assert_eq!(batches(&mut window, 2, 50, now), [vec![1], vec![2]]);
}

#[test]
fn age_counts_from_the_first_item() {
    let (mut window, now) = (Window::new(bounds(9, 100, 10)), Instant::now());
    assert_eq!(window.deadline(), None);
    assert!(window.take_due(now).is_none());
    let _ = batches(&mut window, 1, 1, now);
    let _ = batches(&mut window, 2, 1, now + Duration::from_millis(9));
    assert_eq!(window.deadline(), Some(now + Duration::from_millis(10)));
    assert!(window.take_due(now + Duration::from_millis(9)).is_none());
    let due = window.take_due(now + Duration::from_millis(10));
    assert_eq!(due, Some(Batch { items: vec![1, 2], weight: 2, opened: now }));
    assert_eq!(window.deadline(), None, "the next one starts its own time");
}

#[test]
fn age_zero_is_due_at_once_but_shares_what_waits() {
    let (mut window, now) = (Window::new(bounds(9, 100, 0)), Instant::now());
    let _ = batches(&mut window, 1, 1, now);
    let _ = batches(&mut window, 2, 1, now);
    assert_eq!(window.take_due(now).map(|batch| batch.items), Some(vec![1, 2]));
}

proptest! {
    /// P4: whatever comes when, every bound holds and nothing is lost, doubled or reordered.
    #[test]
    fn bounds_hold_under_any_arrivals(
        count in 1usize..6, weight in 1usize..40, age in 0u64..50,
        arrivals in prop::collection::vec((0usize..30, 0u64..30), 0..60),
    ) {
        let start = Instant::now();
        let (mut now, mut out) = (start, Vec::new());
        let mut window = Window::new(bounds(count, weight, age));
        let mut opened = None;
        for (index, (item_weight, pause)) in arrivals.iter().enumerate() {
            let next = now + Duration::from_millis(*pause);
            // The owner asks at the deadline, never later than the next arrival.
            if let Some(deadline) = window.deadline().filter(|d| *d <= next) {
                prop_assert_eq!(Some(deadline), opened.map(|o: Instant| o + Duration::from_millis(age)));
                out.extend(window.take_due(deadline));
            }
            now = next;
            let was_empty = window.is_empty();
            let closed: Vec<_> = window.add(index, *item_weight, now).collect();
            if !was_empty && let Some(batch) = closed.first() {
                prop_assert_eq!(Some(batch.opened), opened);
            }
            if was_empty || !closed.is_empty() {
                opened = (!window.is_empty()).then_some(now);
            }
            out.extend(closed);
        }
        out.extend(window.close());
        prop_assert!(window.close().is_none());
        for batch in &out {
            let sum: usize = batch.items.iter().map(|i| arrivals[*i].0).sum();
            prop_assert_eq!(batch.weight, sum);
            prop_assert!((1..=count).contains(&batch.items.len()));
            prop_assert!(batch.items.len() == 1 || sum <= weight);
        }
        let all: Vec<usize> = out.into_iter().flat_map(|batch| batch.items).collect();
        prop_assert_eq!(all, (0..arrivals.len()).collect::<Vec<_>>());
    }
}
