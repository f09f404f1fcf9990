//! Data tests: what must hold for the tables, of files and of warehouses alike.
//!
//! ```text
//! schema.yml, dbt/tests, the user's tests/*.sql --render--> queries whose every row is a failure
//!   --run--> CheckResult, the rows found in target/failures --junit--> a report for machines
//! ```

mod junit;
pub mod keep;
pub mod user;

pub use crate::sql::data_tests::Severity;
pub use junit::junit;
pub use keep::{Kept, MOST_STORED};

use crate::sql::RenderError;
use crate::sql::data_tests::DataTest;
use crate::targets::TargetError;
use std::path::PathBuf;
use std::time::Duration;
use tracklet_display::error::{AnyError, Hint};
use tracklet_display::print::Unprinted;

/// Why a test could not run.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The file of the test is no query that can be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The tables gave no answer.
    #[error(transparent)]
    Tables(AnyError),
    /// The warehouse gave no answer.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The rows that it found can't be written down.
    #[error("cannot write the rows found to `{}`", path.display())]
    Keep {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: Unprinted,
    },
}

impl Hint for TestError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Render(error) => error.hint(),
            Self::Tables(error) => error.hint(),
            Self::Target(error) => error.hint(),
            Self::Keep { .. } => None,
        }
    }
}

/// What a data test found.
#[derive(Debug)]
pub struct CheckResult {
    /// The test.
    pub name: String,
    /// The model that the test is of, or `tests` for a query of its own.
    pub of: String,
    /// How bad a row is that it finds.
    pub severity: Severity,
    /// Rows for which it does not hold, or why it could not run.
    pub failures: Result<u64, TestError>,
    /// The first of these rows as a table for people; empty without.
    pub shown: String,
    /// The file that has these rows, the first [`MOST_STORED`] of them where a warehouse found them.
    pub stored: Option<PathBuf>,
    /// How long it took.
    pub seconds: f64,
}

/// What a result means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The test found nothing.
    Passed,
    /// The test found rows, and is only to warn of them.
    Warned,
    /// The test found rows.
    Failed,
    /// The test could not run.
    Broken,
}

impl CheckResult {
    /// The result of a test that took so long and found these rows.
    pub fn new(test: DataTest, found: Result<Option<Kept>, TestError>, took: Duration) -> Self {
        let (failures, shown, stored) = match found {
            Ok(None) => (Ok(0), String::new(), None),
            Ok(Some(kept)) => (Ok(kept.failures), kept.shown, Some(kept.file)),
            Err(error) => (Err(error), String::new(), None),
        };
        Self {
            name: test.name,
            of: test.of_column.unwrap_or_else(|| "tests".to_owned()),
            severity: test.severity,
            failures,
            shown,
            stored,
            seconds: took.as_secs_f64(),
        }
    }

    /// The verdict that the result means.
    pub fn verdict(&self) -> Verdict {
        match (&self.failures, self.severity) {
            (Ok(0), _) => Verdict::Passed,
            (Ok(_), Severity::Warn) => Verdict::Warned,
            (Ok(_), Severity::Error) => Verdict::Failed,
            (Err(_), _) => Verdict::Broken,
        }
    }

    /// Whether the test ran and found nothing that is an error.
    pub fn passed(&self) -> bool {
        matches!(self.verdict(), Verdict::Passed | Verdict::Warned)
    }
}
