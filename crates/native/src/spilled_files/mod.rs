//! Files without a name that rows are spilled to and read back from: the operating system gives them free when the program ends.

mod error;
mod store;

pub use error::SpillError;
pub(crate) use store::{Store, StoredBlock, StoredRun, compressed, damaged, inflated};
