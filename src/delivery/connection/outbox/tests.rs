use std::future::poll_fn;
use std::task::Waker;

use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::metrics::Gauge;

fn limits(bytes: usize, frames: usize) -> Arc<ConnectionLimits> {
    Arc::new(ConnectionLimits { outbox_bytes: bytes, outbox_frames: frames, ..ConnectionLimits::default() })
}

fn bytes(length: usize) -> Bytes {
    vec![b'x'; length].into()
}

fn frame(length: usize) -> SharedFrame {
    bytes(length).into()
}

fn outbox_of(socket: Option<Stream>, limits: Arc<ConnectionLimits>) -> Outbox {
    Outbox::new(socket, limits, FrameMemory::new(1 << 30, Gauge::default()))
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
    let outbox = outbox_of(None, limits(100, 1_000));
    for _ in 0..3 {
        assert_eq!(outbox.offer(&frame(40)), Offer::Taken);
    }
    assert_eq!(outbox.offer(&frame(1)), Offer::Full);
    outbox.push(bytes(1));
    for left in [81, 41] {
        assert!(!has_room(&outbox));
        assert_eq!((next(&outbox), outbox.stalled().1), (Poll::Ready(Some(40)), left));
    }
    assert!(has_room(&outbox));
    assert_eq!(outbox.offer(&frame(1_000)), Offer::Taken, "however large it is");
}

#[test]
fn at_its_bound_in_frames_it_is_full_until_half_is_free() {
    let outbox = outbox_of(None, limits(1 << 20, 4));
    for _ in 0..4 {
        assert_eq!(outbox.offer(&frame(1)), Offer::Taken);
    }
    assert_eq!((outbox.offer(&frame(1)), has_room(&outbox)), (Offer::Full, false));
    assert_eq!((next(&outbox), has_room(&outbox)), (Poll::Ready(Some(1)), false));
    assert_eq!((next(&outbox), has_room(&outbox)), (Poll::Ready(Some(1)), true));
}

#[tokio::test]
async fn who_waits_for_room_is_woken() {
    let outbox = Arc::new(outbox_of(None, limits(100, 1_000)));
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
    let outbox = outbox_of(None, limits(100, 4));
    assert_eq!(outbox.offer(&frame(7)), Offer::Taken);
    assert!(outbox.end(Some(bytes(2))));
    assert!(!outbox.end(Some(bytes(3))), "it is ending already");
    assert_eq!(outbox.offer(&frame(1)), Offer::Gone);
    outbox.push(bytes(1));
    assert!(has_room(&outbox), "nobody waits for an outbox that ends");
    assert_eq!([next(&outbox), next(&outbox)], [Poll::Ready(Some(7)), Poll::Ready(Some(2))]);
    assert_eq!(next(&outbox), Poll::Ready(None));
}

#[test]
fn an_outbox_that_gives_up_drops_what_waits() {
    let outbox = outbox_of(None, limits(100, 4));
    assert_eq!(outbox.offer(&frame(7)), Offer::Taken);
    outbox.abort();
    assert_eq!((next(&outbox), outbox.stalled().1), (Poll::Ready(None), 0));
    assert_eq!(outbox.offer(&frame(1)), Offer::Gone);
}

#[test]
fn a_large_frame_goes_out_in_pieces() {
    let outbox = outbox_of(None, limits(100, 4));
    assert_eq!(outbox.offer(&frame(PIECE + 1)), Offer::Taken);
    assert_eq!([next(&outbox), next(&outbox)], [Poll::Ready(Some(PIECE)), Poll::Ready(Some(1))]);
    assert_eq!(next(&outbox), Poll::Pending);
}

#[test]
fn for_what_is_read_from_the_log_there_is_a_quarter() {
    let outbox = outbox_of(None, limits(400, 1_000));
    let room = || {
        let room = std::pin::pin!(outbox.replay_room());
        room.poll(&mut Context::from_waker(Waker::noop()))
    };
    assert_eq!(room(), Poll::Ready(100));
    assert_eq!([outbox.offer(&frame(1)), outbox.offer(&frame(50))], [Offer::Taken; 2]);
    assert_eq!((room(), has_room(&outbox)), (Poll::Pending, true));
    assert_eq!((next(&outbox), room()), (Poll::Ready(Some(1)), Poll::Ready(50)));
}

#[test]
fn towards_the_bound_of_all_those_that_hold_most_pause_first() {
    let memory = FrameMemory::new(64 << 10, Gauge::default());
    let outbox = || Outbox::new(None, limits(1_000, 1_000), memory.clone());
    let (much, little, none) = (outbox(), outbox(), outbox());
    let small = frame(10);
    let offer = |outbox: &Outbox| outbox.offer(&small);
    assert_eq!([much.offer(&frame(900)), offer(&little), offer(&much)], [Offer::Taken; 3]);
    let rest = memory.keep(bytes((64 << 10) - 910 - 64 * 500));
    assert_eq!([offer(&much), offer(&little)], [Offer::Full, Offer::Taken]);
    drop(rest);
    assert_eq!(offer(&much), Offer::Taken);
    let _rest = memory.keep(bytes(64 << 10));
    assert_eq!([offer(&much), offer(&little), offer(&none)], [Offer::Full, Offer::Full, Offer::Taken]);
}

/// Two ends of a connection, of which the second sends little at once.
async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("an address"));
    let (client, server) = tokio::join!(client, listener.accept());
    let (client, (server, _)) = (client.expect("a client"), server.expect("a server"));
    SockRef::from(&server).set_send_buffer_size(4_096).expect("a small buffer");
    (client, server)
}

#[tokio::test]
async fn of_pongs_the_newest_alone_waits_and_goes_before_whole_frames() {
    let (mut client, server) = sockets().await;
    let outbox = outbox_of(Some(Stream::Tcp(server)), limits(64 << 20, 1_000));
    assert_eq!([outbox.offer(&frame(8 << 20)), outbox.offer(&frame(3))], [Offer::Taken; 2]);
    let waits = outbox.stalled().1;
    for pong in [b"one", b"two", b"new"] {
        outbox.push_pong(pong);
    }
    assert_eq!(outbox.stalled().1, waits);
    assert!(outbox.end(Some(bytes(2))));
    let (mut got, length) = (Vec::new(), (8 << 20) + 8);
    let read = async {
        while got.len() < length {
            assert_ne!(client.read_buf(&mut got).await.expect("bytes"), 0);
        }
    };
    let both = async { tokio::join!(read, poll_fn(|cx| outbox.poll_drain(cx))) };
    tokio::time::timeout(Duration::from_mins(1), both).await.expect("all of it comes");
    assert_eq!(&got[8 << 20..], b"newxxxxx");
}

#[tokio::test]
async fn what_the_socket_does_not_take_at_once_follows_in_its_order() {
    let (mut client, server) = sockets().await;
    let outbox = outbox_of(Some(Stream::Tcp(server)), limits(64 << 20, 1_000));
    let numbers: Vec<u8> = (0..8_u32 << 20).map(|n| n.to_le_bytes()[usize::from(n % 2 == 0)]).collect();
    let sent = Bytes::from(numbers);
    assert_eq!(outbox.offer(&sent.clone().into()), Offer::Taken);
    let waits = outbox.stalled().1;
    assert!(0 < waits && waits < sent.len(), "{waits} bytes are left of a partial write");
    assert_eq!(outbox.offer(&frame(3)), Offer::Taken);
    assert!(outbox.end(Some(bytes(2))));
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
