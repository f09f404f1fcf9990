//! `[source] where`: an SQL expression over the source's columns, evaluated on each batch.

mod error;
mod plan;
mod size;

pub use error::ExpressionError;

use arrow::array::{Array as _, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::sql::sqlparser::ast::{Expr, Ident, visit_expressions, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect as parsers;
use datafusion::sql::sqlparser::parser::Parser;
use plan::Planner;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use tracklet_native::read::{BoundRowFilter, FilterError, RowFilter, RowFilters};
use tracklet_warehouse::sql::Dialect;

/// Parses `[source] where` as `DataFusion` reads SQL.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqlRowFilters;

impl RowFilters for SqlRowFilters {
    fn parse(&self, expression: &str) -> Result<Box<dyn RowFilter>, FilterError> {
        Ok(Box::new(Filter::parse(expression)?))
    }

    fn check(&self, expression: &str) -> Result<(), FilterError> {
        Ok(well_formed(expression)?)
    }

    fn is_sql_of(&self, dialect: Dialect, expression: &str) -> bool {
        let is_parsed = || {
            let query = format!("select 1 from tracks where ({expression})");
            parser_of(dialect).is_none_or(|parser| Parser::parse_sql(&*parser, &query).is_ok())
        };
        // What is too large to be parsed is for the warehouse to say.
        with_large_stack(expression, is_parsed).unwrap_or(true)
    }
}

/// The parser's own description of a dialect; none of one that it does not know.
fn parser_of(dialect: Dialect) -> Option<Box<dyn parsers::Dialect>> {
    parsers::dialect_from_str(dialect.parser())
}

/// A parsed filter.
struct Filter {
    parsed: Expr,
    columns: Vec<String>,
    /// A path into a list that it has.
    path: Option<String>,
    planner: Planner,
    /// The filter by the types of its columns, which many files have alike.
    planned: Mutex<HashMap<Vec<DataType>, Planned>>,
}

/// A filter for columns of certain types.
#[derive(Debug, Clone)]
struct Planned {
    expression: Arc<dyn PhysicalExpr>,
    /// The columns as the expression takes them.
    schema: SchemaRef,
}

impl RowFilter for Filter {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn bind(&self, types: &[DataType]) -> Result<Box<dyn BoundRowFilter>, FilterError> {
        Ok(Box::new(self.planned(types)?))
    }
}

impl Filter {
    fn parse(expression: &str) -> Result<Self, ExpressionError> {
        let planner = Planner::default();
        let path = path_into_list(expression);
        let (parsed, columns) = size::with_large_stack(|| {
            let mut parsed = planner.parse(expression).map_err(|error| or_path(error, path.as_deref()))?;
            if has_query(&parsed) {
                return Err(ExpressionError::OfManyRows("a query in the expression".to_owned()));
            }
            let columns = name_columns(&mut parsed);
            Ok::<_, ExpressionError>((parsed, columns))
        })??;
        Ok(Self { parsed, columns, path, planner, planned: Mutex::default() })
    }

    fn planned(&self, types: &[DataType]) -> Result<Planned, ExpressionError> {
        if let Some(planned) = self.lock().get(types) {
            return Ok(planned.clone());
        }
        let planned = size::with_large_stack(|| self.first_that_fits(&choices(types)))??;
        self.lock().insert(types.to_vec(), planned.clone());
        Ok(planned)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<DataType>, Planned>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The filter for the first of these types that it can be planned for; else the error of the first ones.
    fn first_that_fits(&self, choices: &[Vec<DataType>]) -> Result<Planned, ExpressionError> {
        let mut first = None;
        for types in choices {
            match self.plan(types) {
                Ok(planned) => return Ok(planned),
                Err(error) => first = first.or(Some(error)),
            }
        }
        // A list by itself has elements in SQL too; what is inside of them has no name there.
        let path = self.path.as_deref().filter(|path| path.contains("]."));
        Err(or_path(first.expect("there is a choice"), path))
    }

    fn plan(&self, types: &[DataType]) -> Result<Planned, ExpressionError> {
        let columns = self.columns.iter().zip(types);
        let fields: Vec<Field> =
            columns.map(|(name, data_type)| Field::new(name, data_type.clone(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let expression = self.planner.plan(&self.parsed, &schema)?;
        Ok(Planned { expression, schema })
    }
}

/// The error, or that of the path that it comes of.
fn or_path(error: ExpressionError, path: Option<&str>) -> ExpressionError {
    match (error, path) {
        (ExpressionError::Expression(_), Some(path)) => ExpressionError::Path(path.to_owned()),
        (error, _) => error,
    }
}

/// The first name outside quotes that has a number among its parts, as `contexts.session.0.userId` and `session[0].id` have.
fn path_into_list(expression: &str) -> Option<String> {
    let unquoted = expression.split(['\'', '"']).step_by(2);
    let is_of_name = |c: char| c.is_alphanumeric() || "_.[]".contains(c);
    let mut names = unquoted.flat_map(|text| text.split(move |c: char| !is_of_name(c)));
    let is_path = |name: &&str| {
        let mut parts = name.split(['.', '[', ']']).filter(|part| !part.is_empty());
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        parts.next().is_some_and(|first| !first.starts_with(|c: char| c.is_ascii_digit()))
            && parts.any(is_number)
    };
    names.find(is_path).map(str::to_owned)
}

/// Whether a query stands in an expression: a row has no tables to ask.
fn has_query(parsed: &Expr) -> bool {
    let found = visit_expressions(parsed, |part: &Expr| match part {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Makes every name a quoted one, for what it is in a file is for the reader to find; answers the names, each once.
fn name_columns(parsed: &mut Expr) -> Vec<String> {
    let mut columns = Vec::new();
    let _ = visit_expressions_mut(parsed, |part: &mut Expr| {
        let name = match part {
            Expr::Identifier(name) => name_of(name),
            Expr::CompoundIdentifier(names) => names.iter().map(name_of).collect::<Vec<_>>().join("."),
            _ => return ControlFlow::<()>::Continue(()),
        };
        *part = Expr::Identifier(Ident::with_quote('"', name.clone()));
        if !columns.contains(&name) {
            columns.push(name);
        }
        ControlFlow::Continue(())
    });
    columns
}

/// A name as SQL reads it.
fn name_of(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// What columns of these types can be taken as, the likeliest first. An absent column is as a text, or else whatever the
/// expression needs; and where types don't fit, all are texts, as they are in JSON and CSV.
fn choices(types: &[DataType]) -> Vec<Vec<DataType>> {
    let plain: Vec<DataType> = types.iter().map(plain).collect();
    let with_absent = |absent: &DataType| -> Vec<DataType> {
        plain.iter().map(|own| if own.is_null() { absent.clone() } else { own.clone() }).collect()
    };
    let absent =
        [DataType::Utf8, DataType::Null, DataType::Int64, DataType::Float64, utc(), DataType::Boolean];
    let has_absent = plain.iter().any(DataType::is_null);
    let mut choices: Vec<Vec<DataType>> =
        absent[..if has_absent { absent.len() } else { 1 }].iter().map(with_absent).collect();
    let as_text = |own: &DataType| arrow::compute::can_cast_types(own, &DataType::Utf8);
    choices.push(plain.iter().map(|own| if as_text(own) { DataType::Utf8 } else { own.clone() }).collect());
    choices.dedup();
    choices
}

/// The type without the ways in which Parquet may store it.
fn plain(stored: &DataType) -> DataType {
    match stored {
        DataType::Dictionary(_, values) => plain(values),
        DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => DataType::Utf8,
        other => other.clone(),
    }
}

/// Does `work`, which parses `expression`; `None` for one that is too large.
fn with_large_stack<T: Send>(expression: &str, work: impl FnOnce() -> T + Send) -> Option<T> {
    if size::is_parsable(expression) { size::with_large_stack(work).ok() } else { None }
}

/// What `expression` says is wrong with it before any file is read; the types of the columns are not known then.
///
/// # Errors
/// An error that a run would end with, whatever its files have.
fn well_formed(expression: &str) -> Result<(), ExpressionError> {
    let filter = Filter::parse(expression)?;
    let planned = size::with_large_stack(|| filter.first_that_fits(&filter.guesses()))??;
    // What stands in the expression itself, such as a pattern, is looked at when it meets a value.
    let sample = planned.schema.fields().iter().map(|field| sample(field.data_type())).collect::<Vec<_>>();
    planned.answer(&sample, 1).map(drop).map_err(ExpressionError::from)
}

impl Filter {
    /// Types that its columns may have: all alike, or one of them otherwise than the others.
    fn guesses(&self) -> Vec<Vec<DataType>> {
        let types = [DataType::Utf8, DataType::Float64, utc(), DataType::Boolean, DataType::Null];
        let columns = self.columns.len();
        let mut guesses: Vec<Vec<DataType>> = types.iter().map(|all| vec![all.clone(); columns]).collect();
        for base in types.iter().take(2) {
            for column in 0..columns {
                guesses.extend(types.iter().map(|own| {
                    let mut guess = vec![base.clone(); columns];
                    guess[column] = own.clone();
                    guess
                }));
            }
        }
        guesses
    }
}

/// One value.
fn sample(data_type: &DataType) -> ArrayRef {
    let text: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["1"]));
    cast(&text, data_type).unwrap_or_else(|_| arrow::array::new_null_array(data_type, 1))
}

impl Planned {
    fn answer(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray, DataFusionError> {
        let fields = self.schema.fields().iter();
        let columns = fields.zip(columns).map(|(field, column)| {
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast(column, field.data_type())
            }
        });
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        match self.evaluated(&batch) {
            // Null is the answer for the rows alone whose values can't be taken.
            Err(error) if is_of_a_value(&error) => {
                let row = |row| match self.evaluated(&batch.slice(row, 1)) {
                    Ok(answer) => Ok(answer.is_valid(0).then(|| answer.value(0))),
                    Err(error) if is_of_a_value(&error) => Ok(None),
                    Err(error) => Err(error),
                };
                (0..rows).map(row).collect()
            }
            answer => answer,
        }
    }

    fn evaluated(&self, batch: &RecordBatch) -> Result<BooleanArray, DataFusionError> {
        let rows = batch.num_rows();
        let answer = match self.expression.evaluate(batch)? {
            ColumnarValue::Scalar(scalar) if scalar.is_null() => return Ok(BooleanArray::new_null(rows)),
            answer => answer.into_array(rows)?,
        };
        match answer.as_boolean_opt() {
            Some(answer) => Ok(answer.clone()),
            None => Ok(BooleanArray::new_null(rows)),
        }
    }
}

/// Whether an error is that of a value, where other rows may have better ones: a division by zero, a text that is no time.
fn is_of_a_value(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::ArrowError(error, _) => matches!(
            **error,
            ArrowError::DivideByZero
                | ArrowError::ArithmeticOverflow(_)
                | ArrowError::CastError(_)
                | ArrowError::ComputeError(_)
                | ArrowError::ParseError(_)
        ),
        DataFusionError::Execution(text) => text.to_lowercase().contains("error parsing"),
        _ => false,
    }
}

impl BoundRowFilter for Planned {
    fn evaluate(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray, FilterError> {
        Ok(self.answer(columns, rows).map_err(ExpressionError::from)?)
    }
}

#[cfg(test)]
mod tests;
