use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::conduct::Conduct;
use super::frames::gap_message;
use super::{Connection, ConnectionLimits, Plan, Reader};
use crate::bus::{Bus, Subscriber, Subscription};
use crate::protocol::{BadRequest, Close, Code, ErrorBody, Request, ServerMessage, SubscribeRequest};

/// The client's side of one connection: what it asks for, and its conduct.
pub(super) struct Client {
    pub(super) connection: Arc<Connection>,
    bus: Bus,
    reader: Reader,
    limits: Arc<ConnectionLimits>,
    /// Made with the first command: most clients never send one.
    conduct: Option<Box<Conduct>>,
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
        self.conduct.get_or_insert_with(|| Box::new(Conduct::new(self.limits.commands)))
    }

    /// Does what one message asks for.
    pub(super) async fn obey(&mut self, text: Utf8Bytes) {
        // A client that does not read its answers gets no more of them.
        self.connection.outbox.room().await;
        if let Err(wait) = self.conduct().command() {
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
        let mut subscriptions = self.connection.subscriptions();
        // One that ended by itself leaves its name to others.
        subscriptions.retain(|other| !other.ended());
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
        self.connection.greet(&hello);
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
        // The newest one stays the last.
        Some(subscriptions.remove(index))
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
        if self.conduct().fails_too_often() {
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
        if self.conduct().asks_too_often() {
            self.connection.close(Close::RateLimited);
        }
    }
}
