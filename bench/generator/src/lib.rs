//! A seeded generator of RudderStack-like tracks: the same seed and options give the same bytes.
//!
//! ```text
//! plan ──sessions by start──> arrivals ──rows by received_at──> files ──cut, in threads──> parquet | logs
//!   │                            │                                                            │
//!   └─ random (one stream a subject, no shared state)          ids, line, calls (what a row looks like)
//! ```
//!
//! Only the sessions' plan (24 bytes each) and the rows still on their way are ever in memory, so 100 million
//! tracks need some hundred megabytes.

#![warn(missing_docs)]

pub mod arrivals;
pub mod calls;
pub mod error;
pub mod files;
pub mod ids;
pub mod line;
pub mod logs;
pub mod names;
pub mod options;
pub mod parquet_file;
pub mod plan;
pub mod random;
pub mod summary;

pub use error::GeneratorError;
pub use files::generate;
pub use options::{Options, Traffic};
pub use summary::Summary;
