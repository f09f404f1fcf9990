//! All that touches the world.

pub mod read;
