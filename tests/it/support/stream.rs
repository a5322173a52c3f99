//! A client of HTTP answers that go on, as bare as can be: what it gets is what is on the wire.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::gateway::Gateway;
use super::notification::{body, push};

/// A source that takes whatever comes.
pub(crate) const QUICK_SOURCE: &str = "\
[[sources]]
name = \"distribution\"
kind = \"distribution\"
rate = 1000000
burst = 1000000
";

/// One answer, as it comes.
pub(crate) struct Stream {
    /// The head, in lower case.
    pub(crate) head: String,
    body: BufReader<Chunks>,
}

/// One server-sent event.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sent {
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) data: Value,
    /// How many milliseconds to stay away, should the stream break.
    pub(crate) retry: Option<u64>,
}

/// The chunked coding, taken off.
struct Chunks {
    tcp: BufReader<TcpStream>,
    left: usize,
    over: bool,
}

impl Chunks {
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.tcp.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over {
            return Ok(0);
        }
        if self.left == 0 {
            let size = self.line()?;
            self.left = usize::from_str_radix(&size, 16).map_err(|_| io::Error::other("no chunk"))?;
            if self.left == 0 {
                self.over = true;
                return Ok(0);
            }
        }
        let most = buffer.len().min(self.left);
        let read = self.tcp.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read;
        if self.left == 0 {
            self.line()?;
        }
        Ok(read)
    }
}

impl Stream {
    /// Asks for `path` and reads the head of the answer.
    pub(crate) fn open(address: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::with_buffer(address, path, headers, None)
    }

    /// The same with a kernel buffer of this size for what is not read.
    pub(crate) fn with_buffer(
        address: &str,
        path: &str,
        headers: &[(&str, &str)],
        buffer: Option<usize>,
    ) -> Self {
        let mut tcp = TcpStream::connect(address).expect("the gateway listens");
        if let Some(buffer) = buffer {
            socket2::SockRef::from(&tcp).set_recv_buffer_size(buffer).expect("a buffer");
        }
        tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{}\r\n", headers.concat());
        tcp.write_all(request.as_bytes()).expect("it is sent");
        let mut body = Chunks { tcp: BufReader::new(tcp), left: 0, over: false };
        let mut head = String::new();
        loop {
            let line = body.line().expect("a head");
            if line.is_empty() {
                break;
            }
            head.push_str(&line.to_ascii_lowercase());
            head.push('\n');
        }
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        Self { head, body: BufReader::new(body) }
    }

    /// Server-sent events whose client takes none, and more of them than sockets hold. The gateway is to have [`QUICK_SOURCE`].
    pub(crate) fn stuck(gateway: &Gateway) -> Self {
        let path = "/v1/events?batch_cutoff=0";
        let headers = [("Accept", "text/event-stream")];
        let mut stuck = Self::with_buffer(&gateway.address, path, &headers, Some(4 << 10));
        assert_eq!(stuck.sent().expect("it is open").event, "subscribed");
        for n in 0..20 {
            let ids = (0..300).map(|m| format!("{n}.{m}"));
            let pushes: Vec<_> = ids.map(|id| push(&id, "team/app", &id, &id)).collect();
            assert_eq!(gateway.notify(body(&pushes)).status, 200);
        }
        stuck
    }

    /// Server-sent events of this gateway.
    pub(crate) fn sse(address: &str, query: &str) -> Self {
        Self::open(address, &format!("/v1/events{query}"), &[("Accept", "text/event-stream")])
    }

    /// Its events, one a line.
    pub(crate) fn lines(address: &str, query: &str) -> Self {
        Self::open(address, &format!("/v1/events{query}"), &[("Accept", "application/x-ndjson")])
    }

    /// The next line; `None` if the answer ended as it should.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.body.read_line(&mut line).unwrap_or_else(|error| panic!("{error}; so far {line:?}"));
        (read > 0).then(|| line.trim_end_matches('\n').to_owned())
    }

    /// The next line as JSON.
    pub(crate) fn json(&mut self) -> Value {
        let line = self.line().expect("it goes on");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next server-sent event; `None` at the end. Comments are passed over.
    pub(crate) fn sent(&mut self) -> Option<Sent> {
        let mut sent = Sent { event: "message".into(), ..Sent::default() };
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut sent.event),
                Some(("id", id)) => id.clone_into(&mut sent.id),
                Some(("retry", pause)) => sent.retry = Some(pause.parse().expect("milliseconds")),
                Some(("data", data)) => sent.data = serde_json::from_str(data).expect("JSON"),
                _ if line.is_empty() && !sent.data.is_null() => return Some(sent),
                _ if line.is_empty() || line.starts_with(':') => {}
                _ => panic!("{line:?}"),
            }
        }
    }

    /// The next `count` events, from as many batches as it takes; one more is an error.
    pub(crate) fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            let mut sent = self.sent().expect("it goes on");
            if let Value::Array(batch) = sent.data["messages"].take() {
                events.extend(batch);
            }
        }
        assert_eq!(events.len(), count, "more events than expected");
        events
    }
}
