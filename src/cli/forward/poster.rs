use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, USER_AGENT};
use http::{HeaderName, Request};
use http_body_util::Full;
use sha2::{Digest as _, Sha256};

use crate::cli::output::tell;
use crate::event::Timestamp;
use crate::header::retry_after;
use crate::outgoing::{Line, Targets};
use crate::protocol::event_id;
use crate::trigger::{
    BadKey, Failures, Next, Policy, Ports, Retry, SigningKey, TargetFormat, TargetUrl, TargetUrlError,
    Verdict, verdict,
};

const TIMEOUT: Duration = Duration::from_secs(20);
/// A batch is not given up for its age: who forwards looks on.
const NO_TTL: Duration = Duration::from_hours(24 * 365);
/// The longest wait: what is on this machine comes back soon.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The endpoint, or what it is sent, is not to be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum PosterError {
    #[error("--to: {0}")]
    Target(#[from] TargetUrlError),
    #[error("--format is one of {}", TargetFormat::ALL.map(TargetFormat::as_str).join(", "))]
    Format,
    #[error("{0}")]
    Key(#[from] BadKey),
    #[error("with --format {} write the filter as an expression", .0.as_str())]
    Shorthand(TargetFormat),
    #[error("{0}")]
    Request(#[from] http::Error),
    #[error("the endpoint is gone (410)")]
    Gone,
}

/// Posts batches to the one endpoint that the user named.
pub(super) struct Poster {
    url: TargetUrl,
    format: TargetFormat,
    key: Option<SigningKey>,
    line: Line,
}

impl Poster {
    pub(super) fn new(to: &str, format: &str, secret: Option<&str>) -> Result<Self, PosterError> {
        // The user named it, so it may be anywhere, and above all on this machine.
        let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect();
        let policy = Policy { ports: Ports::Any, allow: everywhere, own: Vec::new() };
        let url = TargetUrl::parse(to, &policy)?;
        let format = TargetFormat::parse(format).ok_or(PosterError::Format)?;
        let key = secret.map(SigningKey::parse).transpose()?;
        let targets: Arc<Targets> = Targets::new(policy);
        Ok(Self { url, format, key, line: targets.line() })
    }

    /// The endpoint.
    pub(super) fn url(&self) -> &TargetUrl {
        &self.url
    }

    /// The user's filter, and what the form can tell.
    pub(super) fn filter(&self, wanted: Option<&str>) -> Result<String, PosterError> {
        let wanted = wanted.unwrap_or("true");
        match self.format.tells() {
            None => Ok(wanted.to_owned()),
            Some(_) if wanted.trim_start().starts_with('{') => Err(PosterError::Shorthand(self.format)),
            Some(tells) => Ok(format!("({wanted}) && ({tells})")),
        }
    }

    /// Events in one batch.
    pub(super) fn largest(&self, wanted: u32) -> u32 {
        let most = self.format.largest(true).and_then(|most| u32::try_from(most).ok());
        most.map_or(wanted, |most| wanted.min(most))
    }

    /// Posts a batch until it has arrived. One that the endpoint refuses is told and left.
    pub(super) async fn deliver(&mut self, events: &[Bytes]) -> Result<(), PosterError> {
        let last = events.last().and_then(|event| event_id(event)).unwrap_or_default();
        let Some(encoded) = self.format.encode(events) else { return Ok(()) };
        let retry = Retry { ttl: NO_TTL, ..Retry::default() };
        let (mut failures, mut attempts) = (Failures::default(), 0);
        loop {
            attempts += 1;
            let request = self.request(&encoded.headers, &encoded.body, last)?;
            let (meaning, why) = match self.line.send(&self.url, request, TIMEOUT).await {
                Ok(reply) => {
                    let after = retry_after(&reply.headers, Timestamp::now());
                    (verdict(reply.status, after), format!("it answers {}", reply.status))
                }
                Err(failure) => (Verdict::Failed(None), failure.to_string()),
            };
            match meaning {
                Verdict::Delivered => return Ok(()),
                Verdict::Gone => return Err(PosterError::Gone),
                Verdict::Refused | Verdict::TooLarge => {
                    tell(format_args!("the batch up to {last} was refused: {why}"));
                    return Ok(());
                }
                Verdict::Failed(asked) => {
                    let now = Timestamp::now().as_millisecond();
                    failures.since = now;
                    let next = retry.next(&mut failures, attempts, (now, now), asked, rand::random());
                    let wait = match next {
                        Next::Again(wait) | Next::GiveUp(wait) => wait.min(LONGEST_WAIT),
                        Next::Disable => LONGEST_WAIT,
                    };
                    tell(format_args!("{why}; again in {:.1} s", wait.as_secs_f64()));
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    fn request(
        &self,
        headers: &[(HeaderName, HeaderValue)],
        body: &Bytes,
        last: &str,
    ) -> http::Result<Request<Full<Bytes>>> {
        let seconds = Timestamp::now().as_second();
        // What is the same batch has the same id, also after a restart.
        let id = format!("fwd_{}", &data_encoding::HEXLOWER.encode(Sha256::digest(body).as_slice())[..32]);
        let mut request = Request::post(self.url.path.as_str())
            .header(HOST, self.url.authority.as_str())
            .header(USER_AGENT, "tagcast")
            .header(CONTENT_LENGTH, body.len())
            .header("tagcast-position", last)
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", key.sign(&id, seconds, body));
        }
        let mut request = request.body(Full::new(body.clone()))?;
        request.headers_mut().extend(headers.iter().cloned());
        Ok(request)
    }
}
