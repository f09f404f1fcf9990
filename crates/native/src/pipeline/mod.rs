//! A run of the native engine, from files to a published snapshot.
//!
//! ```text
//! request --plan--> which files are read, and how: full, rebuild or incremental
//!   --execute--> reading: a batch of new rows --publish--> sessions, tables, checks, a new snapshot
//! ```

mod compare;
mod error;
mod execute;
mod facts;
mod first_rows;
pub(crate) mod plan;
pub(crate) mod publish;
pub(crate) mod reading;
mod request;

pub use error::RunError;
pub use execute::{ReadFiles, RunReport, read, run};
pub use first_rows::{Doubt, doubts};
pub use plan::Changed;
pub use request::{Dropping, RunRequest};
pub use tracklet_config::Refresh;
