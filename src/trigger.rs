//! What a trigger is, and what follows from each answer of its target.
//!
//! Pure: definitions and their checks, the forms of a delivery, its signature, the meaning of a status, the schedule of
//! attempts, and which addresses may be connected to. Who sends is `delivery::trigger`.

mod address;
mod definition;
mod feed;
mod format;
mod headers;
mod place;
mod retry;
mod secret;
mod sign;
mod verdict;
mod written;

pub(crate) use address::PolicyRefusal;
pub use address::{Policy, Ports, blocked_network};
pub use definition::{Definition, Rules, Target};
pub(crate) use definition::{HttpTarget, Invalid};
pub(crate) use feed::{Feed, WrittenFeed};
pub(crate) use format::{Encoded, TargetFormat};
pub use place::Place;
pub(crate) use retry::{Failures, Next, Retry};
pub(crate) use secret::Secret;
pub(crate) use sign::SigningKey;
pub(crate) use verdict::{Failure, Verdict, retry_after, verdict};
pub use written::Written;
pub(crate) use written::{WrittenAuth, WrittenTarget};
