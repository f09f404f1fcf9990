//! What must hold for any bytes: a target for each reader, and what the fuzzer starts from.
//!
//! A target panics when something does not hold. `src/bin/target.rs` hands one to libFuzzer; `tests/` runs them on their seeds
//! and on every input that once failed, with any toolchain.

mod reading;
pub mod seeds;
pub mod targets;
