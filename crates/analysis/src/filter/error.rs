//! What can be wrong with a filter.

use super::size::{DEEPEST, MOST_OPERATORS};
use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use std::io;
use thiserror::Error;
use tracklet_engine::error::Hint;
use tracklet_engine::read::FilterError;

/// What is wrong with a filter.
#[derive(Debug, Error)]
pub enum ExpressionError {
    /// It can't be parsed, planned or evaluated.
    #[error(transparent)]
    Expression(#[from] DataFusionError),
    /// It says neither yes nor no.
    #[error("it yields {0}, not true or false")]
    NotBoolean(DataType),
    /// It has too many conditions, or conditions too deep in each other.
    #[error("it has conditions more than {DEEPEST} deep in each other, or over {MOST_OPERATORS} operators")]
    TooLarge,
    /// It asks for something else than the row.
    #[error("`{0}` depends on more than the row")]
    NotOfRows(String),
    /// The operating system gives no thread to look at it.
    #[error("could not start a thread to look at the expression")]
    Thread(#[source] io::Error),
}

impl Hint for ExpressionError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Expression(_) => {
                    "columns of CSV and JSON files are text; try_cast(a as double) reads one as a number"
                }
                Self::NotBoolean(_) => "compare it with something: a = 'b', or a = true where a is text",
                Self::TooLarge => {
                    "a in ('x', 'y') takes any number of values, and regexp_like(a, '^(x|y)') any number of patterns"
                }
                Self::NotOfRows(_) => {
                    "the same rows must be read whenever a run is made: compare with a value that stands in the expression"
                }
                Self::Thread(_) => return None,
            }
            .to_owned(),
        )
    }
}

impl From<ExpressionError> for FilterError {
    fn from(error: ExpressionError) -> Self {
        match error {
            ExpressionError::Expression(DataFusionError::SQL(..)) => Self::syntax(error),
            _ => Self::unusable(error),
        }
    }
}
