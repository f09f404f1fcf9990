//! Rows of a table or of a query's answer, batch by batch.

use super::{ResultsError, StoredTable};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

/// Rows with their columns, which are read as the batches are asked for.
pub struct Rows {
    schema: SchemaRef,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, ResultsError>> + Send>,
}

impl Rows {
    /// Rows of these columns.
    pub fn new(
        schema: SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, ResultsError>> + Send + 'static,
    ) -> Self {
        Self { schema, batches: Box::new(batches) }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, ResultsError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}

/// The first rows of a table, all without a `limit`.
pub(super) fn stored(table: &StoredTable, limit: Option<usize>) -> Result<Rows, ResultsError> {
    let schema = table.schema()?;
    let left = limit.unwrap_or(usize::MAX);
    Ok(Rows::new(schema, PartByPart { parts: table.parts.clone().into_iter(), reading: None, left }))
}

/// Reads one part after the other.
struct PartByPart {
    parts: IntoIter<PathBuf>,
    reading: Option<(PathBuf, ParquetRecordBatchReader)>,
    /// How many rows are still wanted.
    left: usize,
}

impl Iterator for PartByPart {
    type Item = Result<RecordBatch, ResultsError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            let Some((path, reader)) = &mut self.reading else {
                let path = self.parts.next()?;
                match open(&path) {
                    Ok(reader) => self.reading = Some((path, reader)),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            match reader.next() {
                Some(Ok(batch)) => {
                    let rows = batch.num_rows().min(self.left);
                    self.left -= rows;
                    return Some(Ok(batch.slice(0, rows)));
                }
                Some(Err(source)) => {
                    let error = unreadable(path, source);
                    self.reading = None;
                    return Some(Err(error));
                }
                None => self.reading = None,
            }
        }
        None
    }
}

fn open(path: &Path) -> Result<ParquetRecordBatchReader, ResultsError> {
    let file =
        File::open(path).map_err(|source| ResultsError::Unreadable { path: path.to_owned(), source })?;
    ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|source| ResultsError::BadPart { path: path.to_owned(), source })
}

fn unreadable(path: &Path, source: ArrowError) -> ResultsError {
    ResultsError::BadPart { path: path.to_owned(), source: source.into() }
}
