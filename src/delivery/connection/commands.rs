use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::frames::gap_message;
use super::{Connection, ConnectionLimits};
use crate::auth::Principal;
use crate::bus::{Admission, Bus, Spec, StartError, StartPoint, Subscriber, Subscription, resolve};
use crate::delivery;
use crate::event::Position;
use crate::filter::{self, Filter, FilterError};
use crate::limits::Budget;
use crate::protocol::{
    BadRequest, Batching, Close, Code, ErrorBody, Format, Request, ServerMessage, Start, SubscribeRequest,
};
use crate::trigger::Feed;

/// Failed requests in a minute, and requests over the rate in a minute, that end a connection.
const MAX_ERRORS: usize = 20;
const MAX_REFUSED: usize = 100;
const MINUTE: Duration = Duration::from_mins(1);

/// Who reads, and what: every filter of theirs is joined with `rights`.
#[derive(Clone)]
pub(crate) struct Reader {
    /// Whose token it showed; `None` where nobody needs one.
    pub principal: Option<Arc<Principal>>,
    /// Which events this reader may see.
    pub rights: Filter,
    /// How filters are read.
    pub options: Arc<filter::Options>,
    /// Those that were just read, by anyone.
    pub recent: Arc<Mutex<filter::Recent>>,
    /// The feed that it listens to; then it asks for nothing.
    pub feed: Option<Arc<Feed>>,
}

impl Reader {
    /// Reads a filter of this reader's, its rights not yet joined. A text may be a shorthand object too.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn filter(&self, wanted: &Value) -> Result<Filter, FilterError> {
        let Value::String(text) = wanted else { return Filter::from_json(wanted, &self.options) };
        let recent = || self.recent.lock();
        if let Some(known) = recent().get(text) {
            return Ok(known);
        }
        let filter = Filter::parse(text, &self.options)?;
        recent().put(text, &filter);
        Ok(filter)
    }
}

/// A subscription that can start: its filter is compiled, its start is found.
pub(crate) struct Plan {
    spec: Spec,
    batching: Batching,
    format: Format,
    admission: Admission,
    /// The filter as understood, without the reader's rights.
    understood: String,
    start: StartPoint,
}

impl Plan {
    /// Compiles the filter of `request` and finds where it starts.
    ///
    /// # Errors
    ///
    /// What to tell the client.
    pub(crate) async fn new(
        request: SubscribeRequest,
        reader: &Reader,
        bus: &Bus,
    ) -> Result<Self, ErrorBody> {
        if request.start != Start::Now && bus.load().sheds_replays() {
            return Err(ErrorBody::new(Code::Overloaded, "too much waits for the disk; come again"));
        }
        let own = match &reader.feed {
            Some(feed) => feed.filter.clone(),
            None => reader.filter(&request.filter).map_err(|error| filter_error(&error))?,
        };
        let filter = own.and(&reader.rights).map_err(|error| filter_error(&error))?;
        let admission = bus.admit(&filter).map_err(|error| filter_error(&error))?;
        let start = resolve(request.start, request.on_gap, bus.reader())
            .await
            .map_err(|error| start_error(&error))?;
        let SubscribeRequest { id, batching, format, on_gap, .. } = request;
        let window = delivery::window(batching, id.as_deref());
        Ok(Self {
            spec: Spec { filter, window, id, on_gap },
            batching,
            format,
            admission,
            understood: own.canonical().to_owned(),
            start,
        })
    }

    /// Where it starts.
    pub(crate) fn position(&self) -> Position {
        self.start.position
    }
}

/// A refused filter as a client is told.
pub(crate) fn filter_error(error: &FilterError) -> ErrorBody {
    ErrorBody { code: error.code.as_str(), message: error.to_string(), details: error.details() }
}

/// A start that can't be had, as a client is told.
pub(crate) fn start_error(error: &StartError) -> ErrorBody {
    let message = error.to_string();
    match error {
        StartError::Ahead { newest, .. } => ErrorBody {
            details: json!({"newest": newest.to_string()}),
            ..ErrorBody::new(Code::PositionAhead, message)
        },
        StartError::Gap { from, to, reason, .. } => ErrorBody {
            details: json!({"from": from.to_string(), "to": to.to_string(), "reason": reason.as_str()}),
            ..ErrorBody::new(Code::Gap, message)
        },
        StartError::Read(_) => ErrorBody::new(Code::StorageFailed, message),
    }
}

/// The client's side of one connection: what it asks for, and its conduct.
pub(super) struct Client {
    pub(super) connection: Arc<Connection>,
    bus: Bus,
    reader: Reader,
    limits: Arc<ConnectionLimits>,
    /// Made with the first command: most clients never send one.
    conduct: Option<Box<Conduct>>,
}

/// How well a client behaves.
struct Conduct {
    budget: Budget,
    errors: Recent,
    refused: Recent,
}

impl Client {
    pub(super) fn new(
        connection: Arc<Connection>,
        bus: Bus,
        reader: Reader,
        limits: Arc<ConnectionLimits>,
    ) -> Self {
        Self { connection, bus, reader, limits, conduct: None }
    }

    fn conduct(&mut self) -> &mut Conduct {
        self.conduct.get_or_insert_with(|| {
            let budget = Budget::new(self.limits.commands);
            Box::new(Conduct { budget, errors: Recent::default(), refused: Recent::default() })
        })
    }

    /// Does what one message asks for.
    pub(super) async fn obey(&mut self, text: Utf8Bytes) {
        // A client that does not read its answers gets no more of them.
        self.connection.outbox.room().await;
        let rate = self.limits.commands;
        if let Err(wait) = self.conduct().budget.take(NonZeroU32::MIN, rate) {
            return self.refuse(wait);
        }
        if self.reader.feed.is_some() {
            let error = ErrorBody::new(Code::Forbidden, "who listens to a feed has nothing to say");
            return self.fail(error, None);
        }
        match Request::parse(&text) {
            Ok(Request::Subscribe(request)) => self.subscribe(request).await,
            Ok(Request::Unsubscribe(id)) => self.unsubscribe(&id).await,
            Err(BadRequest { code, message, id }) => self.fail(ErrorBody::new(code, message), id.as_deref()),
        }
    }

    async fn subscribe(&mut self, request: SubscribeRequest) {
        let id = request.id.clone().unwrap_or_default();
        if let Some(error) = self.may_not(&id) {
            return self.fail(error, Some(&id));
        }
        match Plan::new(request, &self.reader, &self.bus).await {
            Ok(plan) => self.start(plan).await,
            Err(error) => self.fail(error, Some(&id)),
        }
    }

    fn may_not(&self, id: &str) -> Option<ErrorBody> {
        let subscriptions = self.connection.subscriptions();
        if !id.is_empty() && subscriptions.iter().any(|other| other.spec.id.as_deref() == Some(id)) {
            return Some(ErrorBody::new(Code::AlreadySubscribed, "unsubscribe first, or use another id"));
        }
        let max = self.limits.subscriptions;
        if subscriptions.len() < max {
            return None;
        }
        let message = format!("a connection has at most {max} subscriptions");
        Some(ErrorBody {
            details: json!({"limit": max}),
            ..ErrorBody::new(Code::TooManySubscriptions, message)
        })
    }

    /// Says that the subscription is there, and starts it.
    pub(super) async fn start(&mut self, plan: Plan) {
        let Plan { spec, batching, format, admission, understood, start } = plan;
        let hello = ServerMessage::Subscribed {
            id: spec.id.as_deref(),
            filter: &understood,
            batch: batching,
            format: format.as_str(),
            position: start.position.to_string(),
        };
        self.connection.answer(&hello);
        if let Some(gap) = start.gap {
            self.connection.answer(&gap_message(&gap, spec.id.as_deref()));
        }
        let subscriber = Arc::clone(&self.connection) as Arc<dyn Subscriber>;
        let form = self.connection.encoding(format).form();
        let subscription = Subscription::new(spec, form, admission, subscriber);
        self.connection.subscriptions().push(Arc::clone(&subscription));
        self.bus.subscribe(subscription, start.position.offset).await;
    }

    async fn unsubscribe(&mut self, id: &str) {
        let Some(subscription) = self.take(id) else {
            let error = ErrorBody::new(Code::NotSubscribed, "there is no such subscription");
            return self.fail(error, Some(id));
        };
        self.bus.unsubscribe(&subscription).await;
        self.connection.answer(&ServerMessage::Unsubscribed { id });
    }

    fn take(&self, id: &str) -> Option<Arc<Subscription>> {
        let mut subscriptions = self.connection.subscriptions();
        let index = subscriptions.iter().position(|one| one.spec.id.as_deref() == Some(id))?;
        Some(subscriptions.swap_remove(index))
    }

    /// Ends every subscription.
    pub(super) async fn leave(&mut self) {
        let subscriptions = std::mem::take(&mut *self.connection.subscriptions());
        for subscription in subscriptions {
            self.bus.unsubscribe(&subscription).await;
        }
    }

    fn fail(&mut self, error: ErrorBody, id: Option<&str>) {
        self.connection.answer(&ServerMessage::Error { error, id: id.filter(|id| !id.is_empty()) });
        if self.conduct().errors.count() > MAX_ERRORS {
            self.connection.close(Close::TooManyErrors);
        }
    }

    fn refuse(&mut self, wait: Duration) {
        let seconds = wait.as_secs_f64();
        let error = ErrorBody {
            details: json!({"retry_after": seconds}),
            ..ErrorBody::new(Code::RateLimited, format!("too many requests; wait {seconds:.1} s"))
        };
        self.connection.answer(&ServerMessage::Error { error, id: None });
        if self.conduct().refused.count() > MAX_REFUSED {
            self.connection.close(Close::RateLimited);
        }
    }
}

/// How often something happened in the minute that began with the first of it.
#[derive(Default)]
struct Recent {
    since: Option<Instant>,
    count: usize,
}

impl Recent {
    fn count(&mut self) -> usize {
        let now = Instant::now();
        if self.since.is_none_or(|since| now - since > MINUTE) {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count += 1;
        self.count
    }
}
