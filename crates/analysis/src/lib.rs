//! Questions to the tables of a run, in files or in a warehouse, and all that is SQL in Tracklet itself.
//!
//! ```text
//! results -> queries (DataFusion) -+-> tables -> figures -> report, tune, explain, reference
//! warehouse --------------------- -+
//! queries -> export, testing, certify         [source] where -> filter
//! ```
//!
//! `DataFusion` is used by this crate alone, so that a program which only makes tables is built without it.

pub mod certify;
pub mod explain;
pub mod export;
pub mod figures;
pub mod filter;
mod queries;
pub mod reference;
pub mod report;
mod sql_error;
pub mod tables;
pub mod testing;
pub mod tune;

pub use queries::Queries;
