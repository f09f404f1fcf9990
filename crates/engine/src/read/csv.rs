//! Tables as comma-separated values with a header.

use super::columns::{Column, Mapping, ORIGINAL_EVENT, constant, find, in_path};
use super::filter::Bound;
use super::inputs::InputFile;
use super::partitions::{self, Partition, partitions};
use super::rejects::{RAW_BYTES, RawColumns};
use super::run::lock;
use super::sink::Sink;
use super::{ReadError, bytes};
use ::csv::{ByteRecord, Position, ReaderBuilder, Trim};
use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringBuilder, new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::cell::RefCell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use tracklet_kernel::number_id::whole_text;

/// Rows of a batch.
const ROWS: usize = 8192;
/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

type Records = ::csv::Reader<Recorded>;

/// Takes note of the columns of a file, and reads no rows.
pub(super) fn note_columns(file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let names = header(file, path, sink.shared.source.max_line)?;
    let mut seen = lock(&sink.shared.seen);
    seen.tables.extend(names);
    seen.in_paths.extend(partitions(&file.name).into_iter().map(|partition| partition.name));
    drop(seen);
    Ok(())
}

/// The names of a file's columns; none when its header can't be read.
pub(super) fn header(file: &InputFile, path: &Path, max_line: usize) -> Result<Vec<String>, ReadError> {
    let (mut records, _, _) = open(file, path, max_line)?;
    Ok(records.byte_headers().map(names).unwrap_or_default())
}

/// The names of a file's columns, and its first rows with as many fields.
pub(super) fn first_rows(
    file: &InputFile,
    path: &Path,
    max_line: usize,
    rows: usize,
) -> Result<(Vec<String>, Vec<Vec<String>>), ReadError> {
    let (mut records, _, _) = open(file, path, max_line)?;
    let header = records.byte_headers().map(names).unwrap_or_default();
    let mut found = Vec::new();
    let mut record = ByteRecord::new();
    while found.len() < rows && records.read_byte_record(&mut record).is_ok_and(|is_record| is_record) {
        if record.len() == header.len() {
            found.push(names(&record));
        }
    }
    Ok((header, found))
}

fn open(file: &InputFile, path: &Path, max_line: usize) -> Result<(Records, Kept, bytes::Count), ReadError> {
    let (stream, count) = bytes::open(path, file.compression)
        .map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
    let kept = Kept::new(max_line);
    let recorded = Recorded { stream, kept: kept.clone() };
    let mut builder = ReaderBuilder::new();
    builder.flexible(true).trim(Trim::None).buffer_capacity(BUFFER);
    Ok((builder.from_reader(recorded), kept, count))
}

fn names(header: &ByteRecord) -> Vec<String> {
    header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// Reads a file.
pub(super) fn read(file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let (mut records, kept, count) = open(file, path, sink.shared.source.max_line)?;
    let header = match records.byte_headers() {
        Ok(header) if header.is_empty() => return Ok(()),
        Ok(header) if header.iter().all(|name| std::str::from_utf8(name).is_ok()) => names(header),
        // Without names there are no columns, so all of the file is unreadable.
        Ok(_) | Err(_) => return sink.unreadable(file, Some(1), &kept.record(0, u64::MAX)),
    };
    lock(&sink.shared.seen).tables.extend(header.iter().cloned());
    let partitions = partitions(&file.name);
    lock(&sink.shared.seen).in_paths.extend(partitions.iter().map(|partition| partition.name.clone()));
    let mut rows = Rows::new(file, &header, partitions, sink)?;
    let mut record = ByteRecord::new();
    loop {
        let start = records.position().clone();
        kept.forget_before(start.byte());
        let is_record = match records.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => true,
            Err(_) => false,
        };
        let end = if is_record { records.position().byte() } else { u64::MAX };
        let line = kept.line(&start);
        let is_row = is_record
            && record.len() == header.len()
            && !kept.is_cut(start.byte(), end)
            && rows.append(&record, line);
        if !is_row {
            if sink.is_strict() || !is_record {
                rows.flush(sink)?;
            }
            sink.unreadable(file, Some(line), &kept.record(start.byte(), end))?;
        } else if rows.lines.len() == ROWS {
            rows.flush(sink)?;
            sink.shared.progress.advance(0, count.take());
        }
        if !is_record || sink.is_stopped() {
            break;
        }
    }
    sink.shared.progress.advance(0, count.take());
    rows.flush(sink)
}

/// Rows on their way to the gate.
struct Rows<'f> {
    file: &'f InputFile,
    /// Name for the gate and place in the record of each canonical column.
    columns: Vec<(&'static str, usize)>,
    /// Place in the record of each column of the filter, if it is there.
    filtered: Vec<Option<usize>>,
    /// The columns in the file's path.
    partitions: Vec<Partition>,
    /// The canonical ones of them.
    in_path: Vec<(&'static str, Option<String>)>,
    builders: Vec<StringBuilder>,
    bound: Option<Bound>,
    schema: SchemaRef,
    /// On which line each row starts.
    lines: Vec<u64>,
}

impl<'f> Rows<'f> {
    fn new(
        file: &'f InputFile,
        header: &[String],
        partitions: Vec<Partition>,
        sink: &Sink<'_>,
    ) -> Result<Self, ReadError> {
        let in_path = in_path(header, sink.shared.source, &partitions);
        let columns = Mapping::new(header, sink.shared.source).places;
        let names = sink.shared.filter.map_or(&[][..], |filter| filter.columns());
        let filtered: Vec<Option<usize>> = names.iter().map(|name| find(header, name)).collect();
        let types: Vec<DataType> = filtered
            .iter()
            .zip(names)
            .map(|(place, name)| {
                let is_known = place.is_some() || partitions::find(&partitions, name).is_some();
                if is_known { DataType::Utf8 } else { DataType::Null }
            })
            .collect();
        let bound = sink.shared.filter.map(|filter| filter.bind(&file.name, &types)).transpose()?;
        let names = columns.iter().map(|(name, _)| *name).chain(in_path.iter().map(|(name, _)| *name));
        let fields: Vec<Field> = names.map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let builders = (0..columns.len() + filtered.len()).map(|_| StringBuilder::new()).collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { file, columns, filtered, partitions, in_path, builders, bound, schema, lines: Vec::new() })
    }

    /// Appends a record that starts on `line`, unless it is not UTF-8.
    fn append(&mut self, record: &ByteRecord, line: u64) -> bool {
        let Ok(text) = simdutf8::basic::from_utf8(record.as_slice()) else { return false };
        let range = |place: usize| record.range(place).unwrap_or_default();
        // The fields are stored without separators, so that a cut character could look whole.
        if !(0..record.len()).all(|place| text.is_char_boundary(range(place).end)) {
            return false;
        }
        let places = self.columns.iter().map(|(name, place)| (*name, Some(*place)));
        let places = places.chain(self.filtered.iter().map(|place| ("", *place)));
        for (builder, (name, place)) in self.builders.iter_mut().zip(places) {
            let value = place.map_or("", |place| &text[range(place)]);
            let is_id = matches!(name, "event_id" | "anonymous_id" | "user_id");
            match is_id.then(|| whole_text(value)).flatten() {
                Some(whole) => builder.append_value(whole),
                None => builder.append_option((!value.is_empty()).then_some(value)),
            }
        }
        self.lines.push(line);
        true
    }

    fn flush(&mut self, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let rows = self.lines.len();
        let wanted = sink.shared.filter.map_or(&[][..], |filter| filter.columns());
        let mut columns: Vec<ArrayRef> =
            self.builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        let mut filtered = columns.split_off(self.columns.len());
        for ((column, place), name) in filtered.iter_mut().zip(&self.filtered).zip(wanted) {
            if place.is_none() {
                *column = partitions::find(&self.partitions, name).map_or_else(
                    || new_null_array(&DataType::Null, rows),
                    |partition| constant(partition.value.as_deref(), rows),
                );
            }
        }
        columns.extend(self.in_path.iter().map(|(_, value)| constant(value.as_deref(), rows)));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("as many values in each column");
        let keep = self.bound.as_ref().map(|bound| bound.evaluate(&filtered, rows)).transpose()?;
        let lines = std::mem::take(&mut self.lines);
        sink.rows(self.file, &batch, keep.as_ref(), |row| lines[row], |row| raw_columns(&batch, row))
    }
}

/// The file's own text in a row.
fn raw_columns(batch: &RecordBatch, row: usize) -> RawColumns {
    Column::ALL.map(|column| {
        let name = column.name();
        let original = (column == Column::Event).then_some(ORIGINAL_EVENT);
        let values = batch.column_by_name(name).or_else(|| batch.column_by_name(original?))?;
        let values = values.as_string::<i32>();
        values.is_valid(row).then(|| values.value(row).to_owned())
    })
}

/// A stream of which the part since the start of the record at hand is kept: the source text of a record that can't
/// be taken apart is wanted later.
struct Recorded {
    stream: Box<dyn Read>,
    kept: Kept,
}

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let window = &mut *self.kept.0.borrow_mut();
        if window.end().saturating_sub(window.needed) > (window.limit + 2 * BUFFER) as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a record is too long"));
        }
        let length = self.stream.read(buffer)?;
        window.ended |= length == 0 && !buffer.is_empty();
        window.bytes.extend_from_slice(&buffer[..length]);
        Ok(length)
    }
}

/// The part of a stream that is kept.
#[derive(Clone)]
struct Kept(Rc<RefCell<Window>>);

struct Window {
    bytes: Vec<u8>,
    /// Where in the stream `bytes` start.
    start: u64,
    /// From where on they are needed.
    needed: u64,
    /// The longest record.
    limit: usize,
    /// Whether the stream is at its end.
    ended: bool,
}

impl Window {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The bytes of a part of the stream, without line ends before them.
    fn part(&self, from: u64, to: u64) -> &[u8] {
        let place = |at: u64| (at.clamp(self.start, self.end()) - self.start) as usize;
        let bytes = &self.bytes[place(from)..place(to)];
        let line_ends = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        &bytes[line_ends..]
    }
}

impl Kept {
    fn new(limit: usize) -> Self {
        let window = Window { bytes: Vec::new(), start: 0, needed: 0, limit, ended: false };
        Self(Rc::new(RefCell::new(window)))
    }

    fn forget_before(&self, place: u64) {
        let window = &mut *self.0.borrow_mut();
        window.needed = place;
        let unneeded = place.saturating_sub(window.start) as usize;
        // Now and then, since what is behind moves to the front.
        if unneeded > 4 * BUFFER {
            window.bytes.drain(..unneeded.min(window.bytes.len()));
            window.start = place;
        }
    }

    /// The line of a record whose reading began at `start`: line ends and blank lines may come before it.
    fn line(&self, start: &Position) -> u64 {
        let window = self.0.borrow();
        let from = (start.byte().clamp(window.start, window.end()) - window.start) as usize;
        let line_ends = window.bytes[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        start.line() + line_ends.filter(|byte| **byte == b'\n').count() as u64
    }

    /// The source text of a record, its start if it is long.
    fn record(&self, from: u64, to: u64) -> Vec<u8> {
        let window = self.0.borrow();
        let bytes = window.part(from, to);
        let line_end = bytes.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let bytes = &bytes[..bytes.len() - line_end];
        // A byte more than is shown tells where its last character ends.
        bytes[..bytes.len().min(RAW_BYTES + 1)].to_vec()
    }

    /// Whether a record is longer than is read, or ends with the stream inside quotes.
    fn is_cut(&self, from: u64, to: u64) -> bool {
        let window = self.0.borrow();
        if to - from > window.limit as u64 {
            return true;
        }
        window.ended && to >= window.end() && ends_in_quotes(window.part(from, to))
    }
}

/// Whether a quoted field of the record is not closed.
fn ends_in_quotes(record: &[u8]) -> bool {
    #[derive(PartialEq)]
    enum State {
        FieldStart,
        Unquoted,
        Quoted,
        QuoteInQuoted,
    }
    let mut state = State::FieldStart;
    for byte in record {
        state = match (state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::FieldStart | State::QuoteInQuoted, b'"') | (State::Quoted, _) => State::Quoted,
            (_, b',') => State::FieldStart,
            _ => State::Unquoted,
        };
    }
    state == State::Quoted
}
