//! Reads tables of text, with a header or without.

use super::dialect::{self, LOOKED_AT};
use super::preamble::{NoRow, Preamble, fitted, is_printed, no_row};
use super::records::{Limits, Next, Records};
use crate::read::columns::{
    Column, Mapping, ORIGINAL_EVENT, Partitions, ValuePlace, find_place, lacking, place,
};
use crate::read::event_columns::{is_value, places};
use crate::read::filter::Bound;
use crate::read::foreign::foreign;
use crate::read::inputs::InputFile;
use crate::read::rejects::RawColumns;
use crate::read::run::lock;
use crate::read::sink::Sink;
use crate::read::{ReadError, Source, bytes};
use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringBuilder, new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use tracklet_kernel::gate::MAX_ID_BYTES;
use tracklet_kernel::number_id::whole_text;
use tracklet_kernel::time::{self, whole_number};

/// Rows of a batch, and the bytes at which it is closed earlier.
const ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;
/// The longest header, in bytes and in columns.
const HEADER: Limits = Limits { bytes: 1 << 20, fields: 1 << 16 };

/// What the first record of a file says.
pub(in crate::read) struct Start {
    /// The names of the columns.
    pub(in crate::read) names: Vec<String>,
    /// Whether the record is a header and no row.
    has_header: bool,
}

/// How a file is taken apart.
struct Opened {
    records: Records,
    count: bytes::Count,
    start: Start,
    /// Whether the record that was taken is a row.
    is_row: bool,
}

/// Why a file has no columns.
enum NoColumns {
    /// It is empty.
    Empty,
    /// Its first record can't be read; that is one row.
    Unreadable(Vec<u8>),
    /// Its first record can't be read, as was said when the file was shorter.
    StillUnreadable,
}

/// The names of a file's columns; none when it is empty or its header can't be read.
pub(super) fn look(file: &InputFile, path: &Path, source: &Source) -> Result<Option<Start>, ReadError> {
    let opened = open(file, path, source, None)?;
    Ok(opened.ok().map(|opened| opened.start))
}

/// The names of a file's columns. `look` gets them with each of the first rows that have as many fields.
pub(super) fn first_rows(
    file: &InputFile,
    path: &Path,
    source: &Source,
    rows: usize,
    mut look: impl FnMut(&[String], Vec<String>),
) -> Result<Vec<String>, ReadError> {
    let Ok(Opened { mut records, start, is_row, .. }) = open(file, path, source, None)? else {
        return Ok(Vec::new());
    };
    let mut found = 0;
    if is_row {
        look(&start.names, records.names());
        found += 1;
    }
    let limits = Limits { bytes: source.max_line, fields: start.names.len() + 1 };
    while found < rows && records.next(limits) == Next::Record {
        if records.len() == start.names.len() {
            look(&start.names, records.names());
            found += 1;
        }
    }
    Ok(start.names)
}

/// Whether a file begins with a row of the table whose columns `names` are: it is a part of it, without a header.
///
/// Its first record has as many fields, none of them one of the names that are needed, and a time where the times are.
pub(super) fn is_part(first: &Start, names: &[String], source: &Source) -> bool {
    let Some(time) = place(Column::Timestamp, names, source) else { return false };
    let is_time = |text: &str| {
        time::parse(text).is_some() || (source.gate.time_unit.is_some() && whole_number(text).is_some())
    };
    first.has_header && first.names.len() == names.len() && is_time(&first.names[time])
}

/// Opens a file and takes its first record; of one that has grown its header alone. `columns` are those of the table whose part
/// it is.
fn open(
    file: &InputFile,
    path: &Path,
    source: &Source,
    columns: Option<&[String]>,
) -> Result<Result<Opened, NoColumns>, ReadError> {
    let failed = |source| ReadError::Open { file: file.name.clone(), source };
    let (mut stream, count) = bytes::open(path, file.compression).map_err(failed)?;
    let mut looked_at = Vec::new();
    let broken = stream.by_ref().take(LOOKED_AT as u64).read_to_end(&mut looked_at).err();
    if foreign(&looked_at).is_some() && broken.is_none() {
        return Ok(Err(NoColumns::Unreadable(looked_at)));
    }
    let (preamble, dialect) = Preamble::of(&looked_at, source);
    let table = looked_at.split_off(preamble.bytes);
    if source.csv.columns.is_none() && columns.is_none() && is_printed(&table, dialect, source) {
        return Err(ReadError::Printed { file: file.name.clone() });
    }
    let first_row = dialect::records(&table, dialect).into_iter().nth(1);
    let rest: Box<dyn Read> = match broken {
        None => stream,
        Some(error) => Box::new(Broken(Some(error))),
    };
    let mut records = Records::new(Box::new(Cursor::new(table).chain(rest)), dialect, preamble.next_line);
    let first = records.next(HEADER);
    // Where the first record is new, nothing was read before.
    let taken = preamble.bytes as u64 + records.taken();
    let grown = file.grown.as_ref().filter(|grown| taken <= grown.offset);
    let unreadable = |records: &Records| match grown {
        Some(_) => NoColumns::StillUnreadable,
        None => NoColumns::Unreadable(records.raw().to_vec()),
    };
    match first {
        Next::End => return Ok(Err(NoColumns::Empty)),
        Next::TooLong => {
            return Err(ReadError::Header {
                file: file.name.clone(),
                bytes: HEADER.bytes,
                columns: HEADER.fields,
            });
        }
        Next::Broken | Next::Unclosed => return Ok(Err(unreadable(&records))),
        Next::Record => {}
    }
    let names = records.names();
    let start = match columns.or(source.csv.columns.as_deref()) {
        Some(columns) => {
            let is_replaced = source.csv.header && source.csv.columns.is_some();
            let has_header = is_replaced || is_header(&names, columns);
            Start { has_header, names: columns.to_vec() }
        }
        None if std::str::from_utf8(records.text()).is_err() => {
            return Ok(Err(unreadable(&records)));
        }
        None => Start { names: fitted(names, first_row.as_ref(), source), has_header: true },
    };
    let Some(grown) = grown else {
        let is_row = !start.has_header;
        return Ok(Ok(Opened { records, count, start, is_row }));
    };
    let (stream, count) = bytes::open_input(file, path).map_err(failed)?;
    let records = Records::new(stream, dialect, grown.line).go_on();
    Ok(Ok(Opened { records, count, start, is_row: false }))
}

/// Whether the first record of a file is the header that it need not have.
fn is_header(record: &[String], columns: &[String]) -> bool {
    record.len() == columns.len()
        && record
            .iter()
            .zip(columns)
            .all(|(name, column)| name.trim().to_lowercase() == column.to_lowercase())
}

/// The end of a stream that broke.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.take().unwrap_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof)))
    }
}

/// Reads a file. `columns` are those of the table whose part without a header it is.
pub(super) fn read(
    file: &InputFile,
    path: &Path,
    columns: Option<&[String]>,
    sink: &mut Sink<'_>,
) -> Result<(), ReadError> {
    let source = sink.shared.source;
    let Opened { mut records, count, start, mut is_row } = match open(file, path, source, columns)? {
        Ok(opened) => opened,
        Err(NoColumns::Empty | NoColumns::StillUnreadable) => return Ok(()),
        // Without names there are no columns, so all of the file is unreadable.
        Err(NoColumns::Unreadable(raw)) => return sink.unreadable(file, Some(1), &raw),
    };
    let partitions = file.partitions();
    if let Some(lacking) = lacking(&start.names, &partitions, source, file.event_type) {
        return Err(lacking.in_csv(file, &start.names, start.has_header && source.csv.columns.is_none()));
    }
    let mut rows = GateRows::new(file, &start.names, &partitions, sink)?;
    let mut seen = lock(&sink.shared.seen);
    seen.tables.extend(start.names.iter().cloned());
    seen.tables.extend(partitions.iter().map(|partition| partition.name.clone()));
    seen.files_with.note(&source.event_columns, |column| !rows.event_columns[column].is_empty());
    drop(seen);
    let limits = Limits { bytes: source.max_line, fields: start.names.len() + 1 };
    loop {
        let next = if is_row { Next::Record } else { records.next(limits) };
        is_row = false;
        if next == Next::Record && rows.may_be_none(&records) {
            match no_row(&records.names(), &start.names, source) {
                Some(NoRow::Mark) => continue,
                Some(NoRow::Header) => {
                    return Err(ReadError::OtherHeader {
                        file: file.name.clone(),
                        line: records.first_line(),
                        found: records.names(),
                    });
                }
                None => {}
            }
        }
        let is_good = next == Next::Record && records.len() == start.names.len() && rows.append(&records);
        match next {
            Next::End => break,
            _ if is_good => {}
            _ => {
                if sink.is_strict() || next == Next::Broken {
                    rows.flush(sink)?;
                }
                sink.unreadable(file, Some(records.first_line()), records.raw())?;
            }
        }
        if rows.is_full() {
            rows.flush(sink)?;
            sink.shared.progress.advance(0, count.take());
        }
        if next == Next::Broken || sink.is_stopped() {
            break;
        }
    }
    sink.shared.progress.advance(0, count.take());
    rows.flush(sink)?;
    let content = count.content(path);
    sink.counts.content =
        Some(content.map_err(|source| ReadError::Open { file: file.name.clone(), source })?);
    Ok(())
}

/// Rows on their way to the gate.
struct GateRows<'f> {
    file: &'f InputFile,
    /// Name for the gate and place of each canonical column.
    columns: Vec<(&'static str, ValuePlace)>,
    /// How many columns the table has, and which of them is the time.
    width: usize,
    time: Option<usize>,
    /// What events bring along, and where each column of it may be.
    source: &'f Source,
    event_columns: Vec<Vec<ValuePlace>>,
    /// Place of each column of the filter, if it is there.
    filtered: Vec<Option<ValuePlace>>,
    /// Fields that are no value.
    null: &'f [String],
    builders: Vec<StringBuilder>,
    bytes: usize,
    bound: Option<Bound>,
    schema: SchemaRef,
    /// On which line each row starts.
    lines: Vec<u64>,
}

impl<'f> GateRows<'f> {
    fn new(
        file: &'f InputFile,
        header: &[String],
        partitions: &Partitions,
        sink: &Sink<'f>,
    ) -> Result<Self, ReadError> {
        let source = sink.shared.source;
        let columns = Mapping::new(header, partitions, source, file.event_type).places;
        let event_columns =
            places(&source.event_columns, file.event_type, |name| find_place(header, partitions, name));
        let names = sink.shared.filter.map_or(&[][..], |filter| filter.columns());
        let filtered: Vec<Option<ValuePlace>> =
            names.iter().map(|name| find_place(header, partitions, name)).collect();
        let types: Vec<DataType> = filtered
            .iter()
            .map(|place| if place.is_some() { DataType::Utf8 } else { DataType::Null })
            .collect();
        let bound = sink.shared.filter.map(|filter| filter.bind(&file.name, &types)).transpose()?;
        let names = columns.iter().map(|(name, _)| *name).chain(source.names_of_events());
        let fields: Vec<Field> = names.map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let builders = (0..fields.len() + filtered.len()).map(|_| StringBuilder::new()).collect();
        let schema = Arc::new(Schema::new(fields));
        let null = &source.csv.null;
        let time = columns.iter().find_map(|(name, place)| match place {
            ValuePlace::Column(place) if *name == Column::Timestamp.name() => Some(*place),
            _ => None,
        });
        Ok(Self {
            file,
            columns,
            width: header.len(),
            time,
            source,
            event_columns,
            filtered,
            null,
            builders,
            bytes: 0,
            bound,
            schema,
            lines: Vec::new(),
        })
    }

    /// Whether a record may be no row: it has another number of fields, or no digit where its time begins.
    fn may_be_none(&self, record: &Records) -> bool {
        let has_no_time = || {
            let Some(time) = self.time else { return false };
            record.text()[record.range(time)].first().is_some_and(|byte| !byte.is_ascii_digit())
        };
        record.len() != self.width || has_no_time()
    }

    /// Appends a record, unless it is not UTF-8.
    fn append(&mut self, record: &Records) -> bool {
        let Ok(text) = simdutf8::basic::from_utf8(record.text()) else { return false };
        // The fields are stored without separators, so that a cut character could look whole.
        if !(0..record.len()).all(|field| text.is_char_boundary(record.range(field).end)) {
            return false;
        }
        let Self { file, columns, source, event_columns, filtered, null, builders, bytes, .. } = self;
        let field = |field: usize| {
            Some(&text[record.range(field)]).filter(|value| !null.iter().any(|null| null == value))
        };
        let mut builders = builders.iter_mut();
        let mut next = |value: Option<&str>| {
            *bytes += value.map_or(0, str::len);
            builders.next().expect("a builder for every column").append_option(value);
        };
        for (name, place) in &*columns {
            let value = place.value(field);
            let is_id = matches!(*name, "event_id" | "anonymous_id" | "user_id");
            // An id is too long as it came.
            match value.filter(|value| is_id && value.len() <= MAX_ID_BYTES).and_then(whole_text) {
                Some(whole) => next(Some(&whole)),
                None => next(value),
            }
        }
        if source.has_events() {
            next(Some(file.event_type.name()));
        }
        for (column, places) in source.event_columns.iter().zip(&*event_columns) {
            let mut values = places.iter().filter_map(|place| place.value(field));
            next(values.find(|value| is_value(value, &column.spec)));
        }
        for place in &*filtered {
            next(place.as_ref().and_then(|place| place.value(field)));
        }
        self.lines.push(record.first_line());
        true
    }

    fn is_full(&self) -> bool {
        self.lines.len() == ROWS || self.bytes >= BATCH_BYTES
    }

    fn flush(&mut self, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let rows = self.lines.len();
        self.bytes = 0;
        let mut columns: Vec<ArrayRef> =
            self.builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        let mut filtered = columns.split_off(self.schema.fields().len());
        for (column, place) in filtered.iter_mut().zip(&self.filtered) {
            if place.is_none() {
                *column = new_null_array(&DataType::Null, rows);
            }
        }
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
