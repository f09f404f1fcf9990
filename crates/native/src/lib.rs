//! The native engine: reads files, runs the kernel, writes and publishes tables.
//!
//! ```text
//! run: read -> (the kernel) -> write, checks -> publish, manifest -> results
//! ```

mod advance;
pub mod checks;
mod digests;
pub mod disk;
pub mod forget;
pub mod increment;
mod known_inputs;
pub mod manifest;
pub mod observer;
pub mod publish;
pub mod read;
pub mod results;
pub mod run;
pub mod spill;
pub mod starter;
pub mod write;
