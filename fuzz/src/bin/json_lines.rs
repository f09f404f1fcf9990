//! Fuzzes [`tracklet_fuzz::targets::json_lines`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tracklet_fuzz::targets::json_lines(bytes));
