//! Borders between teams: who may what, and that one cloud learns nothing of another.

mod callers;
mod masked;
mod names;
mod rights;
mod tokens;
