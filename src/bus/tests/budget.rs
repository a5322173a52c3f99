//! What becomes of a filter that searches more than may be.

use super::*;

/// For eight events as they are made here, searched by one pattern; then nothing.
const FEW: SearchBudget = SearchBudget { per_event: 0, burst: 8 * 18 };

/// Searches each event and matches all.
const SEARCHING: &str = "tag.matches('v[0-9]?$')";

#[tokio::test(start_paused = true)]
async fn a_filter_that_searches_too_much_ends_where_it_stands_and_others_go_on() {
    let rig = Rig::searching(PLENTY, FEW);
    let plain = rig.subscribe(spec("tag != ''"), 0).await;
    let (greedy, subscription) = rig.subscribe_of("b", Form::VALUES, spec(SEARCHING), 0).await;
    rig.append(40, 10);
    pass(500).await;
    // Those that search little may do twice as much.
    assert_eq!(greedy.sights(), [batch(1..=16), Stopped(16)]);
    assert!(subscription.ended());
    assert_eq!(plain.sights(), [batch(1..=40)]);
    assert_eq!(rig.metrics.filters_stopped.get(), 1);
    rig.append(1, 10);
    pass(500).await;
    assert_eq!((greedy.sights(), plain.sights()), (vec![], vec![batch([41])]));
}

#[tokio::test(start_paused = true)]
async fn who_shares_a_filter_loses_nothing_when_another_can_pay_no_more() {
    let rig = Rig::searching(PLENTY, FEW);
    let (first, _) = rig.subscribe_of("a", Form::VALUES, spec(SEARCHING), 0).await;
    let (second, _) = rig.subscribe_of("b", Form::VALUES, spec(SEARCHING), 0).await;
    rig.append(20, 10);
    pass(500).await;
    assert_eq!(first.sights(), [batch(1..=16), Stopped(16)]);
    assert_eq!(second.sights(), [batch(1..=16), batch(17..=20)]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_pays_as_it_goes() {
    let rig = Rig::searching(PLENTY, FEW);
    rig.append(2_000, 10);
    let (greedy, _) = rig.subscribe_of("a", Form::VALUES, spec(SEARCHING), 0).await;
    let plain = rig.subscribe(spec("tag != ''"), 0).await;
    pass(500).await;
    assert_eq!(greedy.sights(), [batch(1..=16), Stopped(16)]);
    assert_eq!(plain.sights(), [batch(1..=2_000)]);
    let enough = Rig::searching(PLENTY, SearchBudget { per_event: 18, burst: 18 });
    enough.append(2_000, 10);
    let modest = enough.subscribe(spec(SEARCHING), 0).await;
    pass(500).await;
    assert_eq!(modest.sights(), [batch(1..=2_000)]);
}
