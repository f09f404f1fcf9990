//! The first row of an answer.

use super::{Job, WarehouseError};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};

/// A row of an answer. Values are asked for by their column's place, from 0; `None` is null or of another type.
pub(super) struct ResultRow(RecordBatch);

impl ResultRow {
    /// The first row that a query gives, if there is one. `what` says what is asked for.
    pub(super) async fn first(
        job: &Job<'_>,
        what: &str,
        query: &str,
    ) -> Result<Option<Self>, WarehouseError> {
        let batches = job.warehouse.query(query).await;
        let batches =
            batches.map_err(|source| WarehouseError::Statement { what: what.to_owned(), source })?;
        Ok(batches.into_iter().find_map(Self::of))
    }

    /// All rows that a query gives.
    pub(super) async fn all(job: &Job<'_>, what: &str, query: &str) -> Result<Vec<Self>, WarehouseError> {
        let batches = job.warehouse.query(query).await;
        let batches =
            batches.map_err(|source| WarehouseError::Statement { what: what.to_owned(), source })?;
        let rows_of = |batch: RecordBatch| (0..batch.num_rows()).map(move |row| Self(batch.slice(row, 1)));
        Ok(batches.into_iter().flat_map(rows_of).collect())
    }

    /// The first row of a batch.
    pub(super) fn of(batch: RecordBatch) -> Option<Self> {
        (batch.num_rows() > 0).then_some(Self(batch))
    }

    fn column(&self, place: usize) -> Option<&dyn Array> {
        let column = self.0.columns().get(place)?;
        (!column.is_null(0)).then_some(column)
    }

    /// A number that is not negative.
    pub(super) fn integer(&self, place: usize) -> Option<u64> {
        let column = self.column(place)?;
        if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
            return u64::try_from(numbers.value(0)).ok();
        }
        // Some warehouses count in decimals, which come as text.
        column.as_string_opt::<i32>()?.value(0).parse().ok()
    }

    /// A text.
    pub(super) fn text(&self, place: usize) -> Option<String> {
        Some(self.column(place)?.as_string_opt::<i32>()?.value(0).to_owned())
    }

    /// A time.
    pub(super) fn time(&self, place: usize) -> Option<DateTime<Utc>> {
        let micros = self.column(place)?.as_primitive_opt::<TimestampMicrosecondType>()?.value(0);
        DateTime::from_timestamp_micros(micros)
    }
}
