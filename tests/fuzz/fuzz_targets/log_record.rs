//! Any bytes are a record or no record; what is one is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagcast::log::Record;

fuzz_target!(|bytes: &[u8]| {
    let Some((offset, stored)) = bytes.split_first_chunk() else { return };
    let offset = u64::from_le_bytes(*offset) & ((1 << 53) - 1);
    if let Ok(record) = Record::decode(offset, stored) {
        assert_eq!(record.encode(), stored);
    }
});
