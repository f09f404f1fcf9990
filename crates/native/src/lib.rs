//! The native engine: reads files, runs the kernel, writes and publishes tables.
//!
//! ```text
//! pipeline: read -> (the kernel) -> write, checks -> publish, manifest -> results
//! ```

pub mod checks;
mod digests;
pub mod disk;
pub mod forget;
pub mod increment;
mod known_inputs;
pub mod manifest;
pub mod observer;
pub mod pipeline;
pub mod publish;
pub mod read;
pub mod results;
pub mod spill;
mod spilled_files;
pub mod starter;
mod stored_error;
pub mod write;
