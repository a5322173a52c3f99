//! Any text is read or refused, soon and in little memory (`-malloc_limit_mb=1`); what is read is printed,
//! and what is printed is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagcast::filter::{Filter, Options};

fuzz_target!(|text: &str| {
    let options = Options { max_text: 16 << 10, ..Options::default() };
    match Filter::parse(text, &options) {
        Ok(filter) => {
            let again = Filter::parse(filter.canonical(), &options);
            // What was written short may be long once printed.
            if filter.canonical().len() <= options.max_text {
                assert_eq!(again.as_ref().map(Filter::canonical), Ok(filter.canonical()));
            }
        }
        Err(error) => {
            assert!(error.offset + error.length <= text.chars().count() || error.pointer.is_some());
            let _ = (error.details(), error.caret(text));
        }
    }
});
