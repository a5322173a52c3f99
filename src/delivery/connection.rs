//! One WebSocket client: its commands, its bounded outbox, its heartbeat, its end.
//!
//! A batch goes from the bus straight to the socket; only what the socket does
//! not take waits in the outbox. Reading, and answering control frames, is
//! tungstenite's; it writes through the same outbox, so frames never mix.
//!
//! Each connection runs as one task, started where it was upgraded; the table's
//! sweep, one task, watches heartbeats and stalls and ends when the table closes.

mod commands;
#[cfg(feature = "echo")]
mod echo;
mod limits;
mod outbox;
mod serve;
mod socket;
mod table;

pub use commands::{Prepared, Reader, filter_error};
#[cfg(feature = "echo")]
pub use echo::echo;
pub use limits::ConnectionLimits;
pub use serve::{Arrival, serve};
pub use table::{Connections, Refused, Ticket};
