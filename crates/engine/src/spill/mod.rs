//! A run whose tracks don't fit into its limit of memory: they are put away in files without a name, and taken up again a
//! range at a time.
//!
//! ```text
//! reading threads --gather--> pieces as they came        ids and names in memory
//!     --sort--> hidden duplicates, visitors, pieces dealt to ranges of visitors
//!     --write--> range by range: sessions, put away by the day on which they start
//!                then part by part: tables
//! ```
//!
//! The tables have the bytes that they have without a limit: every row group is made of the same rows in the same order.

mod error;
mod gather;
mod room;
mod sort;
mod store;
mod write;

pub use error::SpillError;
pub(crate) use gather::{Gathered, Gatherer, PutAway};
pub(crate) use room::Limit;
#[cfg(test)]
pub(crate) use room::Room;
pub(crate) use sort::{Sorted, sort};
pub(crate) use store::{Store, compressed, damaged, inflated};
pub(crate) use write::{WriteTables, WrittenSessions};

use std::path::PathBuf;

/// How a run keeps to its limit.
#[derive(Debug, Clone)]
pub(crate) struct Spilling {
    /// How much memory there is.
    pub(crate) limit: Limit,
    /// Where tracks are put away.
    pub(crate) folder: PathBuf,
}
