//! What is reported while a run makes its tables.

use crate::targets::Kind;
use crate::testing::CheckResult;

/// A model that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The model.
    pub model: &'static str,
    /// Table or view.
    pub kind: Kind,
    /// Whether the table is dropped at the end of the run.
    pub is_staging: bool,
    /// How many rows the table has, where the warehouse says.
    pub rows: Option<u64>,
    /// Bytes that were scanned for it, where the warehouse says.
    pub bytes: Option<u64>,
    /// How long it took.
    pub seconds: f64,
}

/// Follows a run: a method for each thing that happens.
pub trait Progress: Sync {
    /// A model is being made.
    fn started(&self, model: &'static str);
    /// A model was made.
    fn made(&self, made: &Made);
    /// A data test gave its answer.
    fn checked(&self, result: &CheckResult);
}
