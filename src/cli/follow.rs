//! A gateway, followed for `watch` and `forward`: one WebSocket with one subscription, made again behind what came
//! last whenever it is lost.

mod loss;
mod update;

use std::time::Duration;

use futures_util::StreamExt as _;
use http::header::{HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub(super) use self::loss::Loss;
pub(super) use self::update::Update;
use super::answer::Refusal;
use super::output::tell;
use super::remote::Remote;
use crate::outgoing::{SecureStream, Upgrade, upgrade};
use crate::protocol::Recovery;

/// The gateway pings every 25 s: one that is silent for longer than this is gone.
const SILENCE: Duration = Duration::from_mins(1);
/// Longest wait for the answer to a handshake, TLS included.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// The first pause before connecting again; it doubles to the longest, and is spread at random.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

type Connection = WebSocketStream<TokioIo<SecureStream>>;

/// What to follow, as the gateway reads it.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) filter: String,
    pub(super) batch_size: Option<u32>,
    pub(super) batch_cutoff: Option<String>,
    /// An event id, a time or `earliest`; `None`: from now.
    pub(super) after: Option<String>,
}

/// Follows one gateway, and knows where it stands.
pub(super) struct Follower {
    remote: Remote,
    subscription: Subscription,
    /// Whether a connection that is lost is made again.
    retry: bool,
    connection: Option<Connection>,
    pause: Duration,
}

impl Follower {
    pub(super) fn new(remote: Remote, subscription: Subscription, retry: bool) -> Self {
        Self { remote, subscription, retry, connection: None, pause: FIRST_PAUSE }
    }

    /// What comes next, however often it has to connect for it. Whoever asks is done with what came before, so it
    /// resumes behind that.
    ///
    /// # Errors
    ///
    /// [`Loss`] if coming back would not help, or is not wanted.
    pub(super) async fn next(&mut self) -> Result<Update, Loss> {
        loop {
            match self.receive().await {
                Ok(update) => {
                    self.pause = FIRST_PAUSE;
                    if let Some(position) = update.position() {
                        self.subscription.after = Some(position.to_owned());
                    }
                    return Ok(update);
                }
                Err(loss) => self.wait_out(loss).await?,
            }
        }
    }

    /// The next message that matters. A connection that fails is gone.
    async fn receive(&mut self) -> Result<Update, Loss> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let update = loop {
            match timeout(SILENCE, connection.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    if let Some(update) = Update::read(&text.into())? {
                        break update;
                    }
                }
                Ok(Some(Ok(Message::Close(frame)))) => return Err(Loss::closed(frame)),
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Err(Loss::Broken(Box::new(error))),
                Ok(None) => return Err(Loss::Ended),
                Err(_) => return Err(Loss::Silent),
            }
        };
        self.connection = Some(connection);
        Ok(update)
    }

    async fn connect(&self) -> Result<Connection, Loss> {
        let Subscription { filter, batch_size, batch_cutoff, after } = &self.subscription;
        let mut parameters = vec![("filter", filter.clone())];
        parameters.extend(batch_size.map(|size| ("batch_size", size.to_string())));
        parameters.extend(batch_cutoff.clone().map(|cutoff| ("batch_cutoff", cutoff)));
        parameters.extend(after.clone().map(|after| ("after", after)));
        let request = self.remote.handshake(&parameters)?;
        let url = || self.remote.name();
        let stream = self.remote.place()?.connect().await.map_err(|error| Loss::Connect(url(), error))?;
        let key = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
        let plain =
            (request.uri().scheme_str() == Some("ws")).then(|| request.uri().host().map(str::to_owned));
        let answered = timeout(HANDSHAKE, upgrade(stream, request)).await;
        let answered = answered.map_err(|_| Loss::NoAnswer(url()))?;
        match answered.map_err(|error| Loss::Handshake(url(), error))? {
            Upgrade::Refused(answer) => {
                let refusal = Refusal::read(answer.status, &answer.headers, &answer.body);
                let refusal = match plain.flatten() {
                    Some(host) => refusal.of_plain(&host),
                    None => refusal,
                };
                Err(Loss::refused(refusal, filter))
            }
            Upgrade::Done(upgraded) => {
                let accept = upgraded.headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
                if accept.is_none() || accept != key.as_deref().map(str::as_bytes) {
                    return Err(Loss::NoWebSocket(url()));
                }
                let (stream, early) = (upgraded.stream, upgraded.early);
                Ok(WebSocketStream::from_partially_read(stream, early, Role::Client, None).await)
            }
        }
    }

    /// Waits until it may connect again, if that may help.
    async fn wait_out(&mut self, loss: Loss) -> Result<(), Loss> {
        if !self.retry {
            return Err(loss);
        }
        let spread = self.pause.mul_f64(rand::random());
        let wait = match loss.recovery() {
            Recovery::Never => return Err(loss),
            Recovery::AtOnce if self.pause == FIRST_PAUSE => Duration::ZERO,
            Recovery::AtOnce | Recovery::Soon => spread,
            Recovery::After(least) => least + spread,
        };
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        tell(format_args!("{loss}; connecting again in {:.1} s", wait.as_secs_f64()));
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
