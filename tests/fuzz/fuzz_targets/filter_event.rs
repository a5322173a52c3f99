//! A filter and an event: the program, the explanation, the printed form and the index say the same.
//!
//! The input's first line is the filter, then one line for each field of the event.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagcast::event::{Attributes, AttributesBuilder, EventType, Field};
use tagcast::filter::{Filter, Index, Options};

fn event(text: &str) -> Attributes {
    let code = u8::try_from(text.len() % 8).unwrap_or(0);
    let mut builder = AttributesBuilder::new(EventType::from_code(code).unwrap_or(EventType::CreateImage));
    // Repository and tag first: those are what filters are about.
    let order = [Field::Repository, Field::Tag, Field::Actor, Field::Cloud, Field::Registry, Field::MediaType];
    for (field, line) in order.into_iter().zip(text.split('\n')) {
        builder.set(field, line);
    }
    builder.size(i64::try_from(text.len()).unwrap_or(0)).build()
}

fuzz_target!(|text: &str| {
    let (filter, fields) = text.split_once('\n').unwrap_or((text, ""));
    let options = Options { max_text: 16 << 10, ..Options::default() };
    let Ok(filter) = Filter::parse(filter, &options) else { return };
    let event = event(fields);
    let matches = filter.matches(&event);
    assert_eq!(filter.explain(&event).matched, matches);
    if let Ok(printed) = Filter::parse(filter.canonical(), &options) {
        assert_eq!(printed.matches(&event), matches);
    }
    let mut index = Index::new(7);
    let mut found = Vec::new();
    if let Ok(id) = index.add(&filter) {
        index.match_one(&event, &mut found);
        assert_eq!(found.contains(&id), matches);
        index.remove(id);
        assert!(index.is_empty());
    }
});
