//! The language by its own tables, by CEL's conformance cases and by random filters.

mod canonical;
mod conformance;
mod errors;
mod index;
mod limits;
mod meaning;
mod patterns;
mod peer;
mod random;
mod shorthand;

use crate::event::{Attributes, AttributesBuilder, EventType, Field};

use super::{Filter, FilterError, Options};

/// The filter of an expression or object that is right.
fn filter(text: &str) -> Filter {
    match Filter::parse(text, &Options::default()) {
        Ok(filter) => filter,
        Err(error) => panic!("{text}\n{error} {}", error.details()),
    }
}

/// What is wrong with a text that is not.
fn refusal(text: &str) -> FilterError {
    match Filter::parse(text, &Options::default()) {
        Ok(filter) => panic!("{text}\naccepted as {filter}"),
        Err(error) => error,
    }
}

/// What `text` was understood as.
fn canonical(text: &str) -> String {
    filter(text).canonical().to_owned()
}

/// A new tag of an image.
fn event() -> Attributes {
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    builder
        .set(Field::Cloud, "cloud1")
        .set(Field::Registry, "hub.example.com")
        .set(Field::Repository, "team/app")
        .set(Field::Tag, "release-v1")
        .set(Field::Digest, "sha256:00")
        .set(Field::MediaType, "application/vnd.oci.image.manifest.v1+json")
        .set(Field::Actor, "ci-bot")
        .set(Field::Source, "hub")
        .size(3023);
    builder.build()
}

/// The event of `event()` with another tag.
fn with_tag(tag: &str) -> Attributes {
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    builder.set(Field::Repository, "team/app").set(Field::Tag, tag);
    builder.build()
}
