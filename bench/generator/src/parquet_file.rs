//! One Parquet file: the `tracks` table as a warehouse exports it.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::arrivals::ArrivingRow;
use crate::error::GeneratorError;
use crate::ids::IdMaker;
use crate::names::NORMALISED_NAMES;

/// Rows of a row group.
const ROW_GROUP_ROWS: usize = 1_000_000;

/// A Parquet file that is being written: zstd, dictionaries but for the message ids.
pub struct ParquetOutput {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
}

impl ParquetOutput {
    /// Makes the file.
    ///
    /// # Errors
    /// The path, when it cannot be made.
    pub fn create(path: PathBuf, schema: SchemaRef) -> Result<Self, GeneratorError> {
        let file =
            File::create(&path).map_err(|source| GeneratorError::File { path: path.clone(), source })?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties()))
            .map_err(|source| GeneratorError::Parquet { path: path.clone(), source })?;
        Ok(Self { path, schema, writer })
    }

    /// Appends rows, whose columns are those of the schema.
    ///
    /// # Errors
    /// The path, when the disk refuses.
    pub fn write(&mut self, columns: Vec<ArrayRef>) -> Result<(), GeneratorError> {
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(Into::into)
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|source| GeneratorError::Parquet { path: self.path.clone(), source })
    }

    /// Writes the footer; returns the bytes of the whole file.
    ///
    /// # Errors
    /// The path, when the disk refuses.
    pub fn close(mut self) -> Result<u64, GeneratorError> {
        match self.writer.finish() {
            Ok(_) => Ok(self.writer.bytes_written() as u64),
            Err(source) => Err(GeneratorError::Parquet { path: self.path, source }),
        }
    }
}

/// A file of tracks.
pub struct ParquetFile {
    output: ParquetOutput,
    ids: IdMaker,
}

/// Columns `id`, `anonymous_id`, `user_id`, `event`, `timestamp`, `received_at`; times in microseconds, UTC.
pub fn schema() -> SchemaRef {
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("anonymous_id", DataType::Utf8, true),
        Field::new("user_id", DataType::Utf8, true),
        Field::new("event", DataType::Utf8, true),
        Field::new("timestamp", time(), false),
        Field::new("received_at", time(), true),
    ]))
}

/// How a file is written.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        // Each occurs once: a dictionary would be built only to be thrown away.
        .set_column_dictionary_enabled(ColumnPath::from("id"), false)
        .build()
}

impl ParquetFile {
    /// Makes the file.
    ///
    /// # Errors
    /// The path, when it cannot be made.
    pub fn create(path: PathBuf, ids: IdMaker) -> Result<Self, GeneratorError> {
        Ok(Self { output: ParquetOutput::create(path, schema())?, ids })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// The path, when the disk refuses.
    pub fn write(&mut self, rows: &[ArrivingRow]) -> Result<(), GeneratorError> {
        self.output.write(columns(&self.ids, rows))
    }

    /// Writes the footer; returns the bytes of the whole file.
    ///
    /// # Errors
    /// The path, when the disk refuses.
    pub fn close(self) -> Result<u64, GeneratorError> {
        self.output.close()
    }
}

fn columns(ids: &IdMaker, rows: &[ArrivingRow]) -> Vec<ArrayRef> {
    let text = |each: usize| StringBuilder::with_capacity(rows.len(), rows.len() * each);
    let (mut id, mut anonymous_id, mut user_id, mut event) = (text(36), text(36), text(24), text(16));
    for row in rows {
        id.append_value(ids.message(row).as_str());
        anonymous_id.append_value(ids.device(row.visitor, row.device).as_str());
        if row.signed_in {
            user_id.append_value(ids.user(row.visitor).as_str());
        } else {
            user_id.append_null();
        }
        event.append_value(NORMALISED_NAMES[usize::from(row.event)]);
    }
    let times = |time: fn(&ArrivingRow) -> i64| -> ArrayRef {
        let micros = rows.iter().map(|row| time(row) * 1000);
        Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
    };
    vec![
        Arc::new(id.finish()),
        Arc::new(anonymous_id.finish()),
        Arc::new(user_id.finish()),
        Arc::new(event.finish()),
        times(|row| row.timestamp),
        times(|row| row.received_at),
    ]
}
