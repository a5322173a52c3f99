use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue};
use tokio_tungstenite::tungstenite::http::{Response, StatusCode};

use super::WatchArguments;
use super::print::Printer;
use crate::cli::server_url::websocket_url;

/// The gateway pings every 25 s: one that is silent for longer than this is gone.
const SILENCE: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(15);

/// Why following ended.
pub(super) enum Lost {
    /// Nobody reads our output any more.
    Output,
    /// What was asked for can't be had; asking again would not help.
    Refused(String),
    /// No token, or not the right one.
    NotAllowed(String),
    /// The gateway is away; it may come back.
    Connection(String),
}

/// Follows one gateway, and knows where it stands.
pub(super) struct Follower {
    url: String,
    token: Option<String>,
    filter: String,
    batch_size: Option<u32>,
    batch_cutoff: Option<String>,
    after: Option<String>,
    progress: bool,
}

/// The messages of the server, as far as a watcher cares.
#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, default)]
    messages: Vec<&'a RawValue>,
    subscribed: Option<Subscribed>,
    position: Option<Position>,
    gap: Option<Gap>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Subscribed {
    position: String,
}

#[derive(Deserialize)]
struct Position {
    event_id: String,
}

#[derive(Deserialize)]
struct Gap {
    from: String,
    to: String,
    reason: String,
}

impl Follower {
    pub(super) fn new(arguments: &WatchArguments) -> Self {
        Self {
            url: arguments.url.clone(),
            token: arguments.token.clone(),
            filter: arguments.filter.clone().unwrap_or_else(|| "true".into()),
            batch_size: arguments.batch_size,
            batch_cutoff: arguments.batch_cutoff.clone(),
            after: arguments.after.clone(),
            progress: false,
        }
    }

    /// Whether the last attempt got as far as a subscription; asking resets it.
    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Connects, and prints what comes until the connection ends.
    pub(super) async fn follow(&mut self, printer: &mut Printer) -> Lost {
        let mut request = match self.address().map(String::into_client_request) {
            Ok(Ok(request)) => request,
            Ok(Err(error)) => return Lost::Refused(error.to_string()),
            Err(why) => return Lost::Refused(why),
        };
        if let Some(token) = &self.token {
            match HeaderValue::from_str(&format!("Bearer {token}")) {
                Ok(value) => drop(request.headers_mut().insert(AUTHORIZATION, value)),
                Err(_) => return Lost::Refused("the token has characters that no header can hold".into()),
            }
        }
        let mut messages = match timeout(CONNECT, connect_async(request)).await {
            Ok(Ok((messages, _))) => messages,
            Ok(Err(Error::Http(response))) => return refused(&response, &self.filter),
            Ok(Err(error)) => return Lost::Connection(format!("can't connect to {}: {error}", self.url)),
            Err(_) => return Lost::Connection(format!("{} does not answer", self.url)),
        };
        loop {
            match timeout(SILENCE, messages.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    if let Err(lost) = self.take(&text, printer) {
                        return lost;
                    }
                }
                Ok(Some(Ok(Message::Close(frame)))) => {
                    let (code, reason) =
                        frame.map_or((1005, String::new()), |f| (f.code.into(), f.reason.to_string()));
                    return closed(code, &reason);
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Lost::Connection(error.to_string()),
                Ok(None) => return Lost::Connection("the connection ended".into()),
                Err(_) => return Lost::Connection("the gateway has gone silent".into()),
            }
        }
    }

    fn address(&self) -> Result<String, String> {
        let mut parameters = vec![("filter", self.filter.clone())];
        parameters.extend(self.batch_size.map(|size| ("batch_size", size.to_string())));
        parameters.extend(self.batch_cutoff.clone().map(|cutoff| ("batch_cutoff", cutoff)));
        parameters.extend(self.after.clone().map(|after| ("after", after)));
        websocket_url(&self.url, &parameters)
    }

    fn take(&mut self, text: &str, printer: &mut Printer) -> Result<(), Lost> {
        let Ok(incoming) = serde_json::from_str::<Incoming>(text) else {
            return Err(Lost::Refused("the server speaks another protocol".into()));
        };
        for event in &incoming.messages {
            let id = printer.print(event.get()).map_err(|_| Lost::Output)?;
            self.after = id.or(self.after.take());
        }
        if let Some(subscribed) = incoming.subscribed {
            (self.after, self.progress) = (Some(subscribed.position), true);
        }
        if let Some(position) = incoming.position {
            self.after = Some(position.event_id);
        }
        if let Some(Gap { from, to, reason }) = incoming.gap {
            eprintln!("tagcast: events are missing from {from} to {to}: {reason}");
            self.after = Some(to);
        }
        match incoming.error {
            Some(error) => Err(Lost::Refused(message_of(&error))),
            None => Ok(()),
        }
    }
}

fn message_of(error: &Value) -> String {
    error["message"].as_str().unwrap_or("the request failed").to_owned()
}

fn closed(code: u16, reason: &str) -> Lost {
    let why = format!("closed by the gateway: {code} {reason}");
    match code {
        4401 | 4403 => Lost::NotAllowed(why),
        // Come back later: the gateway said so by name.
        4429 => Lost::Connection(why),
        4400..=4499 => Lost::Refused(why),
        _ => Lost::Connection(why),
    }
}

/// What a handshake's answer means. A wrong filter is shown with its place.
fn refused(response: &Response<Option<Vec<u8>>>, filter: &str) -> Lost {
    let body: Value =
        response.body().as_deref().and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
    let error = &body["error"];
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Lost::NotAllowed(message_of(error)),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Lost::Connection(format!("the gateway answers {status}: {}", message_of(error)))
        }
        _ if error["details"]["offset"].is_u64() => {
            Lost::Refused(format!("{}\n{}", message_of(error), caret(filter, &error["details"])))
        }
        StatusCode::BAD_REQUEST => Lost::Refused(message_of(error)),
        status => Lost::Refused(format!("this is no Tagcast gateway: it answers {status}")),
    }
}

/// The filter's line with carets under what is wrong.
fn caret(filter: &str, details: &Value) -> String {
    let number =
        |name: &str| details[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
    let line = filter.lines().nth(number("line") - 1).unwrap_or_default();
    format!(
        "  {line}\n  {}{}",
        " ".repeat(number("column") - 1),
        "^".repeat(number("length").min(filter.len().max(1)))
    )
}
