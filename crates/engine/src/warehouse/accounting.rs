//! Where the rows of a run went.

use super::{Job, WarehouseError};
use crate::sql::plan::{self, Plan};
use crate::sql::runs::Accounting;
use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;

/// Counts the rows of the tables that a run has made aside.
///
/// # Errors
/// [`WarehouseError::Lost`] when they don't add up.
pub(super) async fn account(job: &Job<'_>, plan: &Plan) -> Result<Accounting, WarehouseError> {
    let batches = job
        .warehouse
        .query(&plan::accounting(plan))
        .await
        .map_err(|source| WarehouseError::Statement { what: "count the rows".to_owned(), source })?;
    let number = |place: usize| batches.iter().find_map(|batch| integer(batch, place));
    let counted = Accounting {
        rows_read: number(0),
        sessionized: number(1),
        duplicates: number(2),
        rejected: number(3),
        sessions: number(4),
        visitors: number(5),
    };
    if counted.adds_up() {
        return Ok(counted);
    }
    Err(WarehouseError::Lost {
        read: counted.rows_read.unwrap_or(0),
        sessionized: counted.sessionized.unwrap_or(0),
        duplicates: counted.duplicates.unwrap_or(0),
        rejected: counted.rejected.unwrap_or(0),
    })
}

/// The integer in the first row of a column.
pub(super) fn integer(batch: &RecordBatch, place: usize) -> Option<u64> {
    let column = batch.columns().get(place)?;
    if batch.num_rows() == 0 || column.is_null(0) {
        return None;
    }
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return u64::try_from(numbers.value(0)).ok();
    }
    // Some warehouses count in decimals, which come as text.
    column.as_string_opt::<i32>()?.value(0).parse().ok()
}
