use std::net::SocketAddr;

use super::*;

fn doors(accepts: usize, unproven: usize, unproven_per_address: usize) -> Arc<Doors> {
    let limits = DoorLimits { accepts, unproven, unproven_per_address, open_to_all: false };
    let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
    Doors::new(limits, proxies, Arc::default())
}

async fn admit(doors: &Arc<Doors>, address: &str) -> Seat {
    doors.admit(PeerAddress::Tcp(SocketAddr::new(address.parse().unwrap(), 1))).await
}

/// Whether it was told to end.
async fn is_cut(seat: &Seat) -> bool {
    timeout(Duration::from_millis(1), seat.guest.cut.notified()).await.is_ok()
}

async fn cut(seats: &[Seat]) -> Vec<usize> {
    let mut found = Vec::new();
    for (index, seat) in seats.iter().enumerate() {
        if is_cut(seat).await {
            found.push(index);
        }
    }
    found
}

/// They speak in this order, at different times.
fn speak(doors: &Doors, seats: &[&Seat]) {
    for seat in seats {
        let before = doors.now();
        while doors.now() == before {}
        seat.guest.hear();
    }
}

#[tokio::test]
async fn an_address_has_its_bound_and_the_longest_silent_makes_room() {
    let doors = doors(100, 100, 3);
    let mut seats = Vec::new();
    for _ in 0..3 {
        seats.push(admit(&doors, "192.0.2.1").await);
    }
    seats.push(admit(&doors, "192.0.2.2").await);
    assert_eq!(cut(&seats).await, [0; 0], "at the bound");
    speak(&doors, &[&seats[0]]);
    seats.push(admit(&doors, "192.0.2.1").await);
    assert_eq!(cut(&seats).await, [1]);
    // One customer has one /64.
    for n in 0..4 {
        seats.push(admit(&doors, &format!("2001:db8::{n}")).await);
    }
    assert_eq!(cut(&seats).await, [5]);
}

#[tokio::test]
async fn loopback_and_trusted_proxies_are_not_counted_by_address_but_all_are_in_all() {
    let doors = doors(100, 6, 2);
    let mut seats = Vec::new();
    for address in ["127.0.0.1", "127.0.0.1", "127.0.0.1", "10.0.0.1", "10.0.0.1", "192.0.2.1"] {
        seats.push(admit(&doors, address).await);
    }
    assert_eq!(cut(&seats).await, [0; 0], "at the bound");
    speak(&doors, &[&seats[0]]);
    seats.push(admit(&doors, "192.0.2.2").await);
    assert_eq!(cut(&seats).await, [1], "of the address that has most");
    // Of two that have as many, the one with the longest silence.
    seats.push(admit(&doors, "192.0.2.3").await);
    assert_eq!(cut(&seats).await, [2]);
    seats.push(admit(&doors, "192.0.2.4").await);
    assert_eq!(cut(&seats).await, [3]);
    assert_eq!(doors.metrics.unproven.get(), 6);
    drop(seats);
    assert_eq!(doors.metrics.unproven.get(), 0);
}

#[tokio::test]
async fn who_has_shown_a_credential_makes_no_room_for_strangers() {
    let doors = doors(100, 2, 2);
    let registry = admit(&doors, "192.0.2.1").await;
    registry.guest.prove();
    let reader = admit(&doors, "192.0.2.1").await;
    reader.guest.hold();
    let mut strangers = Vec::new();
    for _ in 0..3 {
        strangers.push(admit(&doors, "192.0.2.1").await);
    }
    assert_eq!(cut(&strangers).await, [0]);
    assert!(!is_cut(&registry).await && !is_cut(&reader).await);
    strangers[0].guest.prove();
    assert_eq!(doors.rooms.lock().proven.len(), 1, "who was sent away proves nothing any more");
}

#[tokio::test]
async fn without_a_descriptor_a_stranger_goes_then_who_asks_nothing_and_never_who_is_held() {
    let doors = doors(3, 3, 3);
    let (stranger, proven, held) = (
        admit(&doors, "192.0.2.1").await,
        admit(&doors, "192.0.2.2").await,
        admit(&doors, "192.0.2.3").await,
    );
    proven.guest.prove();
    held.guest.hold();
    // Each is let in once the one before has gone.
    let leave = async |seat: Seat| {
        seat.guest.cut.notified().await;
        drop(seat);
    };
    let (fourth, ()) = tokio::join!(admit(&doors, "192.0.2.4"), leave(stranger));
    fourth.guest.prove();
    speak(&doors, &[&fourth]);
    let (fifth, ()) = tokio::join!(admit(&doors, "192.0.2.5"), leave(proven));
    drop((fourth, fifth));
    assert!(!is_cut(&held).await);
    // A stream that ended is a connection of requests again.
    held.guest.ask();
    assert_eq!(doors.rooms.lock().proven.len(), 1);
}

#[tokio::test]
async fn a_whole_head_is_enough_where_nobody_needs_a_credential() {
    for open_to_all in [false, true] {
        let limits = DoorLimits { accepts: 9, unproven: 9, unproven_per_address: 9, open_to_all };
        let doors = Doors::new(limits, TrustedProxies::default(), Arc::default());
        let seat = admit(&doors, "127.0.0.1").await;
        seat.guest.ask();
        assert_eq!(doors.rooms.lock().proven.len(), usize::from(open_to_all));
    }
}

#[tokio::test]
async fn where_others_are_being_heard_one_more_waits_a_moment_and_nobody_goes() {
    let doors = doors(100, 3, 2);
    let prove = async |seat: &Seat| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        seat.guest.prove();
    };
    let known = admit(&doors, "192.0.2.9").await;
    known.guest.prove();
    let mut seats = Vec::new();
    for address in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
        seats.push(admit(&doors, address).await);
    }
    for (address, speaker) in [("192.0.2.3", 0), ("192.0.2.1", 1)] {
        let (seat, ()) = tokio::join!(admit(&doors, address), prove(&seats[speaker]));
        seats.push(seat);
    }
    assert_eq!(cut(&seats).await, [0; 0]);
    // Nobody is heard any more.
    seats.push(admit(&doors, "192.0.2.4").await);
    assert_eq!(cut(&seats).await, [2]);
}
