//! Fuzzes [`tracklet_fuzz::targets::event_names`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tracklet_fuzz::targets::event_names(bytes));
