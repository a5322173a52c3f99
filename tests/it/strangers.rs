//! Nobody hurts anybody: what someone without a token, or one careless reader, does stays with them.

mod descriptors;
mod diagnostics;
mod guesses;
mod last_words;
mod loops;
mod memory;
mod names;
mod proxies;
mod settings;
mod shares;
mod threads;
mod work;
