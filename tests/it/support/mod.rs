//! A gateway, clients, senders and a real registry. No assertions here.

pub(crate) mod client;
pub(crate) mod fault;
pub(crate) mod fixture;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod key_server;
pub(crate) mod notification;
pub(crate) mod oci;
pub(crate) mod recorder;
pub(crate) mod registry;
pub(crate) mod stream;
pub(crate) mod target;
pub(crate) mod third_party;
pub(crate) mod tls_server;
