//! Tables as Apache Parquet.
//!
//! A damaged file can make the decoder panic: each of its steps is fenced, and a panic is a file that can't be read.

use super::columns::{Column, Mapping, ORIGINAL_EVENT, constant, in_path};
use super::fence::fenced;
use super::filter::Bound;
use super::inputs::InputFile;
use super::parquet_column::{self, FilterColumn};
use super::partitions::{self, Partition, partitions};
use super::rejects::RawColumns;
use super::run::lock;
use super::sink::Sink;
use super::{ReadError, Source};
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::basic::Type as PhysicalType;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::RowGroupMetaData;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Rows of a batch.
const ROWS: usize = 2048;
/// Row groups are taken together up to this many rows: a part for a thread has to be worth its while.
const PART_ROWS: u64 = 1 << 18;

/// Some row groups of a file.
pub(super) struct Part {
    metadata: ArrowReaderMetadata,
    row_groups: Vec<usize>,
    /// The number of the first row, from 1.
    first_row: u64,
    rows: u64,
    bytes: u64,
}

impl Part {
    /// About how many bytes of the file it is.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Reads the footer and cuts the file into parts, the same whatever reads them. A broken footer is a reject.
pub(super) fn plan(file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<Vec<Part>, ReadError> {
    let opened = File::open(path).map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
    let Some(metadata) = footer(&opened) else {
        sink.unreadable(file, None, &[])?;
        return Ok(Vec::new());
    };
    let fields = metadata.schema().fields();
    let mut seen = lock(&sink.shared.seen);
    seen.tables.extend(fields.iter().map(|field| field.name().clone()));
    seen.nested.extend(parquet_column::paths(fields));
    seen.in_paths.extend(partitions(&file.name).into_iter().map(|partition| partition.name));
    drop(seen);
    let mut parts: Vec<Part> = Vec::new();
    let mut first_row = 1;
    for (position, group) in metadata.metadata().row_groups().iter().enumerate() {
        // The footer was checked to hold no negative numbers.
        let (rows, bytes) = (group.num_rows() as u64, group.compressed_size().max(0) as u64);
        match parts.last_mut() {
            Some(part) if part.rows + rows <= PART_ROWS => {
                part.row_groups.push(position);
                part.rows += rows;
                part.bytes += bytes;
            }
            _ => parts.push(Part {
                metadata: metadata.clone(),
                row_groups: vec![position],
                first_row,
                rows,
                bytes,
            }),
        }
        first_row += rows;
    }
    Ok(parts)
}

/// A file's footer, or `None` when it can't be read or makes no sense.
fn footer(file: &File) -> Option<ArrowReaderMetadata> {
    fenced(|| {
        let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?;
        let numbers = metadata.metadata().row_groups().iter().map(RowGroupMetaData::num_rows);
        let total = numbers.clone().try_fold(0_i64, i64::checked_add);
        if numbers.clone().any(|rows| rows < 0)
            || total != Some(metadata.metadata().file_metadata().num_rows())
        {
            return Err(ParquetError::General("the row groups do not add up".to_owned()));
        }
        with_wide_times(metadata)
    })
}

/// The names of a file's columns; none when its footer can't be read.
pub(super) fn names(path: &Path) -> io::Result<Vec<String>> {
    let metadata = footer(&File::open(path)?);
    Ok(metadata.map_or_else(Vec::new, |metadata| parquet_column::paths(metadata.schema().fields())))
}

/// The first values of a column as texts, those that are not null.
pub(super) fn first_values(path: &Path, name: &str, rows: usize) -> io::Result<Vec<String>> {
    let file = File::open(path)?;
    let read = || -> Result<Vec<String>, ParquetError> {
        let Some(metadata) = footer(&file) else { return Ok(Vec::new()) };
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let Ok(place) = builder.schema().index_of(name) else { return Ok(Vec::new()) };
        let mask = ProjectionMask::roots(builder.parquet_schema(), [place]);
        let mut batches = builder.with_projection(mask).with_batch_size(rows).with_limit(rows).build()?;
        let Some(batch) = batches.next().transpose()? else { return Ok(Vec::new()) };
        Ok((0..batch.num_rows()).filter_map(|row| parquet_column::text(batch.column(0), row)).collect())
    };
    Ok(fenced(read).unwrap_or_default())
}

/// Old 96-bit times would be read as nanoseconds in 64 bits, which wrap around in 2262: microseconds do not.
fn with_wide_times(metadata: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let parquet_schema = metadata.parquet_schema();
    let mut fields: Vec<Arc<Field>> = metadata.schema().fields().iter().cloned().collect();
    let mut is_changed = false;
    for leaf in 0..parquet_schema.num_columns() {
        let column = parquet_schema.column(leaf);
        if column.physical_type() == PhysicalType::INT96 && column.path().parts().len() == 1 {
            let place = parquet_schema.get_column_root_idx(leaf);
            let time = DataType::Timestamp(TimeUnit::Microsecond, None);
            fields[place] = Arc::new(fields[place].as_ref().clone().with_data_type(time));
            is_changed = true;
        }
    }
    if !is_changed {
        return Ok(metadata);
    }
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
}

/// Reads a part of a file. What comes behind a page that can't be read is one reject.
pub(super) fn read(file: &InputFile, path: &Path, part: &Part, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let opened = File::open(path).map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
    let columns = Columns::new(file, &part.metadata, sink)?;
    let mut row = part.first_row;
    let end = part.first_row + part.rows;
    if let Some(mut batches) = fenced(|| columns.reader(opened, part)) {
        while let Some(Some(batch)) = fenced(|| batches.next().transpose()) {
            // A file may hold more rows than it says; those are not to be trusted either.
            if batch.num_rows() as u64 > end - row {
                break;
            }
            columns.push(file, &batch, row, sink)?;
            row += batch.num_rows() as u64;
            let bytes = part.bytes as f64 * batch.num_rows() as f64 / part.rows as f64;
            sink.shared.progress.advance(0, bytes as u64);
            if sink.is_stopped() {
                return Ok(());
            }
        }
    }
    if row < end {
        sink.unreadable(file, Some(row), &[])?;
    }
    Ok(())
}

/// Which of a file's columns are read, and for what.
struct Columns {
    /// Places among the file's columns, ascending.
    projected: Vec<usize>,
    /// Name for the gate and place among the projected ones.
    canonical: Vec<(&'static str, usize)>,
    filtered: Vec<Option<FilterColumn>>,
    /// For each column of the filter that the file does not have, that in its path.
    filtered_in_path: Vec<Option<Partition>>,
    /// Canonical columns in the file's path.
    in_path: Vec<(&'static str, Option<String>)>,
    bound: Option<Bound>,
}

impl Columns {
    fn new(file: &InputFile, metadata: &ArrowReaderMetadata, sink: &Sink<'_>) -> Result<Self, ReadError> {
        let source: &Source = sink.shared.source;
        let fields = metadata.schema().fields();
        let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let mapping = Mapping::new(&names, source).places;
        let wanted = sink.shared.filter.map_or(&[][..], |filter| filter.columns());
        let mut filtered: Vec<Option<FilterColumn>> =
            wanted.iter().map(|name| FilterColumn::find(fields, name)).collect();
        let partitions = partitions(&file.name);
        let in_path = in_path(&names, source, &partitions);
        let filtered_in_path: Vec<Option<Partition>> =
            wanted.iter().map(|name| partitions::find(&partitions, name).cloned()).collect();
        let types: Vec<DataType> = filtered
            .iter()
            .zip(&filtered_in_path)
            .map(|(column, partition)| match (column, partition) {
                (Some(column), _) => column.data_type.clone(),
                (None, Some(_)) => DataType::Utf8,
                (None, None) => DataType::Null,
            })
            .collect();
        let bound = sink.shared.filter.map(|filter| filter.bind(&file.name, &types)).transpose()?;

        let mut projected: Vec<usize> = mapping.iter().map(|(_, place)| *place).collect();
        projected.extend(filtered.iter().flatten().map(|column| column.root));
        projected.sort_unstable();
        projected.dedup();
        let among = |place: usize| projected.partition_point(|other| *other < place);
        let canonical = mapping.into_iter().map(|(name, place)| (name, among(place))).collect();
        for column in filtered.iter_mut().flatten() {
            column.root = among(column.root);
        }
        Ok(Self { projected, canonical, filtered, filtered_in_path, in_path, bound })
    }

    fn reader(&self, file: File, part: &Part) -> Result<ParquetRecordBatchReader, ParquetError> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, part.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), self.projected.iter().copied());
        builder.with_projection(mask).with_row_groups(part.row_groups.clone()).with_batch_size(ROWS).build()
    }

    fn push(
        &self,
        file: &InputFile,
        read: &RecordBatch,
        first_row: u64,
        sink: &mut Sink<'_>,
    ) -> Result<(), ReadError> {
        let rows = read.num_rows();
        let in_file = self.canonical.iter().map(|(name, place)| (*name, Arc::clone(read.column(*place))));
        let in_path = self.in_path.iter().map(|(name, value)| (*name, constant(value.as_deref(), rows)));
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = in_file
            .chain(in_path)
            .map(|(name, column)| (Field::new(name, column.data_type().clone(), true), column))
            .unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
            .expect("as many values in each column");
        let keep = match &self.bound {
            None => None,
            Some(bound) => {
                let value = |(column, partition): (&Option<FilterColumn>, &Option<Partition>)| match partition
                {
                    Some(partition) if column.is_none() => constant(partition.value.as_deref(), rows),
                    _ => FilterColumn::values(column.as_ref(), read),
                };
                let columns: Vec<ArrayRef> =
                    self.filtered.iter().zip(&self.filtered_in_path).map(value).collect();
                Some(bound.evaluate(&columns, rows)?)
            }
        };
        sink.rows(file, &batch, keep.as_ref(), |row| first_row + row as u64, |row| raw_columns(&batch, row))
    }
}

fn raw_columns(batch: &RecordBatch, row: usize) -> RawColumns {
    Column::ALL.map(|column| {
        let original = (column == Column::Event).then_some(ORIGINAL_EVENT);
        let values = batch.column_by_name(column.name()).or_else(|| batch.column_by_name(original?))?;
        parquet_column::text(values, row)
    })
}
