//! A client that was closed and sends on holds nobody up, and is cut.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::memory::websocket;
use crate::support::gateway::Gateway;

/// Frames of an opcode that there is not: the first ends the connection.
const NONSENSE: [u8; 6] = [0x83, 0x80, 0, 0, 0, 0];
/// How long each floods, unless it is cut, which is to be long before.
const FLOOD: Duration = Duration::from_secs(8);

#[test]
fn who_is_closed_and_sends_on_holds_nobody_up() {
    let gateway = Gateway::start();
    let floods: Vec<_> = (0..4).map(|_| websocket(&gateway, "?filter=true")).collect();
    let (lives, slowest) = std::thread::scope(|scope| {
        let floods: Vec<_> = floods
            .into_iter()
            .map(|mut tcp| {
                scope.spawn(move || {
                    let (began, piece) = (Instant::now(), NONSENSE.repeat(10_000));
                    while began.elapsed() < FLOOD && tcp.write_all(&piece).is_ok() {}
                    began.elapsed()
                })
            })
            .collect();
        let mut slowest = Duration::ZERO;
        while !floods.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let asked = Instant::now();
            assert_eq!(gateway.get("/healthz").status, 200);
            slowest = slowest.max(asked.elapsed());
        }
        let lives: Vec<_> = floods.into_iter().map(|flood| flood.join().expect("it ends")).collect();
        (lives, slowest)
    });
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(lives.iter().all(|life| *life < FLOOD), "{lives:?}");
}
