//! `tagcast forward`: a trigger's deliveries for an endpoint that the gateway can't reach: one WebSocket out, each batch
//! posted from here, and a file that says how far it is.

mod place;
mod post;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue};

use self::place::PlaceFile;
use self::post::Poster;
use super::server_url::websocket_url;

const SILENCE: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct ForwardArguments {
    /// Which events; none: all.
    filter: Option<String>,
    /// The endpoint that gets them, such as http://127.0.0.1:9000/hook.
    #[arg(long, value_name = "URL")]
    to: String,
    /// tagcast, cloudevents, cloudevents-binary, alibaba or azure.
    #[arg(long, default_value = "tagcast")]
    format: String,
    /// The gateway.
    #[arg(long, env = "TAGCAST_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// A token, where the gateway asks for one.
    #[arg(long, env = "TAGCAST_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// `whsec_…`: sign deliveries with it.
    #[arg(long, env = "TAGCAST_SIGNING_SECRET", value_name = "SECRET", hide_env_values = true)]
    signing_secret: Option<String>,
    /// Where to keep how far it is; it resumes from there.
    #[arg(long, value_name = "FILE", default_value = "tagcast-forward.position")]
    position: PathBuf,
    /// Where to start without that file: an event_id, a time (RFC 3339) or 'earliest'; none: from now.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// Events in a batch, at most.
    #[arg(long, value_name = "N", default_value_t = 10)]
    batch_size: u32,
    /// Time that a batch may gather.
    #[arg(long, value_name = "TIME", default_value = "0")]
    batch_cutoff: String,
}

/// Why it ends, or connects again.
enum Lost {
    /// Asking again would not help.
    Refused(String),
    /// The gateway is away; it may come back.
    Connection(String),
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, default)]
    messages: Vec<&'a RawValue>,
    subscribed: Option<Told>,
    position: Option<Told>,
    gap: Option<Gap>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(alias = "event_id")]
    position: String,
}

#[derive(Deserialize)]
struct Gap {
    from: String,
    to: String,
    reason: String,
}

pub(super) async fn run(arguments: ForwardArguments) -> ExitCode {
    tokio::select! {
        why = forward(arguments) => {
            eprintln!("tagcast: {why}");
            ExitCode::from(2)
        }
        _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
    }
}

/// Runs until nothing can be done any more; tells why.
async fn forward(arguments: ForwardArguments) -> String {
    let secret = arguments.signing_secret.as_deref();
    let mut poster = match Poster::new(&arguments.to, &arguments.format, secret) {
        Ok(poster) => poster,
        Err(why) => return why,
    };
    let mut place = match PlaceFile::open(arguments.position.clone()) {
        Ok(place) => place,
        Err(why) => return why,
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let before = place.get().map(str::to_owned);
        let why = match follow(&arguments, &mut poster, &mut place).await {
            Lost::Refused(why) => return why,
            Lost::Connection(why) => why,
        };
        if place.get() != before.as_deref() {
            pause = FIRST_PAUSE;
        }
        let wait = pause.mul_f64(rand::random());
        eprintln!("tagcast: {why}; connecting again in {:.1} s", wait.as_secs_f64());
        tokio::time::sleep(wait).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

async fn follow(arguments: &ForwardArguments, poster: &mut Poster, place: &mut PlaceFile) -> Lost {
    let after = place.get().map(str::to_owned).or_else(|| arguments.after.clone());
    let filter = match poster.filter(arguments.filter.as_deref()) {
        Ok(filter) => filter,
        Err(why) => return Lost::Refused(why),
    };
    let mut parameters = vec![
        ("filter", filter),
        ("batch_size", poster.largest(arguments.batch_size).to_string()),
        ("batch_cutoff", arguments.batch_cutoff.clone()),
    ];
    parameters.extend(after.map(|after| ("after", after)));
    let request = websocket_url(&arguments.url, &parameters)
        .and_then(|url| url.into_client_request().map_err(|error| error.to_string()));
    let mut request = match request {
        Ok(request) => request,
        Err(why) => return Lost::Refused(why),
    };
    if let Some(token) = &arguments.token {
        match HeaderValue::from_str(&format!("Bearer {token}")) {
            Ok(value) => drop(request.headers_mut().insert(AUTHORIZATION, value)),
            Err(_) => return Lost::Refused("the token has characters that no header can hold".into()),
        }
    }
    let mut messages = match timeout(CONNECT, connect_async(request)).await {
        Ok(Ok((messages, _))) => messages,
        Ok(Err(Error::Http(response))) if response.status().is_client_error() => {
            let body = response.body().as_deref().unwrap_or_default();
            return Lost::Refused(format!("{}: {}", response.status(), String::from_utf8_lossy(body)));
        }
        Ok(Err(error)) => return Lost::Connection(format!("can't connect to {}: {error}", arguments.url)),
        Err(_) => return Lost::Connection(format!("{} does not answer", arguments.url)),
    };
    loop {
        match timeout(SILENCE, messages.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => {
                if let Err(why) = take(&text, poster, place).await {
                    return Lost::Refused(why);
                }
            }
            Ok(Some(Ok(Message::Close(frame)))) => {
                let (code, reason) =
                    frame.map_or((1005, String::new()), |f| (f.code.into(), f.reason.to_string()));
                let why = format!("closed by the gateway: {code} {reason}");
                let for_good = (4400..4500).contains(&code) && code != 4429;
                return if for_good { Lost::Refused(why) } else { Lost::Connection(why) };
            }
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => return Lost::Connection(error.to_string()),
            Ok(None) => return Lost::Connection("the connection ended".into()),
            Err(_) => return Lost::Connection("the gateway has gone silent".into()),
        }
    }
}

/// Posts a batch until it has arrived, and notes the place.
async fn take(text: &str, poster: &mut Poster, place: &mut PlaceFile) -> Result<(), String> {
    let Ok(incoming) = serde_json::from_str::<Incoming<'_>>(text) else {
        return Err("the server speaks another protocol".into());
    };
    let events: Vec<_> =
        incoming.messages.iter().map(|event| Bytes::copy_from_slice(event.get().as_bytes())).collect();
    if !events.is_empty() {
        let last = poster.deliver(&events).await?;
        place.set(&last)?;
    }
    if let Some(gap) = incoming.gap {
        eprintln!("tagcast: events are missing from {} to {}: {}", gap.from, gap.to, gap.reason);
        place.set(&gap.to)?;
    }
    for told in incoming.subscribed.into_iter().chain(incoming.position) {
        place.set(&told.position)?;
    }
    Ok(())
}
