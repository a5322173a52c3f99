use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many are on their way at once, in all and to one host. Who is over waits.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    per_host: usize,
    hosts: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A turn; dropping it lets the next one go.
pub(crate) struct Turn {
    _host: (Option<OwnedSemaphorePermit>, Arc<Semaphore>),
    _all: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(crate) fn new(all: usize, per_host: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), per_host, hosts: Mutex::default() }
    }

    /// Waits for the host's turn first: who waits for a slow host holds nothing that others need.
    pub(crate) async fn wait(&self, host: &str) -> Turn {
        let of_host = self.of_host(host);
        // Nobody closes them; without a permit there would be no bound, that is all.
        let host = Arc::clone(&of_host).acquire_owned().await.ok();
        let all = Arc::clone(&self.all).acquire_owned().await.ok();
        Turn { _host: (host, of_host), _all: all }
    }

    fn of_host(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock();
        if let Some(known) = hosts.get(host).and_then(Weak::upgrade) {
            return known;
        }
        hosts.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(self.per_host));
        hosts.insert(host.to_owned(), Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_host_holds_up_no_other() {
        let turns = Turns::new(3, 2);
        let (one, _two) = (turns.wait("slow").await, turns.wait("slow").await);
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, turns.wait("slow")).await.is_err());
        let _other = turns.wait("fast").await;
        drop(one);
        assert!(tokio::time::timeout(soon, turns.wait("slow")).await.is_ok());
    }
}
