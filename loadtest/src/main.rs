//! Load and verification harness for Tagcast.

fn main() {}
