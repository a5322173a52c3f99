//! What stands between the gateway and its users: proxies, browsers, relays, name servers.

mod base_path;

mod compression;

mod described;

mod headers;

mod kept;

mod lines;

mod listeners;

mod liveness;
mod passing;

mod proxy_protocol;

mod proxies;

mod re2;

mod refusals;

mod resume;

mod returns;

mod settings;

mod tongues;
