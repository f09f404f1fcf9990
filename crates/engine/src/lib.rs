//! All that touches the world, but for questions to the tables: reads tracks, runs the kernel, writes and publishes.
//!
//! ```text
//! config -> run: read -> (the kernel) -> write, checks -> publish, manifest -> results
//! ```

mod advance;
pub mod checks;
pub mod config;
pub mod dialects;
mod digests;
pub mod disk;
pub mod error;
pub mod examine;
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
pub mod sql;
pub mod targets;
pub mod testing;
pub mod visible;
pub mod warehouse;
pub mod write;
