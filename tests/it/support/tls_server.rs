//! An HTTPS server on loopback that answers from a table and notes what it was asked.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Runs until the test ends.
pub(crate) struct TlsServer {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TlsServer {
    /// Begins with these bodies by target; anything else is answered 200 and nothing.
    pub(crate) fn start(pages: HashMap<&'static str, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let config = config();
        std::thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                let Ok(connection) = ServerConnection::new(Arc::clone(&config)) else { return };
                let mut tls = BufReader::new(StreamOwned::new(connection, tcp));
                let mut lines = Vec::new();
                for line in tls.by_ref().lines().map_while(Result::ok) {
                    if line.is_empty() {
                        break;
                    }
                    lines.push(line);
                }
                // Nobody who does not trust the certificate gets as far as a request.
                let Some(target) = lines.first().and_then(|line| line.split(' ').nth(1)) else { continue };
                noted.lock().unwrap().push(target.to_owned());
                let body = pages.get(target).cloned().unwrap_or_default();
                let head =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                let mut tls = tls.into_inner();
                let _ = tls.write_all(&[head.as_bytes(), &body].concat());
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        });
        Self { port, asked }
    }

    /// Targets of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn config() -> Arc<ServerConfig> {
    let path = |name: &str| format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let certificate = CertificateDer::from_pem_file(path("sns.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(path("sns.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![certificate], key);
    Arc::new(config.expect("they belong together"))
}
