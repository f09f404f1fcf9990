//! The values of an answer, whatever the engine calls their types.

use super::TablesError;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use std::sync::Arc;

/// The rows of an answer. Columns are named by their place, from 0.
#[derive(Debug)]
pub struct Answer {
    batches: Vec<RecordBatch>,
}

/// A row of an answer.
#[derive(Debug, Clone, Copy)]
pub struct AnswerRow<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl Answer {
    pub(super) fn new(batches: &[RecordBatch]) -> Result<Self, TablesError> {
        let batches = batches.iter().map(common).collect::<Result<_, _>>()?;
        Ok(Self { batches })
    }

    /// The rows in the order of the query.
    pub fn rows(&self) -> impl Iterator<Item = AnswerRow<'_>> {
        self.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| AnswerRow { batch, row }))
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<AnswerRow<'_>> {
        self.rows().next()
    }
}

impl<'a> AnswerRow<'a> {
    /// The integer, time (microseconds since 1970) or null of a column.
    ///
    /// # Errors
    /// [`TablesError::Value`] when the column holds something else.
    pub fn number(&self, column: usize) -> Result<Option<i64>, TablesError> {
        let array = self.batch.column(column);
        if array.is_null(self.row) {
            return Ok(None);
        }
        match array.data_type() {
            DataType::Int64 => Ok(Some(array.as_primitive::<Int64Type>().value(self.row))),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Ok(Some(array.as_primitive::<TimestampMicrosecondType>().value(self.row)))
            }
            _ => Err(self.wrong(column, "an integer")),
        }
    }

    /// The integer of a column that has no nulls; of an empty sum, 0.
    ///
    /// # Errors
    /// [`TablesError::Value`] when the column holds something else.
    pub fn count(&self, column: usize) -> Result<u64, TablesError> {
        let number = self.number(column)?.unwrap_or(0);
        u64::try_from(number).map_err(|_| self.wrong(column, "a count"))
    }

    /// The double of a column.
    ///
    /// # Errors
    /// [`TablesError::Value`] when the column holds something else.
    pub fn double(&self, column: usize) -> Result<Option<f64>, TablesError> {
        let array = self.batch.column(column);
        if array.is_null(self.row) {
            return Ok(None);
        }
        match array.data_type() {
            DataType::Float64 => Ok(Some(array.as_primitive::<Float64Type>().value(self.row))),
            _ => Err(self.wrong(column, "a double")),
        }
    }

    /// The text of a column.
    ///
    /// # Errors
    /// [`TablesError::Value`] when the column holds something else.
    pub fn text(&self, column: usize) -> Result<Option<&'a str>, TablesError> {
        let array = self.batch.column(column);
        if array.is_null(self.row) {
            return Ok(None);
        }
        match array.data_type() {
            DataType::Utf8 => Ok(Some(array.as_string::<i32>().value(self.row))),
            // A column of nulls alone may have no type.
            DataType::Null => Ok(None),
            _ => Err(self.wrong(column, "a text")),
        }
    }

    /// The text of a column as a value of its own; an absent one is empty.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn word(&self, column: usize) -> Result<String, TablesError> {
        Ok(self.text(column)?.unwrap_or_default().to_owned())
    }

    fn wrong(&self, column: usize, wanted: &str) -> TablesError {
        let schema = self.batch.schema();
        let field = schema.field(column);
        ArrowError::SchemaError(format!("`{}` should be {wanted} and is {}", field.name(), field.data_type()))
            .into()
    }
}

/// The batch with one type for each kind of value.
fn common(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let wanted = kind(field.data_type());
        let column = if wanted == *field.data_type() { Arc::clone(column) } else { cast(column, &wanted)? };
        columns.push((field.name().clone(), column, true));
    }
    RecordBatch::try_from_iter_with_nullable(columns)
}

fn kind(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Dictionary(_, values) => kind(values),
        integer if integer.is_integer() => DataType::Int64,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}
