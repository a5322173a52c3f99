//! Tasks and threads that the process lives for. Where one ends unasked, by a panic or however, what is left would look
//! alive and do nothing; so each is known by its pulse, and the process ends with it.

use std::pin::Pin;

use futures_util::future::select_all;
use tokio::sync::watch;

/// Something that runs for as long as the process does: who holds this hears of its end.
#[derive(Clone, Debug)]
pub(crate) struct Vital {
    /// What it is to an operator who is told that it is dead.
    pub(crate) name: &'static str,
    pulse: watch::Receiver<()>,
}

/// What runs holds it, and loses it with its end, whatever that is.
#[derive(Debug)]
pub(crate) struct Pulse {
    _held: watch::Sender<()>,
}

impl Vital {
    pub(crate) fn new(name: &'static str) -> (Self, Pulse) {
        let (held, pulse) = watch::channel(());
        (Self { name, pulse }, Pulse { _held: held })
    }

    /// Starts a task.
    pub(crate) fn spawn(name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> Self {
        let (vital, pulse) = Self::new(name);
        pulse.spawn(task);
        vital
    }

    /// Returns when it has ended, with its name.
    pub(crate) async fn ended(mut self) -> &'static str {
        // Nothing is ever sent, so what is heard is that nobody could any more.
        while self.pulse.changed().await.is_ok() {}
        self.name
    }
}

impl Pulse {
    /// Starts a task that has this pulse.
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(async move {
            task.await;
            drop(self);
        });
    }
}

/// Returns when the first of them has ended, with its name.
pub(crate) async fn first_end(vitals: Vec<Vital>) -> &'static str {
    let ends: Vec<Pin<Box<dyn Future<Output = _> + Send>>> =
        vitals.into_iter().map(|vital| Box::pin(vital.ended()) as _).collect();
    if ends.is_empty() {
        return std::future::pending().await;
    }
    select_all(ends).await.0
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_way_to_end_is_heard() {
        let lasting = Vital::spawn("lasting", std::future::pending());
        let (thread, pulse) = Vital::new("thread");
        let panicked = thread::spawn(move || {
            let _pulse = pulse;
            panic!("as a test wants it");
        });
        assert!(panicked.join().is_err());
        for (name, vital) in [
            ("returned", Vital::spawn("returned", async {})),
            ("panicked", Vital::spawn("panicked", async { panic!("as a test wants it") })),
            ("thread", thread),
        ] {
            assert_eq!(first_end(vec![lasting.clone(), vital]).await, name);
        }
        let none = tokio::time::timeout(Duration::from_millis(50), first_end(vec![lasting]));
        assert!(none.await.is_err());
    }
}
