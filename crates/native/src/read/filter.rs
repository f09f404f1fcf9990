//! `[source] where`: which rows of a file are kept.
//!
//! The expression is SQL, and this crate has no SQL engine: a program that has one supplies it through
//! [`RowFilters`]. [`NoRowFilters`] is for a program without one.

use super::ReadError;
use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use std::error::Error;
use std::fmt;
use tracklet_dialects::Dialect;
use tracklet_display::error::Hint;

/// Parses the expressions of `[source] where`.
pub trait RowFilters: fmt::Debug + Send + Sync {
    /// Parses an SQL expression.
    ///
    /// # Errors
    /// [`FilterError`] where the text is no expression, or one that no file could be filtered by.
    fn parse(&self, expression: &str) -> Result<Box<dyn RowFilter>, FilterError>;

    /// Checks an expression before any file is read, when the types of the columns are not known.
    ///
    /// # Errors
    /// An error that a run would end with, whatever its files have.
    fn check(&self, expression: &str) -> Result<(), FilterError>;

    /// Whether a warehouse of this dialect can parse the expression.
    fn is_sql_of(&self, dialect: Dialect, expression: &str) -> bool;
}

/// A parsed expression.
pub trait RowFilter: Send + Sync {
    /// The columns that the expression names: those without quotes in lower case, a path with dots.
    fn columns(&self) -> &[String];

    /// The expression for batches whose columns, in the order of [`Self::columns`], have these types. An absent column has
    /// the type [`DataType::Null`].
    ///
    /// # Errors
    /// [`FilterError`] where the expression does not fit the types.
    fn bind(&self, types: &[DataType]) -> Result<Box<dyn BoundRowFilter>, FilterError>;
}

/// An expression for batches of one shape.
pub trait BoundRowFilter: Send + Sync {
    /// Whether each of `rows` rows is kept; null means no.
    ///
    /// # Errors
    /// [`FilterError`] where a value makes the evaluation fail.
    fn evaluate(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray, FilterError>;
}

/// Why an expression can't be used.
#[derive(Debug)]
pub struct FilterError {
    reason: Box<dyn Hint + Send + Sync>,
    is_syntax: bool,
}

impl FilterError {
    /// An expression that the SQL engine does not understand.
    pub fn syntax(reason: impl Hint + Send + Sync + 'static) -> Self {
        Self { reason: Box::new(reason), is_syntax: true }
    }

    /// An expression that is understood and can't be used as a filter.
    pub fn unusable(reason: impl Hint + Send + Sync + 'static) -> Self {
        Self { reason: Box::new(reason), is_syntax: false }
    }

    /// Whether the SQL engine does not understand the expression.
    pub fn is_syntax(&self) -> bool {
        self.is_syntax
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl Error for FilterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.source()
    }
}

impl Hint for FilterError {
    fn hint(&self) -> Option<String> {
        self.reason.hint()
    }
}

/// The row filters of a program that has no SQL engine: every expression is an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRowFilters;

impl RowFilters for NoRowFilters {
    fn parse(&self, _: &str) -> Result<Box<dyn RowFilter>, FilterError> {
        Err(FilterError::unusable(NoSql))
    }

    fn check(&self, _: &str) -> Result<(), FilterError> {
        Err(FilterError::unusable(NoSql))
    }

    /// The warehouse is the judge of what this program can't parse.
    fn is_sql_of(&self, _: Dialect, _: &str) -> bool {
        true
    }
}

#[derive(Debug, thiserror::Error)]
#[error("this program was built without its SQL engine")]
struct NoSql;

impl Hint for NoSql {
    fn hint(&self) -> Option<String> {
        Some("build a program that has it: cargo build --release --features full".to_owned())
    }
}

/// A parsed filter with its text, which errors show.
pub(super) struct Filter {
    expression: String,
    parsed: Box<dyn RowFilter>,
}

impl Filter {
    /// Parses an SQL expression.
    pub(super) fn new(filters: &dyn RowFilters, expression: &str) -> Result<Self, ReadError> {
        let parsed = filters
            .parse(expression)
            .map_err(|source| ReadError::FilterSyntax { expression: expression.to_owned(), source })?;
        Ok(Self { expression: expression.to_owned(), parsed })
    }

    /// The columns that the expression names.
    pub(super) fn columns(&self) -> &[String] {
        self.parsed.columns()
    }

    /// The filter on batches of a file whose columns, in the order of [`Self::columns`], have these types.
    pub(super) fn bind(&self, file: &str, types: &[DataType]) -> Result<Bound, ReadError> {
        let evaluated = self.parsed.bind(types).map_err(|source| error(file, &self.expression, source))?;
        Ok(Bound { evaluated, expression: self.expression.clone(), file: file.to_owned() })
    }
}

/// A filter for batches of one shape.
pub(super) struct Bound {
    evaluated: Box<dyn BoundRowFilter>,
    expression: String,
    file: String,
}

impl Bound {
    /// Whether each of `rows` rows is kept; null means no.
    pub(super) fn evaluate(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray, ReadError> {
        self.evaluated.evaluate(columns, rows).map_err(|source| error(&self.file, &self.expression, source))
    }
}

fn error(file: &str, expression: &str, source: FilterError) -> ReadError {
    ReadError::Filter { file: file.to_owned(), expression: expression.to_owned(), source }
}
