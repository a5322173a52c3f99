use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::*;

const LONG: Duration = Duration::from_hours(1);

fn limits(stall: Duration, answer: Duration) -> Arc<StreamLimits> {
    let (slow, unused, cut) = Default::default();
    let heads = HeadLimits { head: Duration::from_secs(5), idle: Duration::from_secs(150), slow, unused };
    Arc::new(StreamLimits { writes: WriteLimits { stall, answer, cut }, heads })
}

/// After how many seconds a client is cut off that takes a kilobyte of the answer's hundred after so many seconds,
/// and then after so many again; `None` if it has all.
async fn cut_after(each: u64, has_end: bool) -> Option<u64> {
    let (mut client, server) = duplex(1 << 10);
    let (stall, answer) = (Duration::from_secs(20), Duration::from_mins(1));
    let limits = limits(stall, answer);
    let mut stream = ClientStream::new(server, Arc::clone(&limits), Arc::default());
    stream.flow.begin(has_end);
    let (begin, answer) = (Instant::now(), vec![b'x'; 100 << 10]);
    let read = async {
        let mut piece = [0; 1 << 10];
        loop {
            tokio::time::sleep(Duration::from_secs(each)).await;
            client.read_exact(&mut piece).await.expect("more");
        }
    };
    let written = tokio::select! {
        written = stream.write_all(&answer) => written,
        () = read => Ok(()),
    };
    assert_eq!(limits.writes.cut.get(), u64::from(written.is_err()));
    written.is_err().then(|| begin.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_or_too_little_is_cut_off() {
    for (each, has_end, cut) in [
        (19, false, None),
        (21, false, Some(20)),
        (21, true, Some(20)),
        (19, true, Some(60)),
        (1, true, Some(60)),
    ] {
        assert_eq!(cut_after(each, has_end).await, cut, "{each} {has_end}");
    }
}

#[tokio::test]
async fn from_who_has_not_taken_all_nothing_more_is_read() {
    let (mut client, server) = duplex(8);
    let flow = Arc::<Flow>::default();
    let mut stream = ClientStream::new(server, limits(LONG, LONG), Arc::clone(&flow));
    client.write_all(b"ask").await.expect("room");
    let mut context = Context::from_waker(std::task::Waker::noop());
    let mut write = Box::pin(stream.write_all(b"more than eight bytes"));
    assert!(write.as_mut().poll(&mut context).is_pending());
    drop(write);
    assert!(flow.is_blocked());
    let mut got = [0; 8];
    assert!(Box::pin(stream.read(&mut got)).as_mut().poll(&mut context).is_pending());
    client.read_exact(&mut got).await.expect("what was written");
    stream.flush().await.expect("nothing waits");
    assert!(!flow.is_blocked());
    assert_eq!(stream.read(&mut got).await.expect("what was asked"), 3);
}

/// What a client does on its turn.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// Sends this, after so many milliseconds.
    Sends(u64, &'static [u8]),
    /// Is answered what it asked, which takes so many.
    IsAnswered(u64),
}

/// After how many milliseconds the connection is closed, after all of that; and whether it was kept in vain.
async fn closed_after(turns: &[Turn]) -> (u128, bool) {
    let (mut client, server) = duplex(1 << 10);
    let (limits, flow) = (limits(LONG, LONG), Arc::<Flow>::default());
    let mut stream = ClientStream::new(server, Arc::clone(&limits), Arc::clone(&flow));
    let mut got = [0; 1 << 10];
    let begin = Instant::now();
    for turn in turns {
        match *turn {
            Turn::Sends(after, bytes) => {
                let sent = async {
                    tokio::time::sleep(Duration::from_millis(after)).await;
                    client.write_all(bytes).await.expect("room");
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    read = stream.read(&mut got) => {
                        if read.expect("it reads") == 0 {
                            break;
                        }
                    }
                    () = sent => {}
                }
            }
            Turn::IsAnswered(after) => {
                flow.ask(false);
                let waits = tokio::time::sleep(Duration::from_millis(after));
                tokio::select! {
                    _ = stream.read(&mut got) => panic!("{turns:?}: an answer that takes its time is no silence"),
                    () = waits => {}
                }
                drop(AnswerBody::new(axum::body::Body::empty(), Arc::clone(&flow)));
                stream.flush().await.expect("it is open");
            }
        }
    }
    while stream.read(&mut got).await.expect("it reads") > 0 {}
    assert_eq!(limits.heads.slow.get() + limits.heads.unused.get(), 1, "{turns:?}");
    (begin.elapsed().as_millis(), limits.heads.unused.get() == 1)
}

#[tokio::test(start_paused = true)]
async fn idle_is_not_slow() {
    use Turn::{IsAnswered, Sends};
    let head: &[u8] = b"GET / HTTP/1.1\r\n";
    for (turns, closed) in [
        // The first head is not waited for longer than any other, and no longer because it has begun.
        (&[][..], (5_000, false)),
        (&[Sends(4_999, head)], (5_000, false)),
        (&[Sends(4_998, head), IsAnswered(1)], (154_999, true)),
        // Between requests a connection may be silent; but empty lines are no request.
        (&[Sends(0, head), IsAnswered(60_000)], (210_000, true)),
        (&[Sends(0, head), IsAnswered(0), Sends(149_999, b"\r\n")], (150_000, true)),
        (&[Sends(0, head), IsAnswered(0), Sends(149_999, head), IsAnswered(0)], (299_999, true)),
        // What has begun is a head: more of it, however often, gives it no more time.
        (&[Sends(0, head), IsAnswered(0), Sends(149_999, b"G")], (154_999, false)),
        (
            &[Sends(0, head), IsAnswered(0), Sends(9_000, b"G"), Sends(2_500, b"E"), Sends(2_499, b"T")],
            (14_000, false),
        ),
        (
            &[Sends(0, head), IsAnswered(0), Sends(9_000, b"G"), Sends(4_999, head), IsAnswered(0)],
            (163_999, true),
        ),
    ] {
        assert_eq!(closed_after(turns).await, closed, "{turns:?}");
    }
}
