use std::net::SocketAddr;

use crate::config::Config;
use crate::transport::{ListenError, Listeners};

/// All that the gateway listens on.
pub(super) struct Sockets {
    pub(super) clients: Listeners,
    /// Where `/metrics` alone is.
    pub(super) metrics: Option<Listeners>,
}

impl Sockets {
    /// Listens where the settings say; `given` takes the place of what they say of clients.
    pub(super) fn open(config: &Config, given: Option<Listeners>) -> Result<Self, ListenError> {
        let open = |addresses| Listeners::bind(addresses, config.http.socket_mode);
        let clients = given.map_or_else(|| open(&config.listen), Ok)?;
        let metrics = config.http.metrics_listen.as_ref();
        let metrics = metrics.map(|address| open(std::slice::from_ref(address))).transpose()?;
        Ok(Self { clients, metrics })
    }

    /// What no target may be.
    pub(super) fn own(&self) -> Vec<SocketAddr> {
        self.clients.tcp().chain(self.metrics.iter().flat_map(Listeners::tcp)).collect()
    }
}
