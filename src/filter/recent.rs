//! Filters of texts that were just read: who connects again, or with many others, asks for the same.

use std::collections::HashMap;

use super::Filter;

/// Bytes of everything that is kept.
const ROOM: usize = 4 << 20;

/// Texts and the filters that they are. It is dropped at will: nothing but time is lost.
#[derive(Debug, Default)]
pub struct Recent {
    filters: HashMap<Box<str>, Filter>,
    bytes: usize,
}

impl Recent {
    /// The filter that `text` was read as.
    pub fn get(&self, text: &str) -> Option<Filter> {
        self.filters.get(text).cloned()
    }

    /// Keeps what `text` was read as. When there is no more room, everything is forgotten.
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

/// About the bytes of a kept filter: the text, its expression, canonical form and program; its automata.
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
        let mut recent = Recent::default();
        let options = Options::default();
        for n in 0..10_000 {
            let text = format!("tag == 'v{n}' && repository.matches('a+b{n}')");
            assert!(recent.get(&text).is_none());
            let filter = Filter::parse(&text, &options).unwrap();
            recent.put(&text, &filter);
            assert_eq!(recent.get(&text), Some(filter));
            assert!(recent.bytes <= ROOM && recent.filters.len() < 5_000);
        }
    }
}
