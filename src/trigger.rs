//! What a trigger is, and what follows from each answer of its target.
//!
//! Pure: definitions and their checks, the forms of a delivery, its signature, the meaning of a status, the schedule of
//! attempts, and which addresses may be connected to. Who sends is `delivery::trigger`.

mod address;
mod definition;
mod error;
mod feed;
mod format;
mod headers;
mod masked_url;
mod qualified_name;
mod retry;
mod secret;
mod sign;
mod spec;
mod target;
mod target_url;
mod verdict;

pub(crate) use address::PolicyRefusal;
pub use address::{Policy, Ports, blocked_network};
pub use definition::{Definition, Rules};
pub(crate) use error::DefinitionError;
pub(crate) use feed::{Feed, FeedSpec};
pub(crate) use format::{Payload, TargetFormat};
pub(crate) use masked_url::masked;
pub use qualified_name::QualifiedName;
pub(crate) use retry::{Failures, Next, Retry};
pub(crate) use secret::{HIDDEN, Secret};
pub(crate) use sign::{BadKey, SigningKey};
pub use spec::TriggerSpec;
pub(crate) use spec::{AuthSpec, TargetSpec, default_cloud};
pub(crate) use target::HttpTarget;
pub use target::Target;
pub use target_url::TargetUrl;
pub(crate) use target_url::TargetUrlError;
pub(crate) use verdict::{Failure, FailureCode, Verdict, verdict};
