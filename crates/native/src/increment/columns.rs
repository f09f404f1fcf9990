//! Columns of stored files, some rows at a time.

use crate::digests::{FileDigest, Verified};
use crate::disk::Disk;
use crate::stored_error::StoredError;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use std::path::PathBuf;

/// Rows that are decoded at once.
const ROWS_AT_ONCE: usize = 1 << 13;

/// Some rows of a part, by their places in ascending order.
pub(crate) enum ChosenRows<'r> {
    All,
    Only(&'r [u32]),
    Without(&'r [u32]),
}

impl ChosenRows<'_> {
    fn selection(&self, rows: usize) -> Option<RowSelection> {
        let (named, skips_named) = match self {
            Self::All => return None,
            Self::Only(named) => (named, false),
            Self::Without(named) => (named, true),
        };
        let selector = |rows: usize, skips: bool| {
            if skips { RowSelector::skip(rows) } else { RowSelector::select(rows) }
        };
        let mut selectors = Vec::with_capacity(named.len() * 2 + 1);
        let mut from = 0;
        for row in *named {
            selectors.push(selector(*row as usize - from, !skips_named));
            selectors.push(selector(1, skips_named));
            from = *row as usize + 1;
        }
        selectors.push(selector(rows - from, !skips_named));
        selectors.retain(|selector| selector.row_count > 0);
        Some(selectors.into())
    }
}

/// Columns of one file.
pub(super) struct StoredColumns {
    path: PathBuf,
    rows: usize,
    reader: ParquetRecordBatchReader,
}

impl StoredColumns {
    /// These columns of a file, with how many compressed bytes they have. With a digest, what is read is verified.
    ///
    /// # Errors
    /// A file that can't be read, is damaged or has no such column.
    pub(super) fn open(
        disk: &dyn Disk,
        path: PathBuf,
        digest: Option<&FileDigest>,
        columns: &[&str],
        rows: &ChosenRows<'_>,
    ) -> Result<(Self, u64), StoredError> {
        let broken = StoredError::parquet(&path);
        let stored = disk.open(&path).map_err(StoredError::io(&path))?;
        let (file, metadata) = Verified::open(stored, digest).map_err(&broken)?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        if let Some(missing) = columns.iter().find(|name| reader.schema().field_with_name(name).is_err()) {
            return Err(StoredError::Changed { path, what: format!("it has no column `{missing}`") });
        }
        let mask = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
        let groups = reader.metadata().row_groups();
        let of_columns = |column: usize| {
            let bytes = groups.iter().map(|group| group.column(column).compressed_size().cast_unsigned());
            bytes.sum::<u64>()
        };
        let leaves = 0..reader.parquet_schema().num_columns();
        let bytes = leaves.filter(|column| mask.leaf_included(*column)).map(of_columns).sum();
        let all = reader.metadata().file_metadata().num_rows() as usize;
        let mut reader = reader.with_projection(mask).with_batch_size(ROWS_AT_ONCE);
        if let Some(selection) = rows.selection(all) {
            reader = reader.with_row_selection(selection);
        }
        let reader = reader.build().map_err(&broken)?;
        Ok((Self { path, rows: all, reader }, bytes))
    }

    /// How many rows the file says it has.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }
}

impl Iterator for StoredColumns {
    type Item = Result<RecordBatch, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        let broken = |error: ArrowError| StoredError::parquet(&self.path)(error.into());
        Some(self.reader.next()?.map_err(broken))
    }
}

/// Columns of two files that have the same rows.
pub(super) struct SideBySide {
    left: Ahead,
    right: Ahead,
}

impl SideBySide {
    pub(super) fn new(left: StoredColumns, right: StoredColumns) -> Self {
        let ahead = |columns| Ahead { columns, batch: None };
        Self { left: ahead(left), right: ahead(right) }
    }

    /// How many rows the files say they have.
    pub(super) fn rows(&self) -> usize {
        self.left.columns.rows
    }

    /// The next rows of both, none where both end.
    fn advance(&mut self) -> Result<Option<RecordBatch>, StoredError> {
        let rows = match (self.left.rows()?, self.right.rows()?) {
            (0, 0) => return Ok(None),
            (0, _) | (_, 0) => {
                let what = "it has not a row for every row of its table".to_owned();
                return Err(StoredError::Changed { path: self.right.columns.path.clone(), what });
            }
            (left, right) => left.min(right),
        };
        let batches = [self.left.take(rows), self.right.take(rows)];
        let columns = batches.iter().flat_map(|batch| {
            let schema = batch.schema_ref().fields().iter().zip(batch.columns());
            schema.map(|(field, column)| (field.name().clone(), ArrayRef::clone(column), true))
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        batch.map(Some).map_err(|error| StoredError::parquet(&self.right.columns.path)(error.into()))
    }
}

impl Iterator for SideBySide {
    type Item = Result<RecordBatch, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// Columns of which some rows wait for those beside them.
struct Ahead {
    columns: StoredColumns,
    batch: Option<RecordBatch>,
}

impl Ahead {
    /// How many rows are in memory; 0 at the end.
    fn rows(&mut self) -> Result<usize, StoredError> {
        while self.batch.as_ref().is_none_or(|batch| batch.num_rows() == 0) {
            match self.columns.next().transpose()? {
                Some(batch) => self.batch = Some(batch),
                None => return Ok(0),
            }
        }
        Ok(self.batch.as_ref().map_or(0, RecordBatch::num_rows))
    }

    /// The next of the rows in memory.
    fn take(&mut self, rows: usize) -> RecordBatch {
        let batch = self.batch.take().expect("a batch is in memory");
        self.batch = (rows < batch.num_rows()).then(|| batch.slice(rows, batch.num_rows() - rows));
        batch.slice(0, rows)
    }
}
