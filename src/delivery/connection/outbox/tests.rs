use std::future::poll_fn;
use std::task::Waker;

use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::*;

fn limits(bytes: usize, frames: usize) -> Arc<ConnectionLimits> {
    Arc::new(ConnectionLimits { outbox_bytes: bytes, outbox_frames: frames, ..ConnectionLimits::default() })
}

fn frame(length: usize) -> Bytes {
    vec![b'x'; length].into()
}

/// The next piece of an outbox without a socket; `None` behind the last.
fn next(outbox: &Outbox) -> Poll<Option<usize>> {
    outbox.poll_next(&Context::from_waker(Waker::noop())).map(|piece| piece.map(|piece| piece.len()))
}

fn has_room(outbox: &Outbox) -> bool {
    let room = std::pin::pin!(outbox.room());
    room.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn at_its_bound_in_bytes_it_is_full_until_half_is_free() {
    let outbox = Outbox::new(None, limits(100, 1_000));
    for _ in 0..3 {
        assert_eq!(outbox.offer(&frame(40)), Offer::Taken);
    }
    assert_eq!(outbox.offer(&frame(1)), Offer::Full);
    outbox.push(frame(1));
    for left in [81, 41] {
        assert!(!has_room(&outbox));
        assert_eq!((next(&outbox), outbox.stalled().1), (Poll::Ready(Some(40)), left));
    }
    assert!(has_room(&outbox));
    assert_eq!(outbox.offer(&frame(1_000)), Offer::Taken, "however large it is");
}

#[test]
fn at_its_bound_in_frames_it_is_full_until_half_is_free() {
    let outbox = Outbox::new(None, limits(1 << 20, 4));
    for _ in 0..4 {
        assert_eq!(outbox.offer(&frame(1)), Offer::Taken);
    }
    assert_eq!((outbox.offer(&frame(1)), has_room(&outbox)), (Offer::Full, false));
    assert_eq!((next(&outbox), has_room(&outbox)), (Poll::Ready(Some(1)), false));
    assert_eq!((next(&outbox), has_room(&outbox)), (Poll::Ready(Some(1)), true));
}

#[tokio::test]
async fn who_waits_for_room_is_woken() {
    let outbox = Arc::new(Outbox::new(None, limits(100, 1_000)));
    assert_eq!(outbox.offer(&frame(100)), Offer::Taken);
    let waiting = tokio::spawn({
        let outbox = Arc::clone(&outbox);
        async move { outbox.room().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    assert_eq!(next(&outbox), Poll::Ready(Some(100)));
    waiting.await.expect("it is woken");
}

#[test]
fn behind_the_last_frame_nothing_is_taken_but_what_waits_comes() {
    let outbox = Outbox::new(None, limits(100, 4));
    assert_eq!(outbox.offer(&frame(7)), Offer::Taken);
    assert!(outbox.end(Some(frame(2))));
    assert!(!outbox.end(Some(frame(3))), "it is ending already");
    assert_eq!(outbox.offer(&frame(1)), Offer::Gone);
    outbox.push(frame(1));
    assert!(has_room(&outbox), "nobody waits for an outbox that ends");
    assert_eq!([next(&outbox), next(&outbox)], [Poll::Ready(Some(7)), Poll::Ready(Some(2))]);
    assert_eq!(next(&outbox), Poll::Ready(None));
}

#[test]
fn an_outbox_that_gives_up_drops_what_waits() {
    let outbox = Outbox::new(None, limits(100, 4));
    assert_eq!(outbox.offer(&frame(7)), Offer::Taken);
    outbox.abort();
    assert_eq!((next(&outbox), outbox.stalled().1), (Poll::Ready(None), 0));
    assert_eq!(outbox.offer(&frame(1)), Offer::Gone);
}

#[test]
fn a_large_frame_goes_out_in_pieces() {
    let outbox = Outbox::new(None, limits(100, 4));
    assert_eq!(outbox.offer(&frame(PIECE + 1)), Offer::Taken);
    assert_eq!([next(&outbox), next(&outbox)], [Poll::Ready(Some(PIECE)), Poll::Ready(Some(1))]);
    assert_eq!(next(&outbox), Poll::Pending);
}

#[tokio::test]
async fn what_the_socket_does_not_take_at_once_follows_in_its_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("an address"));
    let (client, server) = tokio::join!(client, listener.accept());
    let (mut client, (server, _)) = (client.expect("a client"), server.expect("a server"));
    SockRef::from(&server).set_send_buffer_size(4_096).expect("a small buffer");
    let outbox = Outbox::new(Some(server), limits(64 << 20, 1_000));
    let numbers: Vec<u8> = (0..8_u32 << 20).map(|n| n.to_le_bytes()[usize::from(n % 2 == 0)]).collect();
    let sent = Bytes::from(numbers);
    assert_eq!(outbox.offer(&sent), Offer::Taken);
    let waits = outbox.stalled().1;
    assert!(0 < waits && waits < sent.len(), "{waits} bytes are left of a partial write");
    assert_eq!(outbox.offer(&frame(3)), Offer::Taken);
    assert!(outbox.end(Some(frame(2))));
    let mut got = Vec::new();
    let read = async {
        let length = sent.len() + 5;
        while got.len() < length {
            assert_ne!(client.read_buf(&mut got).await.expect("bytes"), 0);
        }
    };
    // What is sent twice or never would leave the reader waiting.
    let both = async { tokio::join!(read, poll_fn(|cx| outbox.poll_drain(cx))) };
    tokio::time::timeout(Duration::from_mins(1), both).await.expect("all of it comes");
    assert!(got[..sent.len()] == sent && got[sent.len()..] == *b"xxxxx");
    assert_eq!(outbox.stalled().1, 0);
}
