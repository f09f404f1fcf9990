//! What can be wrong with a filter.

use super::plan::LONGEST_TEXT;
use super::size::{DEEPEST, MOST_OPERATORS};
use crate::sql_error::{in_short, with_types_of_sql};
use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use std::io;
use thiserror::Error;
use tracklet_display::error::Hint;
use tracklet_display::numbers::grouped;
use tracklet_native::read::FilterError;

/// What is wrong with a filter.
#[derive(Debug, Error)]
pub enum ExpressionError {
    /// The expression can't be parsed, planned or evaluated.
    #[error("{}", in_short(.0))]
    Expression(DataFusionError),
    /// The expression has a path into a list, which is no SQL.
    #[error("`{0}` is a path into a list, and no name in SQL")]
    Path(String),
    /// The expression is of this type, not a condition.
    #[error("it yields {}, not true or false", with_types_of_sql(&.0.to_string()))]
    NotBoolean(DataType),
    /// The expression makes long texts of short ones.
    #[error("it makes texts of more than {} characters", grouped(LONGEST_TEXT))]
    TooLong,
    /// The expression has too many conditions, or conditions too deep in each other.
    #[error("it has conditions more than {DEEPEST} deep in each other, or over {MOST_OPERATORS} operators")]
    TooLarge,
    /// The expression reads something else than the row.
    #[error("`{0}` depends on more than the row")]
    NotOfRows(String),
    /// The expression reads more than one row.
    #[error("{0} looks at several rows, and a filter at each by itself")]
    OfManyRows(String),
    /// The operating system gives no thread to look at it.
    #[error("could not start a thread to look at the expression")]
    Thread(#[source] io::Error),
}

impl Hint for ExpressionError {
    fn hint(&self) -> Option<String> {
        if let Self::Path(path) = self {
            let path = path.replace('[', ".").replace(']', "");
            return Some(format!(
                "of JSON lines it can be read in double quotes, elements counted from 0: \"{path}\""
            ));
        }
        Some(
            match self {
                Self::Expression(error) if is_of_types(error) => {
                    "columns of CSV and JSON files are text; try_cast(a as double) reads one as a number"
                }
                Self::Expression(DataFusionError::SQL(..)) => {
                    "for example: context_ip <> '10.0.0.1' and event is not null; text stands in single quotes"
                }
                Self::Expression(_) | Self::OfManyRows(_) => "docs/input.md lists what a filter can have",
                Self::NotBoolean(_) => "compare it with something: a = 'b', or a = true where a is text",
                Self::TooLarge => {
                    "a in ('x', 'y') takes any number of values, and regexp_like(a, '^(x|y)') any number of patterns"
                }
                Self::TooLong => "ids and names are of at most 65,536 bytes; lpad, rpad and repeat take smaller numbers",
                Self::NotOfRows(_) => {
                    "the same rows must be read whenever a run is made: compare with a value that stands in the expression"
                }
                Self::Thread(_) | Self::Path(_) => return None,
            }
            .to_owned(),
        )
    }
}

impl From<DataFusionError> for ExpressionError {
    fn from(error: DataFusionError) -> Self {
        Self::Expression(error)
    }
}

/// Whether values of other types would help.
fn is_of_types(error: &DataFusionError) -> bool {
    let text = error.to_string();
    ["oerce", "Utf8", "type"].iter().any(|word| text.contains(word))
}

impl From<ExpressionError> for FilterError {
    fn from(error: ExpressionError) -> Self {
        match error {
            ExpressionError::Expression(DataFusionError::SQL(..)) => Self::syntax(error),
            _ => Self::unusable(error),
        }
    }
}
