//! Any JSON value is read as a shorthand or refused with a place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tagcast::filter::{Filter, Options};

fuzz_target!(|text: &str| {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let options = Options { max_text: 16 << 10, ..Options::default() };
    match Filter::from_json(&value, &options) {
        Ok(filter) => {
            if filter.canonical().len() <= options.max_text {
                let again = Filter::from_json(&Value::from(filter.canonical()), &options);
                assert_eq!(again.as_ref(), Ok(&filter));
            }
        }
        Err(error) => {
            assert!(error.line > 0 || error.pointer.is_some());
            let _ = error.details();
        }
    }
});
