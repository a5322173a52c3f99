//! What Tagcast does, seen from outside, in the order of an event's way.

mod log_contract;
