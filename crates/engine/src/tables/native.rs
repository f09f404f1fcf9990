//! The Parquet tables of the native engine.

use super::{Dialect, Tables, TablesError};
use crate::results::Results;
use arrow::record_batch::RecordBatch;

impl Tables for Results {
    fn dialect(&self) -> Dialect {
        Dialect::Native
    }

    fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, TablesError> {
        let rows = Results::query(self, sql)?;
        let schema = rows.schema();
        let mut batches = rows.collect::<Result<Vec<_>, _>>()?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(batches)
    }
}
