//! How clients come in: over TCP or a Unix socket, to one or several addresses that the gateway opens or is given.

mod address;
mod inherited;
mod listener;
mod proxy_header;
mod socket_file;
mod stream;

pub(crate) use address::{ListenAddress, PeerAddress};
pub(crate) use inherited::{InheritedError, inherited};
pub(crate) use listener::{ListenError, Listener, Listeners, SocketMode};
pub use proxy_header::ProxyHeader;
pub(crate) use proxy_header::ProxyHeaderError;
pub(crate) use stream::Stream;
