use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request};
use http_body_util::Full;

use super::Shared;
use crate::event::Timestamp;
use crate::limits::Budget;
use crate::outgoing::{Line, Reply};
use crate::trigger::{Encoded, Failure, HttpTarget, SigningKey, Verdict, retry_after, verdict};

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const TRIGGER: HeaderName = HeaderName::from_static("tagcast-trigger");
const POSITION: HeaderName = HeaderName::from_static("tagcast-position");
const GAP: HeaderName = HeaderName::from_static("tagcast-gap");
const ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";

/// A batch as it is sent, the same on every attempt.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    /// Its id.
    pub(super) id: String,
    /// Its last event.
    pub(super) last: String,
    /// Which events are missing and why, if it tells of that.
    pub(super) gap: String,
    /// Headers and body.
    pub(super) encoded: Encoded,
}

/// What became of one attempt.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) verdict: Verdict,
    /// The status, if there was an answer.
    pub(super) status: Option<u16>,
    /// Why there was none, for programs and for people.
    pub(super) failure: Option<(&'static str, String)>,
    pub(super) took: Duration,
    /// The beginning of the answer.
    pub(super) answer: String,
}

/// One trigger's way to its target.
pub(super) struct Sender {
    pub(super) name: String,
    pub(super) target: HttpTarget,
    /// The key before the present one, and until when it signs too.
    former: Option<(SigningKey, i64)>,
    pub(super) line: Line,
    budget: Budget,
}

impl Sender {
    pub(super) fn new(
        shared: &Shared,
        name: &str,
        target: &HttpTarget,
        former: Option<(SigningKey, i64)>,
    ) -> Self {
        let budget = Budget::new(shared.options.rate);
        Self { name: name.to_owned(), target: target.clone(), former, line: shared.targets.line(), budget }
    }

    /// Waits for its turn, and tries once.
    pub(super) async fn attempt(&mut self, shared: &Shared, parcel: &Parcel) -> Tried {
        while let Err(wait) = self.budget.take(NonZeroU32::MIN, shared.options.rate) {
            tokio::time::sleep(wait).await;
        }
        let _turn = shared.turns.wait(&self.target.place.authority).await;
        let began = Instant::now();
        let answered = match self.request(parcel) {
            Ok(request) => self.line.send(&self.target.place, request, self.target.timeout).await,
            Err(error) => Err(Failure::Broken(error.to_string())),
        };
        let tried = tried(answered, began.elapsed());
        let outcome = match (&tried.verdict, &tried.failure) {
            (Verdict::Delivered, _) => "delivered",
            (_, Some((code, _))) => code,
            (Verdict::Refused | Verdict::TooLarge, _) => "refused",
            (Verdict::Gone, _) => "gone",
            (Verdict::Failed(_), _) => "failed",
        };
        shared.count(outcome);
        tried
    }

    /// Asks the target for its consent, as cloudevents/spec `http-webhook.md` has it.
    pub(super) async fn ask_consent(&mut self, shared: &Shared) -> Result<(), Tried> {
        let _turn = shared.turns.wait(&self.target.place.authority).await;
        let began = Instant::now();
        let origin = HeaderValue::from_str(&shared.options.origin);
        let origin = origin.unwrap_or_else(|_| HeaderValue::from_static("tagcast"));
        let request = self.head(Method::OPTIONS).map(|mut request| {
            request.headers_mut().insert(ORIGIN, origin.clone());
            request
        });
        let answered = match request {
            Ok(request) => self.line.send(&self.target.place, request, self.target.timeout).await,
            Err(error) => Err(Failure::Broken(error.to_string())),
        };
        let agreed = answered.and_then(|reply| {
            let allowed = reply.headers.get(ALLOWED_ORIGIN);
            match allowed {
                _ if !(200..300).contains(&reply.status) => {
                    Err(Failure::Handshake(format!("it answered OPTIONS with {}", reply.status)))
                }
                Some(allowed) if allowed == "*" || *allowed == origin => Ok(()),
                _ => Err(Failure::Handshake("WebHook-Allowed-Origin does not name this gateway".into())),
            }
        });
        agreed.map_err(|failure| {
            shared.count("target_handshake");
            tried(Err(failure), began.elapsed())
        })
    }

    fn head(&self, method: Method) -> http::Result<Request<Full<Bytes>>> {
        let place = &self.target.place;
        let mut request = Request::builder().method(method).uri(place.path.as_str()).body(Full::default())?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&place.authority)?);
        headers.insert(USER_AGENT, HeaderValue::from_static("tagcast"));
        headers.extend(self.target.headers.iter().cloned());
        Ok(request)
    }

    fn request(&self, parcel: &Parcel) -> http::Result<Request<Full<Bytes>>> {
        let mut request = self.head(Method::POST)?;
        let now = Timestamp::now();
        let seconds = now.as_second();
        let body = parcel.encoded.body.clone();
        let headers = request.headers_mut();
        headers.extend(parcel.encoded.headers.iter().cloned());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(TRIGGER, HeaderValue::from_str(&self.name)?);
        headers.insert(POSITION, HeaderValue::from_str(&parcel.last)?);
        headers.insert(WEBHOOK_ID, HeaderValue::from_str(&parcel.id)?);
        headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(seconds));
        if !parcel.gap.is_empty() {
            headers.insert(GAP, HeaderValue::from_str(&parcel.gap)?);
        }
        if let Some(key) = &self.target.key {
            let former = self.former.as_ref().filter(|(_, until)| now.as_millisecond() < *until);
            let keys = std::iter::once(key).chain(former.map(|(key, _)| key));
            let signatures: Vec<_> = keys.map(|key| key.sign(&parcel.id, seconds, &body)).collect();
            headers.insert(WEBHOOK_SIGNATURE, HeaderValue::from_str(&signatures.join(" "))?);
        }
        *request.body_mut() = Full::new(body);
        Ok(request)
    }
}

fn tried(answered: Result<Reply, Failure>, took: Duration) -> Tried {
    match answered {
        Ok(reply) => {
            let after = reply.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            Tried {
                verdict: verdict(reply.status, retry_after(after, Timestamp::now())),
                status: Some(reply.status),
                failure: None,
                took,
                answer: String::from_utf8_lossy(&reply.body).into_owned(),
            }
        }
        Err(failure) => Tried {
            verdict: Verdict::Failed(None),
            status: None,
            failure: Some((failure.code(), failure.to_string())),
            took,
            answer: String::new(),
        },
    }
}
