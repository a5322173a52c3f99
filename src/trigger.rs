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

pub use address::{Policy, PolicyRefusal, Ports, blocked_network};
pub use definition::{Definition, HttpTarget, Invalid, Rules, Target, is_name};
pub use feed::{Feed, WrittenFeed};
pub use format::{Encoded, TargetFormat};
pub use place::Place;
pub use retry::{Failures, Next, Retry};
pub use secret::{HIDDEN, Secret};
pub use sign::{BadKey, SigningKey};
pub use verdict::{Failure, Verdict, retry_after, verdict};
pub use written::{Written, WrittenAuth, WrittenTarget};
