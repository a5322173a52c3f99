//! What several modules keep their state in, and the change of a row that state leads to. It knows nothing of what it
//! holds: no time but what it is told, no storage.

mod change;

pub use change::Change;
