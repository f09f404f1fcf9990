//! A run whose tracks don't fit into its limit of memory: they are spilled in files without a name, and read back a
//! range at a time.
//!
//! ```text
//! reading threads --gather--> blocks as they came        ids and names in memory
//!     --sort--> hidden duplicates, visitors, blocks partitioned by ranges of visitors
//!     --write--> range by range: sessions, spilled by the day on which they start
//!                then part by part: tables
//! ```
//!
//! The tables have the bytes that they have without a limit: every row group is made of the same rows in the same order.

mod budget;
mod gather;
mod sort;
mod write;

pub use crate::spilled_files::SpillError;
#[cfg(test)]
pub(crate) use budget::Budget;
pub(crate) use budget::Limit;
pub(crate) use gather::{Gathered, Gatherer, Spilled};
pub(crate) use sort::{Sorted, sort};
pub(crate) use write::{SpilledTablesError, WriteTables, WrittenSessions};

use std::path::PathBuf;

/// How a run keeps to its limit.
#[derive(Debug, Clone)]
pub(crate) struct Spilling {
    /// How much memory there is.
    pub(crate) limit: Limit,
    /// Where tracks are spilled.
    pub(crate) folder: PathBuf,
}
