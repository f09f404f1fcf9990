//! The Parquet tables of the native engine.

use super::evidence::{deciding, evidence};
use super::logins::{Logins, logins};
use super::{Evidence, QueryDialect, Tables, TablesError};
use crate::Queries;
use arrow::record_batch::RecordBatch;

impl Tables for Queries {
    fn dialect(&self) -> QueryDialect {
        QueryDialect::Native
    }

    fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, TablesError> {
        let rows = Queries::query(self, sql)?;
        let schema = rows.schema();
        let mut batches = rows.collect::<Result<Vec<_>, _>>()?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(batches)
    }

    fn logins(&self, event_id: &str, device: Option<&str>) -> Result<Option<Logins>, TablesError> {
        logins(self, event_id, device)
    }

    fn evidence(&self, event_id: &str) -> Result<Vec<Evidence>, TablesError> {
        evidence(self, &|row| row.event_id == event_id)
    }

    fn deciding_evidence(&self, visitor: &str) -> Result<Vec<Evidence>, TablesError> {
        deciding(self, visitor)
    }
}
