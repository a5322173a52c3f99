//! A timer among sockets: an event loop's own timeout rounds up to whole milliseconds.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::clock::{self, SECOND};

/// Wakes an event loop at a time of [`clock`].
#[derive(Debug)]
pub struct Timer(OwnedFd);

impl Timer {
    /// A timer that is not set, registered under `token`.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        registry.register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self(fd))
    }

    /// Wakes at `time`, once; a new time takes the place of an older one.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set(&self, time: u64) -> io::Result<()> {
        // A timer of 0 is off, so what is past is due in a nanosecond. Setting also clears an expiry not read.
        let wait = time.saturating_sub(clock::now()).max(1);
        let value = Timespec {
            tv_sec: i64::try_from(wait / SECOND).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(wait % SECOND).unwrap_or(0),
        };
        let once = Itimerspec { it_interval: Timespec::default(), it_value: value };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
