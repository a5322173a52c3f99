use std::io;

use listenfd::ListenFd;
use socket2::SockRef;

use super::{Listener, Listeners};

/// What systemd hands over can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("socket {number} of systemd (LISTEN_FDS): {why}")]
pub(crate) struct InheritedError {
    /// From 1 on, in systemd's order.
    number: usize,
    why: io::Error,
}

/// The sockets that systemd opened for this process (`LISTEN_FDS`, `LISTEN_PID`), in its order; `None` where it opened
/// none.
///
/// # Errors
///
/// [`InheritedError`] of the first that is not one of streams that listens.
pub(crate) fn inherited() -> Result<Option<Listeners>, InheritedError> {
    let mut given = ListenFd::from_env();
    let count = given.len();
    let take = |index| take(&mut given, index).map_err(|why| InheritedError { number: index + 1, why });
    let all = (0..count).map(take).collect::<Result<Vec<_>, _>>()?;
    Ok((count > 0).then(|| Listeners::new(all)))
}

fn take(given: &mut ListenFd, index: usize) -> io::Result<Listener> {
    let other = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    let no_listener = "it does not listen; systemd's Accept= must be no";
    if let Ok(Some(tcp)) = given.take_tcp_listener(index) {
        if !SockRef::from(&tcp).is_listener()? {
            return Err(other(no_listener));
        }
        return Listener::of_tcp(tcp);
    }
    match given.take_unix_listener(index) {
        Ok(Some(unix)) if SockRef::from(&unix).is_listener()? => Listener::of_unix(unix),
        Ok(Some(_)) => Err(other(no_listener)),
        _ => Err(other("it is no socket of streams; ListenStream= makes one")),
    }
}
