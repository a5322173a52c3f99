//! What Tagcast does, seen from outside, in the order of an event's way.
//!
//! `path` is the one to read first. Everything here runs the real program; `support` starts it.

mod support;

mod path;

mod expectations;

mod simulated;

mod sources;

mod quarantine;

mod keys;

mod sns;

mod registries;

mod ingest;

mod log_contract;

mod windows;

mod compression;

mod corpus;

mod filters;

mod replay;

mod handover;

mod slow_client;

mod readers;

mod pages;

mod repositories;

mod connections;

mod dashboard;

mod triggers;

mod teams;

mod hostile;

mod strangers;

mod other_sites;

mod wire;

mod limits;

mod shutdown;

mod faults;

mod watch;

mod filter_command;

mod layers;

mod descriptions;

mod docs;

mod transcripts;

mod told;
