//! Borders between teams: who may what, and that one cloud learns nothing of another.

mod callers;
mod rights;
mod tokens;
