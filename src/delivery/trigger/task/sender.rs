use std::num::NonZeroU32;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request};
use http_body_util::Full;

use super::{Attempt, Parcel};
use crate::delivery::trigger::Context;
use crate::event::Timestamp;
use crate::header::items;
use crate::limits::Budget;
use crate::outgoing::{Line, Reply};
use crate::trigger::{Failure, FailureCode, HIDDEN, HttpTarget, QualifiedName, SigningKey};

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const TRIGGER: HeaderName = HeaderName::from_static("tagcast-trigger");
const POSITION: HeaderName = HeaderName::from_static("tagcast-position");
const GAP: HeaderName = HeaderName::from_static("tagcast-gap");
const ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");

/// One trigger's way to its target.
pub(crate) struct Sender {
    id: QualifiedName,
    pub(crate) target: HttpTarget,
    former: Option<FormerKey>,
    /// What is not kept of an answer that tells it back.
    secrets: Vec<String>,
    line: Line,
    budget: Budget,
}

/// The signing key before the present one.
pub(crate) struct FormerKey {
    pub(crate) key: SigningKey,
    /// Until when it signs too, in Unix milliseconds.
    pub(crate) until: i64,
}

impl Sender {
    pub(crate) fn new(
        shared: &Context,
        id: &QualifiedName,
        target: &HttpTarget,
        former: Option<FormerKey>,
    ) -> Self {
        let budget = Budget::new(shared.options.rate);
        let (secrets, line) = (target.secrets(), shared.targets.line());
        Self { id: id.clone(), target: target.clone(), former, secrets, line, budget }
    }

    /// Waits for its turn, and tries once.
    pub(crate) async fn attempt(&mut self, shared: &Context, parcel: &Parcel) -> Attempt {
        while let Err(wait) = self.budget.take(NonZeroU32::MIN, shared.options.rate) {
            tokio::time::sleep(wait).await;
        }
        let _turn = shared.turns.wait(&self.target.url.authority).await;
        let began = Instant::now();
        let sent = self.send(self.request(parcel)).await;
        let mut attempt = Attempt::new(sent, began.elapsed());
        self.hush(&mut attempt.answer);
        shared.count(&self.id.cloud, attempt.outcome());
        attempt
    }

    /// Asks the target for its consent, as cloudevents/spec `http-webhook.md` has it.
    ///
    /// # Errors
    ///
    /// An attempt that failed, because it did not agree.
    pub(crate) async fn ask_consent(&mut self, shared: &Context) -> Result<(), Attempt> {
        let _turn = shared.turns.wait(&self.target.url.authority).await;
        let began = Instant::now();
        let origin = HeaderValue::from_str(&shared.options.origin);
        let origin = origin.unwrap_or_else(|_| HeaderValue::from_static("tagcast"));
        let request = self.head(Method::OPTIONS).map(|mut request| {
            request.headers_mut().insert(ORIGIN, origin.clone());
            request
        });
        let agreed = self.send(request).await.and_then(|reply| {
            let is_own =
                |allowed: &str| allowed == "*" || allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
            if !(200..300).contains(&reply.status) {
                Err(Failure::Handshake(format!("it answered OPTIONS with {}", reply.status)))
            } else if items(&reply.headers, &ALLOWED_ORIGIN).any(is_own) {
                Ok(())
            } else {
                Err(Failure::Handshake("WebHook-Allowed-Origin does not name this gateway".into()))
            }
        });
        agreed.map_err(|failure| {
            shared.count(&self.id.cloud, FailureCode::Handshake.as_str());
            Attempt::new(Err(failure), began.elapsed())
        })
    }

    async fn send(&mut self, request: http::Result<Request<Full<Bytes>>>) -> Result<Reply, Failure> {
        let request = request.map_err(|error| Failure::Broken(error.to_string()))?;
        self.line.send(&self.target.url, request, self.target.timeout).await
    }

    /// Takes out of an answer what is a secret.
    fn hush(&self, answer: &mut String) {
        for secret in &self.secrets {
            if answer.contains(secret) {
                *answer = answer.replace(secret, HIDDEN);
            }
        }
    }

    fn head(&self, method: Method) -> http::Result<Request<Full<Bytes>>> {
        let url = &self.target.url;
        let mut request = Request::builder().method(method).uri(url.path.as_str()).body(Full::default())?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&url.authority)?);
        headers.insert(USER_AGENT, HeaderValue::from_static("tagcast"));
        headers.extend(self.target.headers.iter().cloned());
        Ok(request)
    }

    fn request(&self, parcel: &Parcel) -> http::Result<Request<Full<Bytes>>> {
        let mut request = self.head(Method::POST)?;
        let now = Timestamp::now();
        let body = parcel.payload.body.clone();
        let headers = request.headers_mut();
        headers.extend(parcel.payload.headers.iter().cloned());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(TRIGGER, HeaderValue::from_str(&self.id.name)?);
        headers.insert(POSITION, HeaderValue::from_str(&parcel.last.to_string())?);
        headers.insert(WEBHOOK_ID, HeaderValue::from_str(parcel.id.as_str())?);
        headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(now.as_second()));
        if let Some(gap) = &parcel.gap {
            headers.insert(GAP, HeaderValue::from_str(gap)?);
        }
        if let Some(signatures) = self.signatures(parcel, now) {
            headers.insert(WEBHOOK_SIGNATURE, HeaderValue::from_str(&signatures)?);
        }
        *request.body_mut() = Full::new(body);
        Ok(request)
    }

    /// By the present key, and by the one before it as long as that signs too.
    fn signatures(&self, parcel: &Parcel, now: Timestamp) -> Option<String> {
        let former = self.former.as_ref().filter(|former| now.as_millisecond() < former.until);
        let keys = [self.target.key.as_ref()?].into_iter().chain(former.map(|former| &former.key));
        let signed = keys.map(|key| key.sign(parcel.id.as_str(), now.as_second(), &parcel.payload.body));
        Some(signed.collect::<Vec<_>>().join(" "))
    }
}
