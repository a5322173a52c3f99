//! Filters of texts that were read lately: a client that connects again, or with many others, sends the same text.

use std::collections::HashMap;

use super::Filter;

/// Bytes of everything in the cache.
const ROOM: usize = 4 << 20;

/// Texts and their filters. Dropping it costs nothing but time.
#[derive(Debug, Default)]
pub struct FilterCache {
    filters: HashMap<Box<str>, Filter>,
    bytes: usize,
}

impl FilterCache {
    /// The filter of `text`, if it is here.
    pub fn get(&self, text: &str) -> Option<Filter> {
        self.filters.get(text).cloned()
    }

    /// Keeps the filter of `text`. When there is no more room, it forgets everything.
    pub fn put(&mut self, text: &str, filter: &Filter) {
        let bytes = weight(text, filter);
        if self.bytes + bytes > ROOM {
            *self = Self::default();
        }
        if bytes <= ROOM / 16 && self.filters.insert(text.into(), filter.clone()).is_none() {
            self.bytes += bytes;
        }
    }
}

/// About the bytes of a filter here: its text, expression, canonical form, program and automata.
fn weight(text: &str, filter: &Filter) -> usize {
    let patterns = filter.0.program.patterns.iter();
    1024 + 8 * text.len() + patterns.map(super::pattern::Pattern::memory).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Options;

    #[test]
    fn keeps_what_it_has_room_for() {
        let mut cache = FilterCache::default();
        let options = Options::default();
        for n in 0..10_000 {
            let text = format!("tag == 'v{n}' && repository.matches('a+b{n}')");
            assert!(cache.get(&text).is_none());
            let filter = Filter::parse(&text, &options).unwrap();
            cache.put(&text, &filter);
            assert_eq!(cache.get(&text), Some(filter));
            assert!(cache.bytes <= ROOM && cache.filters.len() < 5_000);
        }
    }
}
