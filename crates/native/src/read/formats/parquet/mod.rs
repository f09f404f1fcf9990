//! Tables as Apache Parquet.
//!
//! A damaged file can make the decoder panic: each of its steps is fenced, and a panic is a file that can't be read.

mod footer;

use super::typed::{TypedColumns, column, note_columns};
use super::{Compressed, CutPart, FileFormat, FilePart, Holds, Marks, Split};
use crate::read::ReadError;
use crate::read::fence::fenced;
use crate::read::inputs::InputFile;
use crate::read::inspect::First;
use crate::read::sample::{Sample, Sampled};
use crate::read::sink::Sink;
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::basic::{Encoding, EncodingMask, LogicalType, PageType, Type as PhysicalType};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats, RowGroupMetaData};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Rows of a batch.
const ROWS: usize = 2048;
/// Row groups are taken together up to this many rows: a part for a thread has to be worth its while.
const PART_ROWS: u64 = 1 << 18;

/// Rows of a group that wait in memory for its end where a memory limit makes tracks spill to disk.
const HELD_ROWS: u64 = 1 << 17;

/// The format.
pub(in crate::read) struct Parquet;

impl FileFormat for Parquet {
    fn extensions(&self) -> &'static [&'static str] {
        &["parquet"]
    }

    fn compressed(&self) -> Compressed {
        Compressed::Inside
    }

    fn holds(&self) -> Holds {
        Holds::Tracks
    }

    fn marks(&self) -> Option<Marks> {
        Some(Marks { start: b"PAR1", end: b"PAR1" })
    }

    fn is_of_table_formats(&self) -> bool {
        true
    }

    fn first(&self, file: &InputFile, path: &Path) -> Result<First, ReadError> {
        let failed = |source| ReadError::Open { file: file.name.clone(), source };
        let names = names(path).map_err(failed)?;
        let mut sample = Sample::default();
        let columns = Sampled::new(&names, &file.partitions(), file.event_type);
        let values = |place: usize, rows| first_values(path, &names[place], rows);
        let times = columns.note_columns(values, &mut sample).map_err(failed)?;
        Ok(First { names, times, sample, ..First::default() })
    }

    /// Reads the footer and cuts the file into parts, the same whatever reads them. A broken footer is a reject.
    fn split(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<Split, ReadError> {
        let opened =
            File::open(path).map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
        let Some(footer) = footer(&opened) else {
            sink.unreadable(file, None, &[])?;
            return Ok(Split::Parts(Vec::new()));
        };
        let has_rows =
            footer.iter().flat_map(|part| part.metadata().row_groups()).any(|group| group.num_rows() > 0);
        note_columns(file, footer[0].schema().fields(), has_rows, sink)?;
        let mut parts = Vec::new();
        let mut first_row = 1;
        for metadata in &footer {
            parts_of(metadata, &mut first_row, &mut parts);
        }
        let cut = |part: ParquetPart| CutPart { bytes: part.bytes, part: Box::new(part) };
        Ok(Split::Parts(parts.into_iter().map(cut).collect()))
    }
}

/// Some row groups of a file.
struct ParquetPart {
    metadata: ArrowReaderMetadata,
    row_groups: Vec<usize>,
    /// The number of the first row, from 1.
    first_row: u64,
    rows: u64,
    /// About how many bytes of the file it is.
    bytes: u64,
}

impl FilePart for ParquetPart {
    /// Reads the part. Of a row group with a page that can't be read no row is taken: each of them is a reject.
    fn read(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        let opened =
            File::open(path).map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
        let is_uuid = |place: usize| is_uuid(&self.metadata, place);
        let columns = TypedColumns::new(file, self.metadata.schema().fields(), is_uuid, sink)?;
        if columns.keeps_none()? {
            sink.filtered_out(self.rows);
            return Ok(());
        }
        let mut row = self.first_row;
        for position in &self.row_groups {
            let metadata = with_dictionaries(&self.metadata, *position, columns.keyed());
            let group = Group { part: self, metadata, position: *position, first_row: row };
            if !group.read(file, &opened, &columns, sink)? {
                for damaged in row..row + group.rows() {
                    sink.unreadable(file, Some(damaged), &[])?;
                }
            }
            if sink.is_stopped() {
                return Ok(());
            }
            row += group.rows();
        }
        Ok(())
    }
}

/// Cuts the row groups of a footer into parts; the first of them starts at `first_row`, which moves on.
fn parts_of(metadata: &ArrowReaderMetadata, first_row: &mut u64, all: &mut Vec<ParquetPart>) {
    let mut parts: Vec<ParquetPart> = Vec::new();
    for (position, group) in metadata.metadata().row_groups().iter().enumerate() {
        // The footer was checked to hold no negative numbers.
        let (rows, bytes) = (group.num_rows() as u64, group.compressed_size().max(0) as u64);
        match parts.last_mut() {
            Some(part) if part.rows + rows <= PART_ROWS => {
                part.row_groups.push(position);
                part.rows += rows;
                part.bytes += bytes;
            }
            _ => parts.push(ParquetPart {
                metadata: metadata.clone(),
                row_groups: vec![position],
                first_row: *first_row,
                rows,
                bytes,
            }),
        }
        *first_row += rows;
    }
    all.append(&mut parts);
}

/// A file's footer in at least one part, or `None` when it can't be read or makes no sense.
fn footer(file: &File) -> Option<Vec<ArrowReaderMetadata>> {
    fenced(|| {
        let parts = footer::load(file)?;
        let numbers =
            parts.iter().flat_map(|part| part.metadata().row_groups()).map(RowGroupMetaData::num_rows);
        let total = numbers.clone().try_fold(0_i64, i64::checked_add);
        let said = parts.first().map(|part| part.metadata().file_metadata().num_rows());
        if numbers.clone().any(|rows| rows < 0) || total != said {
            return Err(ParquetError::General("the row groups do not add up".to_owned()));
        }
        parts.into_iter().map(with_wide_times).collect()
    })
}

/// The names of a file's columns; none when its footer can't be read.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let footer = footer(&File::open(path)?);
    Ok(footer.map_or_else(Vec::new, |parts| column::paths(parts[0].schema().fields())))
}

/// The first values of a column as texts, those that are not null.
fn first_values(path: &Path, name: &str, rows: usize) -> io::Result<Vec<String>> {
    let file = File::open(path)?;
    let read = || -> Result<Vec<String>, ParquetError> {
        let Some(mut parts) = footer(&file) else { return Ok(Vec::new()) };
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, parts.swap_remove(0));
        let Ok(place) = builder.schema().index_of(name) else { return Ok(Vec::new()) };
        let mask = ProjectionMask::roots(builder.parquet_schema(), [place]);
        let mut batches = builder.with_projection(mask).with_batch_size(rows).with_limit(rows).build()?;
        let Some(batch) = batches.next().transpose()? else { return Ok(Vec::new()) };
        Ok((0..batch.num_rows()).filter_map(|row| column::text(batch.column(0), row)).collect())
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

/// The same with texts as dictionaries, in those of these columns that a row group stores so: its dictionary is then decoded once, and
/// not for every row.
fn with_dictionaries(metadata: &ArrowReaderMetadata, group: usize, places: &[usize]) -> ArrowReaderMetadata {
    let parquet_schema = metadata.parquet_schema();
    let group = metadata.metadata().row_group(group);
    let is_text = |field: &Field| {
        matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
    };
    let mut fields: Vec<Arc<Field>> = metadata.schema().fields().iter().cloned().collect();
    let mut is_changed = false;
    for leaf in 0..parquet_schema.num_columns() {
        let place = parquet_schema.get_column_root_idx(leaf);
        if places.contains(&place) && is_text(&fields[place]) && is_dictionary(group.column(leaf)) {
            let keyed = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
            fields[place] = Arc::new(fields[place].as_ref().clone().with_data_type(keyed));
            is_changed = true;
        }
    }
    if !is_changed {
        return metadata.clone();
    }
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
        .unwrap_or_else(|_| metadata.clone())
}

/// Whether all values of a column chunk are keys into its dictionary, as far as the footer says.
fn is_dictionary(column: &ColumnChunkMetaData) -> bool {
    let is_of_keys = |mask: &EncodingMask| {
        mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY)
    };
    let is_page = |page: &&PageEncodingStats| page.page_type != PageType::DICTIONARY_PAGE;
    let is_keys = |page: &PageEncodingStats| {
        matches!(page.encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
    };
    column.dictionary_page_offset().is_some()
        && column.page_encoding_stats_mask().is_none_or(is_of_keys)
        && column.page_encoding_stats().is_none_or(|pages| pages.iter().filter(is_page).all(is_keys))
}

/// One row group of a part.
struct Group<'p> {
    part: &'p ParquetPart,
    /// The part's, with the types that its columns are read as.
    metadata: ArrowReaderMetadata,
    position: usize,
    /// The number of the first row, from 1.
    first_row: u64,
}

impl Group<'_> {
    fn rows(&self) -> u64 {
        // The footer was checked to hold no negative numbers.
        self.part.metadata.metadata().row_group(self.position).num_rows() as u64
    }

    /// Takes all rows, or none where one can't be read: then the answer is no.
    fn read(
        &self,
        file: &InputFile,
        opened: &File,
        columns: &TypedColumns,
        sink: &mut Sink<'_>,
    ) -> Result<bool, ReadError> {
        let is_held = !sink.puts_away() || self.rows() <= HELD_ROWS;
        // Tracks that were spilled to disk can't be taken back.
        if !is_held && !self.each(opened, columns, |_, _| Ok(true))? {
            return Ok(false);
        }
        let mark = is_held.then(|| sink.mark()).transpose()?;
        let is_whole = self.each(opened, columns, |batch, row| {
            columns.push(file, batch, row, sink)?;
            let bytes = self.part.bytes as f64 * batch.num_rows() as f64 / self.part.rows as f64;
            sink.shared.progress.advance(0, bytes as u64);
            Ok(!sink.is_stopped())
        })?;
        match mark {
            Some(_) if is_whole => sink.keep()?,
            Some(mark) => sink.rewind(&mark),
            None => {}
        }
        Ok(is_whole)
    }

    /// Hands every batch on with the number of its first row, until `take` has enough; whether no more can be read though there
    /// should be, is no.
    fn each(
        &self,
        opened: &File,
        columns: &TypedColumns,
        mut take: impl FnMut(&RecordBatch, u64) -> Result<bool, ReadError>,
    ) -> Result<bool, ReadError> {
        let (mut row, end) = (self.first_row, self.first_row + self.rows());
        let reader = fenced(|| reader(columns, opened.try_clone()?, &self.metadata, self.position));
        let Some(mut batches) = reader else { return Ok(row == end) };
        while let Some(Some(batch)) = fenced(|| batches.next().transpose()) {
            // A file may hold more rows than it says; those are not to be trusted either.
            if batch.num_rows() as u64 > end - row {
                return Ok(false);
            }
            if !take(&batch, row)? {
                return Ok(true);
            }
            row += batch.num_rows() as u64;
        }
        Ok(row == end)
    }
}

/// The batches of a row group.
fn reader(
    columns: &TypedColumns,
    file: File,
    metadata: &ArrowReaderMetadata,
    group: usize,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns.projected().iter().copied());
    builder.with_projection(mask).with_row_groups(vec![group]).with_batch_size(ROWS).build()
}

/// Whether an outermost column has the logical type UUID, or Arrow's.
fn is_uuid(metadata: &ArrowReaderMetadata, place: usize) -> bool {
    let field = metadata.schema().field(place);
    let schema = metadata.parquet_schema();
    let is_logical = |leaf: usize| {
        schema.get_column_root_idx(leaf) == place
            && schema.column(leaf).logical_type_ref() == Some(&LogicalType::Uuid)
    };
    *field.data_type() == DataType::FixedSizeBinary(16)
        && (field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "arrow.uuid")
            || (0..schema.num_columns()).any(is_logical))
}
