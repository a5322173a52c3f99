//! What a handler is given, each taken out of the request in one place. A handler's arguments are taken in their
//! order, and the first that can't be had is the answer.

mod accept;
mod body;
mod caller;
mod handshake;
mod peer;
mod query;
mod reader;
mod ready;
mod subscription;

pub(super) use accept::Accepted;
pub(super) use body::{Body, BodyError};
pub(super) use caller::{Admin, Caller, Onlooker, Operator};
pub(super) use handshake::{Handshake, Socket};
pub(super) use peer::Peer;
pub(super) use query::{
    CloudChoice, CloudPage, FromQuery, LARGEST_PAGE, LAST_EVENT_ID, NoParameters, Page, Parameters, Query,
    bad, our_spelling,
};
pub(super) use reader::EventReader;
pub(super) use ready::Ready;
pub(super) use subscription::{
    FEED_PARAMETERS, STREAM_PARAMETERS, heartbeat, is_subscription, stream_query, subscription,
};
