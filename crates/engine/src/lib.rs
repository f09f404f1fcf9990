//! Reads tracks, runs the kernel, writes the tables: all that touches the world.

pub mod config;
pub mod error;
pub mod observer;
pub mod results;
