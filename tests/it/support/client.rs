//! A WebSocket client that gathers what it gets, so that a test is: send, wait, compare.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, connect};

use super::PATIENCE;

/// One connection.
pub(crate) struct Client {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    /// Messages that were received and not asked for yet.
    waiting: Vec<Value>,
    /// Code and reason, once the server closed.
    pub(crate) closed: Option<(u16, String)>,
}

impl Client {
    pub(crate) fn connect(url: &str) -> Self {
        let (socket, _) = connect(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        Self { socket, waiting: Vec::new(), closed: None }
    }

    /// The same with a reader's token.
    pub(crate) fn connect_as(url: &str, token: &str) -> Self {
        let mut request = url.into_client_request().expect("a URL");
        let value = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", value);
        let (socket, _) = connect(request).unwrap_or_else(|error| panic!("{url}: {error}"));
        Self { socket, waiting: Vec::new(), closed: None }
    }

    /// The same with these headers.
    pub(crate) fn connect_with(url: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut request = url.into_client_request().expect("a URL");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let (socket, _) = connect(request).unwrap_or_else(|error| panic!("{url}: {error}"));
        Self { socket, waiting: Vec::new(), closed: None }
    }

    /// Whether a connection can be had at all.
    pub(crate) fn connected(url: &str) -> bool {
        connect(url).is_ok()
    }

    /// Lets the kernel take no more than this for a client that does not read.
    pub(crate) fn take_little(&self, bytes: usize) {
        if let MaybeTlsStream::Plain(tcp) = self.socket.get_ref() {
            socket2::SockRef::from(tcp).set_recv_buffer_size(bytes).expect("a buffer");
        }
    }

    /// The status and body with which a handshake is refused.
    pub(crate) fn refused(url: &str) -> (u16, Value) {
        match connect(url) {
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                (response.status().as_u16(), serde_json::from_slice(body).unwrap_or_default())
            }
            other => panic!("{url} should be refused: {:?}", other.map(|_| "connected")),
        }
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_raw(Message::text(message.to_string()));
    }

    pub(crate) fn send_raw(&mut self, message: Message) {
        // The server may have closed meanwhile; what it said is still to be read.
        let _ = self.socket.send(message);
    }

    /// Subscribes and waits for the answer: the position.
    pub(crate) fn subscribe(&mut self, request: &Value) -> String {
        self.send(&serde_json::json!({ "subscribe": request }));
        self.subscribed()
    }

    /// Waits for the answer to a subscription: the position.
    pub(crate) fn subscribed(&mut self) -> String {
        let message = self.wait_for("subscribed");
        message["subscribed"]["position"].as_str().expect("a position").to_owned()
    }

    /// The next message with this key.
    pub(crate) fn wait_for(&mut self, key: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(index) = self.waiting.iter().position(|message| message.get(key).is_some()) {
                return self.waiting.remove(index);
            }
            assert!(
                self.receive(deadline),
                "no '{key}' came; waiting: {:?}, closed: {:?}",
                self.waiting,
                self.closed
            );
        }
    }

    /// The next batch, as a list of events.
    pub(crate) fn batch(&mut self) -> Vec<Value> {
        let mut envelope = self.wait_for("messages");
        match envelope["messages"].take() {
            Value::Array(events) => events,
            other => panic!("{other}"),
        }
    }

    /// The next `count` events, from as many batches as it takes; one more is an error.
    pub(crate) fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(self.batch());
        }
        assert_eq!(events.len(), count, "more events than expected");
        events
    }

    /// Everything that comes within `time`.
    pub(crate) fn everything_within(&mut self, time: Duration) -> Vec<Value> {
        let deadline = Instant::now() + time;
        while self.receive(deadline) {}
        std::mem::take(&mut self.waiting)
    }

    /// Waits until the server closes, and tells how.
    pub(crate) fn wait_for_close(&mut self) -> (u16, String) {
        let deadline = Instant::now() + PATIENCE;
        while self.closed.is_none() {
            assert!(self.receive(deadline) || self.closed.is_some(), "the server does not close");
        }
        self.closed.clone().expect("it is closed")
    }

    /// Receives one message; false at the deadline or the end.
    fn receive(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || self.closed.is_some() {
            return false;
        }
        if let MaybeTlsStream::Plain(tcp) = self.socket.get_ref() {
            tcp.set_read_timeout(Some(left)).expect("a timeout");
        }
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                self.waiting.push(serde_json::from_str(&text).expect("the server speaks JSON"));
                true
            }
            Ok(Message::Close(frame)) => {
                self.closed =
                    Some(frame.map_or((1005, String::new()), |f| (f.code.into(), f.reason.to_string())));
                let _ = self.socket.flush();
                true
            }
            Ok(_) => true,
            Err(Error::Io(error))
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                false
            }
            Err(_) => {
                self.closed = Some((1006, String::new()));
                false
            }
        }
    }
}

/// Short name of an event's type, tag and digest: what most comparisons need.
pub(crate) fn brief(event: &Value) -> String {
    let event_type = event["event_metadata"]["event_type"].as_str().unwrap_or_default();
    let short = event_type.rsplit('.').next().unwrap_or_default();
    let details = &event["details"];
    let text = |name: &str| details[name].as_str().unwrap_or_default().to_owned();
    format!("{short} {}:{} {}", text("repository_name"), text("tag"), text("image_digest"))
}

/// The event's id.
pub(crate) fn id(event: &Value) -> String {
    event["event_metadata"]["event_id"].as_str().expect("an id").to_owned()
}
