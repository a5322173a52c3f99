use std::sync::Arc;
use std::time::Duration;

use crate::catalog::Limits;
use crate::collections::AgeLimits;
use crate::limits::{Guesses, Load};

/// How the writer works.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// What stands before the short name in `event_type`.
    pub event_type_prefix: String,
    /// Bounds of the catalog.
    pub catalog: Limits,
    /// Bounds of the quarantine.
    pub quarantine: AgeLimits,
    /// Keys by which repeats are known, at most.
    pub repeat_keys: usize,
    /// Notifications that may wait.
    pub queue_notifications: usize,
    /// Bytes of bodies that may wait.
    pub queue_bytes: usize,
    /// How long a request waits for its sync.
    pub ack_deadline: Duration,
    /// Where it is told how much waits.
    pub load: Arc<Load>,
    /// What wrong credentials of senders are taken from.
    pub(crate) guesses: Arc<Guesses>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            event_type_prefix: "yandex.cloud.events.containerregistry.".into(),
            catalog: Limits::default(),
            quarantine: AgeLimits { bytes: 256 << 20, age: Duration::from_hours(7 * 24) },
            repeat_keys: 2_000_000,
            queue_notifications: 65_536,
            queue_bytes: 64 << 20,
            ack_deadline: Duration::from_secs(5),
            load: Arc::default(),
            guesses: Arc::new(Guesses::new(Guesses::RATE)),
        }
    }
}
