//! A small HTTP server on loopback that answers from a table and counts what it was asked.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it answers: status line's code, more headers, body.
pub(crate) type Page = (u16, String, Vec<u8>);

/// Runs until the test ends.
pub(crate) struct KeyServer {
    pub(crate) url: String,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    asked: Arc<Mutex<Vec<String>>>,
    delay: Arc<Mutex<Duration>>,
}

impl KeyServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let pages: Arc<Mutex<HashMap<String, Page>>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let delay: Arc<Mutex<Duration>> = Arc::default();
        let (served, noted, delayed) = (Arc::clone(&pages), Arc::clone(&asked), Arc::clone(&delay));
        std::thread::spawn(move || {
            for mut tcp in listener.incoming().map_while(Result::ok) {
                let mut head = Vec::new();
                for line in BufReader::new(&tcp).lines().map_while(Result::ok) {
                    if line.is_empty() {
                        break;
                    }
                    head.push(line);
                }
                let asked = head.first().cloned().unwrap_or_default();
                let target = asked.split(' ').nth(1).unwrap_or_default().to_owned();
                let proof = head.iter().find(|line| line.to_lowercase().starts_with("authorization: "));
                noted.lock().unwrap().push(format!("{asked} {}", proof.cloned().unwrap_or_default()));
                let delay = *delayed.lock().unwrap();
                std::thread::sleep(delay);
                // A page for whoever shows a proof comes before one for all.
                let pages = served.lock().unwrap();
                let with_proof = proof.and_then(|proof| pages.get(&format!("{target} {}", &proof[15..])));
                let (status, headers, body) = with_proof.or_else(|| pages.get(&target)).cloned().unwrap_or((
                    404,
                    String::new(),
                    Vec::new(),
                ));
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
                );
                let _ = tcp.write_all(head.as_bytes());
                if !asked.starts_with("HEAD") {
                    let _ = tcp.write_all(&body);
                }
            }
        });
        Self { url, pages, asked, delay }
    }

    /// From now on, `target` (or `target proof`) is answered so.
    pub(crate) fn page(&self, target: &str, status: u16, headers: &str, body: impl Into<Vec<u8>>) {
        let page = (status, headers.to_owned(), body.into());
        self.pages.lock().unwrap().insert(target.to_owned(), page);
    }

    /// From now on it takes so long for each answer.
    pub(crate) fn delay(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    /// The request lines so far, each with its `Authorization` header.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}
