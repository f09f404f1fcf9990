//! All that touches the world: reads tracks, runs the kernel, writes and publishes the tables.

pub mod checks;
pub mod error;
pub mod manifest;
pub mod observer;
pub mod publish;
pub mod write;
