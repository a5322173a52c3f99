//! Tests of the catalog, its storage and the window of repeats.

mod always;
mod histories;
mod late;
mod limits;
mod repeats;
mod rows;
mod storage;
mod support;
