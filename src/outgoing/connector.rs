//! The one way to connect: a resolver finds a name's addresses and may refuse them, one of them is dialled, and TLS goes
//! over it where the URL says so. Certificates must lead to one of the system's roots.

use std::sync::Arc;

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;

pub(super) type Connector<R> = HttpsConnector<HttpConnector<R>>;

pub(super) fn connector<R>(resolver: R, tls: Arc<ClientConfig>) -> Connector<R> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    (tcp, tls).into()
}

/// Made when it is first needed: reading the system's certificates takes a while.
pub(super) fn tls_config() -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(errors = ?found.errors, "the system has no certificates: nothing can be asked over https");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
    Arc::new(tls.expect("ring has TLS 1.2 and 1.3"))
}
