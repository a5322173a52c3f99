//! What stands between the gateway and its users: proxies, browsers, relays, name servers.

mod kept;

mod listeners;

mod liveness;

mod resume;
