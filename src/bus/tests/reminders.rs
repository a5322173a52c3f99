//! What is told of a subscription whose client hears nothing.

use super::*;

#[tokio::test(start_paused = true)]
async fn who_is_reminded_hears_up_to_where_it_has_everything() {
    let rig = Rig::new(PLENTY);
    let (gathering, one) = rig.subscribe_as(Form::VALUES, spec("tag == 'v1'"), 0).await;
    let (idle, other) = rig.subscribe_as(Form::VALUES, spec("tag == 'other'"), 0).await;
    rig.append(2, 10);
    pass(1).await;
    rig.bus.remind(&[Arc::clone(&one), other]);
    pass(1).await;
    assert_eq!((gathering.sights(), idle.sights()), (vec![Position(0)], vec![Position(2)]));
    // Ahead of where its group stands.
    let (ahead, third) = rig.subscribe_as(Form::VALUES, spec("tag == 'v1'"), 2).await;
    rig.bus.remind(&[third]);
    pass(1).await;
    assert_eq!(ahead.sights(), [Position(2)]);
    rig.bus.unsubscribe(&one).await;
    gathering.sights();
    rig.bus.remind(&[one]);
    pass(1).await;
    assert_eq!(gathering.sights(), [], "it is over");
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_waits_is_reminded_of_what_it_was_told_last() {
    let rig = Rig::new(PLENTY);
    rig.append(1_000, 10);
    pass(1).await;
    let reads = rig.bus.reads.acquire_many(64).await.expect("nobody closes it");
    let (waiting, subscription) = rig.subscribe_as(Form::VALUES, spec("true"), 400).await;
    pass(1).await;
    rig.bus.remind(&[Arc::clone(&subscription)]);
    pass(1).await;
    assert_eq!(waiting.sights(), [Position(400)]);
    drop(reads);
    pass(1).await;
    rig.bus.remind(&[subscription]);
    pass(1).await;
    assert_eq!(waiting.sights(), [batch(401..=1_000), Position(1_000)]);
}
