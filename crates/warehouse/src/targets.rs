//! Warehouses as the configuration names them.

pub mod profiles;
mod target;

pub use crate::connection::*;
pub use target::{ResolveError, Target};
