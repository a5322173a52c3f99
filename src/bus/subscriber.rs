use std::pin::Pin;

use tokio::sync::Semaphore;

use super::{Delivery, Form, Forms, Spec};
use crate::event::Position;

/// Who receives a subscription's deliveries.
pub trait Subscriber: Send + Sync + 'static {
    /// Takes a delivery, all of it or nothing, or says why not. `form` is its subscription's. It does
    /// not block, and costs nobody else time.
    fn offer(&self, delivery: &Delivery, form: Form) -> Offer;

    /// Waits until there is room for what is read from the log, or nobody is there any more; says for how many bytes,
    /// about.
    fn room(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>>;

    /// Where its subscriptions wait for each other to read the log; nothing where it has but one.
    fn turns(&self) -> Option<&Semaphore> {
        None
    }

    /// A subscription of this spec was ended: its filter searches more than may be. It has everything up to `position`.
    fn stopped(&self, spec: &Spec, position: Position);

    /// One of its subscriptions has ended by itself, and said so: nothing of it follows.
    fn over(&self) {}
}

/// What became of an offered delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It will be sent.
    Taken,
    /// There is no room for it now.
    Full,
    /// Nobody is there any more.
    Gone,
}

/// Where values become bytes.
pub trait Wire: Send + Sync + 'static {
    /// Makes what members of these forms share of a delivery. It is called once, before the first of them is offered
    /// it, so that offers never wait for each other.
    fn prepare(&self, delivery: &Delivery, forms: Forms);
}
