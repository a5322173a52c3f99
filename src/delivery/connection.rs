//! One client, at a WebSocket or an HTTP answer that goes on: its commands, its bounded outbox, its heartbeat, its end.
//!
//! A batch goes from the bus straight to the socket; only what the socket does
//! not take waits in the outbox. Reading, and answering control frames, is
//! tungstenite's; it writes through the same outbox, so frames never mix.
//!
//! Each WebSocket runs as one task, started where it was upgraded. An HTTP stream
//! has none: the server asks for its next piece; leaving is a short task. The table's
//! sweep, one task, watches heartbeats and stalls and ends when the table closes.

mod commands;
#[cfg(feature = "echo")]
mod echo;
mod limits;
mod outbox;
mod roster;
mod serve;
mod socket;
mod stream;
mod table;

pub(crate) use commands::{Prepared, Reader, filter_error, start_error};
#[cfg(feature = "echo")]
pub(crate) use echo::echo;
pub(crate) use limits::ConnectionLimits;
pub(crate) use roster::Which;
pub(crate) use serve::{Arrival, serve};
pub(crate) use stream::{StreamArrival, stream};
pub(crate) use table::{Connections, Refused, Ticket};
