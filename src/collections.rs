//! What several modules keep their state in, and the change of a row that state leads to. It knows nothing of what it
//! holds: no time but what it is told, no storage.

mod age_table;
mod change;
mod ledger;
mod slab;

pub(crate) use age_table::{AgeLimits, AgeTable, Aging};
pub use change::Change;
pub(crate) use ledger::{Ledger, Reversible};
pub(crate) use slab::Slab;
