//! Fuzzes [`tracklet_fuzz::targets::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tracklet_fuzz::targets::config(bytes));
