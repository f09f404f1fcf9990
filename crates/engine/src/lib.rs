//! All that touches the world: reads tracks, runs the kernel, writes and publishes the tables.

pub mod checks;
pub mod config;
pub mod error;
pub mod manifest;
pub mod observer;
pub mod publish;
pub mod results;
pub mod write;
