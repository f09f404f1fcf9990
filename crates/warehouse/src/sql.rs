//! The tables as SQL: renders the dbt package in `dbt/` for a warehouse. Text out, runs nothing.
//!
//! ```text
//! dbt/ --package--> files --render (configuration, dialect, source tables)--> one query a model, and what it refers to
//!   --graph--> models in order --select--> those asked for --statements--> the statements that make tables of them
//! ```
//!
//! The package is the one source of the SQL: dbt users install the same files.

pub mod data_tests;
pub mod forgotten;
pub mod graph;
pub mod increment;
pub mod invariants;
pub mod names;
pub mod package;
pub mod plan;
mod refusal;
pub mod render;
pub mod runs;
pub mod schema;
pub mod script;
pub mod select;
mod variables;

pub use names::Names;
pub use render::{RenderError, Rendered, Renderer, SourceTable};
pub use tracklet_dialects::Dialect;
