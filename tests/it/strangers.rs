//! Nobody hurts anybody: what someone without a token, or one careless reader, does stays with them.

mod guesses;
mod proxies;
mod shares;
