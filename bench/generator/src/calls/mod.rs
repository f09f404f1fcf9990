//! Calls of every type, with the context that SDKs send.
//!
//! ```text
//! device ──> visits (which call comes next, under which session id)      a stream a session
//!    │           │
//!    └───────> details (all that a call says) <── site (pages, campaigns, referrers), agents
//!                 │
//!                 └──> json (a raw line) | tables (rows of Parquet)
//! ```

pub mod agents;
pub mod details;
pub mod device;
pub mod json;
pub mod site;
pub mod tables;
pub mod visits;
