//! Any text is settings, or is refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagcast::config::Config;

fuzz_target!(|text: &str| {
    match Config::parse(text) {
        Ok(config) => {
            if let Err(error) = config.check() {
                assert!(!error.to_string().is_empty());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
