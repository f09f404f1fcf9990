//! Raw events, one JSON object a line, as RudderStack and Segment store them.

use super::columns::Column;
use super::filter::Bound;
use super::inputs::InputFile;
use super::json_path::{Found, Keys, Target, look, meaning};
use super::json_text::{Kind, Value, is_blank, object, unescape};
use super::lines::{Block, Blocks};
use super::rejects::RawColumns;
use super::run::lock;
use super::sink::Sink;
use super::{ReadError, Source, bytes};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::path::Path;
use std::sync::Arc;

/// Rows of a batch.
const ROWS: usize = 8192;
/// Text that no id can be: stands for a value that is no text.
const NO_TEXT: &str = "\0";

/// Reads a file of lines.
pub(super) fn read(file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let (stream, count) = bytes::open(path, file.compression)
        .map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
    let mut reader = Reader::new(file, sink)?;
    let mut blocks = Blocks::new(stream, sink.shared.source.max_line);
    while let Some(block) = blocks.next() {
        match block {
            Block::Lines { bytes, first_line } => reader.lines(bytes, first_line, sink)?,
            Block::TooLong { line, start } => sink.unreadable(file, Some(line), start)?,
            Block::Broken { line, partial } => sink.unreadable(file, Some(line), partial)?,
        }
        sink.shared.progress.advance(0, count.take());
        if sink.is_stopped() {
            break;
        }
    }
    reader.note_found(sink);
    Ok(())
}

/// Where a line's canonical columns are.
struct Plan {
    targets: Vec<Target>,
    /// For each column the target it is mapped to, if it is.
    mapped: [Option<usize>; 6],
    /// Targets from here on are the filter's columns.
    filter_from: usize,
}

impl Plan {
    fn new(source: &Source, filter_columns: &[String]) -> Self {
        let mut targets = Vec::new();
        let mapped = Column::ALL.map(|column| {
            source.columns.get(&column).map(|name| {
                targets.push(Target::new(name));
                targets.len() - 1
            })
        });
        let filter_from = targets.len();
        targets.extend(filter_columns.iter().map(|name| Target::new(name)));
        Self { targets, mapped, filter_from }
    }
}

/// What a line holds.
struct Line<'a> {
    kind: Option<Value<'a>>,
    columns: [Option<Value<'a>>; 6],
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Track,
    /// Another call, well-formed.
    Other,
    Unreadable,
}

struct Reader<'f> {
    file: &'f InputFile,
    plan: Plan,
    keys: Keys,
    bound: Option<Bound>,
    builders: Vec<StringBuilder>,
    schema: SchemaRef,
    /// Number and place in the block of each row of the batch.
    rows: Vec<(u64, usize, usize)>,
    scratch: String,
    /// Whether a line had the target's name.
    found: Vec<bool>,
}

impl<'f> Reader<'f> {
    fn new(file: &'f InputFile, sink: &Sink<'_>) -> Result<Self, ReadError> {
        let source = sink.shared.source;
        let filter_columns = sink.shared.filter.map_or(&[][..], |filter| filter.columns());
        let plan = Plan::new(source, filter_columns);
        let bound = match sink.shared.filter {
            Some(filter) => Some(filter.bind(&file.name, &vec![DataType::Utf8; filter_columns.len()])?),
            None => None,
        };
        let fields: Vec<Field> = Column::ALL
            .iter()
            .map(|column| {
                let name =
                    if *column == Column::Event { super::columns::ORIGINAL_EVENT } else { column.name() };
                Field::new(name, DataType::Utf8, true)
            })
            .collect();
        let builders = (0..Column::ALL.len() + filter_columns.len()).map(|_| StringBuilder::new()).collect();
        let found = vec![false; plan.targets.len()];
        Ok(Self {
            file,
            plan,
            keys: Keys::default(),
            bound,
            builders,
            schema: Arc::new(Schema::new(fields)),
            rows: Vec::new(),
            scratch: String::new(),
            found,
        })
    }

    fn lines(&mut self, block: &[u8], first_line: u64, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        // Mostly all of it is UTF-8, so it is checked at once.
        let is_utf8 = simdutf8::basic::from_utf8(block).ok();
        let max_line = sink.shared.source.max_line;
        let (mut start, mut number) = (0, first_line);
        let mut skipped = 0;
        while start < block.len() {
            let end = memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |at| start + at);
            let bytes = &block[start..end];
            let line = if bytes.len() > max_line {
                None
            } else {
                is_utf8.map_or_else(|| simdutf8::basic::from_utf8(bytes).ok(), |text| text.get(start..end))
            };
            match line.map_or(Call::Unreadable, |line| self.line(line)) {
                _ if is_blank(bytes) => {}
                Call::Track => {
                    self.rows.push((number, start, end));
                    if self.rows.len() == ROWS {
                        self.flush(block, sink)?;
                    }
                }
                Call::Other => skipped += 1,
                Call::Unreadable => {
                    if sink.is_strict() {
                        // The rows before may hold a reject that comes first.
                        self.flush(block, sink)?;
                    }
                    // The line without its end, also where that is CRLF.
                    sink.unreadable(self.file, Some(number), bytes.strip_suffix(b"\r").unwrap_or(bytes))?;
                }
            }
            start = end + 1;
            number += 1;
        }
        sink.skip(skipped);
        self.flush(block, sink)
    }

    /// Takes a line apart; a track's columns are appended to the batch.
    fn line(&mut self, text: &str) -> Call {
        let mut targets = vec![None; self.plan.targets.len()];
        let Some(line) = scan(text, &self.plan, &mut self.keys, &mut targets) else {
            return Call::Unreadable;
        };
        match line.kind.map(|kind| (kind.kind, meaning(kind))) {
            Some((Kind::Plain | Kind::Escaped, kind)) if kind == "track" => {}
            Some((Kind::Plain | Kind::Escaped, _)) => return Call::Other,
            _ => return Call::Unreadable,
        }
        for (position, column) in Column::ALL.into_iter().enumerate() {
            let is_time = matches!(column, Column::Timestamp | Column::ReceivedAt);
            append(&mut self.builders[position], &mut self.scratch, line.columns[position], is_time);
        }
        for (found, target) in self.found.iter_mut().zip(&targets) {
            *found |= target.is_some();
        }
        for (builder, target) in
            self.builders[Column::ALL.len()..].iter_mut().zip(&targets[self.plan.filter_from..])
        {
            builder.append_option(target.and_then(|found| source_text(found.value)));
        }
        Call::Track
    }

    fn flush(&mut self, block: &[u8], sink: &mut Sink<'_>) -> Result<(), ReadError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> =
            self.builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        let of_filter = columns.split_off(Column::ALL.len());
        let batch =
            RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("as many values in each column");
        let keep = match &self.bound {
            Some(bound) => Some(bound.evaluate(&of_filter, self.rows.len())?),
            None => None,
        };
        let rows = std::mem::take(&mut self.rows);
        let plan = &self.plan;
        let raw = |row: usize| {
            let (_, start, end) = rows[row];
            let text = simdutf8::basic::from_utf8(&block[start..end]).unwrap_or_default();
            raw_columns(text, plan)
        };
        sink.rows(self.file, &batch, keep.as_ref(), |row| rows[row].0, raw)?;
        self.rows = rows;
        self.rows.clear();
        Ok(())
    }

    fn note_found(&self, sink: &Sink<'_>) {
        let found = self.plan.targets.iter().zip(&self.found).filter(|(_, found)| **found);
        let mut seen = lock(&sink.shared.seen);
        seen.json.extend(found.map(|(target, _)| target.name.clone()));
    }
}

/// The line's fields that are asked for; `None` when it is no JSON object.
#[inline]
fn scan<'a>(
    text: &'a str,
    plan: &Plan,
    keys: &mut Keys,
    targets: &mut [Option<Found<'a>>],
) -> Option<Line<'a>> {
    let mut line = Line { kind: None, columns: [None; 6] };
    let is_object = object(text, |key, value| {
        let key = meaning(key);
        match key.as_ref() {
            "type" => line.kind = Some(value),
            "messageId" => line.columns[0] = Some(value),
            "anonymousId" => line.columns[1] = Some(value),
            "userId" => line.columns[2] = Some(value),
            "event" => line.columns[3] = Some(value),
            "timestamp" => line.columns[4] = Some(value),
            "receivedAt" => line.columns[5] = Some(value),
            _ => {}
        }
        for (target, found) in plan.targets.iter().zip(targets.iter_mut()) {
            look(target, &key, value, keys, found);
        }
    });
    if is_object != Ok(true) {
        return None;
    }
    for (column, mapped) in line.columns.iter_mut().zip(plan.mapped) {
        if let Some(target) = mapped {
            *column = targets[target].map(|found| found.value);
        }
    }
    Some(line)
}

#[inline]
fn append(builder: &mut StringBuilder, scratch: &mut String, value: Option<Value<'_>>, is_time: bool) {
    let Some(value) = value else { return builder.append_null() };
    match value.kind {
        Kind::Null => builder.append_null(),
        Kind::Plain | Kind::Number => builder.append_value(value.text),
        Kind::Escaped => {
            scratch.clear();
            let is_text = unescape(value.text, scratch).is_ok();
            builder.append_value(if is_text { scratch } else { NO_TEXT });
        }
        // The gate takes it for a time that can't be parsed.
        Kind::Bool | Kind::Array | Kind::Object if is_time => builder.append_value("not a time"),
        Kind::Bool | Kind::Array | Kind::Object => builder.append_value(NO_TEXT),
    }
}

/// A value's text: what a string means, of anything else its source.
fn source_text(value: Value<'_>) -> Option<std::borrow::Cow<'_, str>> {
    (value.kind != Kind::Null).then(|| meaning(value))
}

/// The canonical columns of a line that was taken apart before, as they stand there.
fn raw_columns(text: &str, plan: &Plan) -> RawColumns {
    let mut targets = vec![None; plan.targets.len()];
    let Some(line) = scan(text, plan, &mut Keys::default(), &mut targets) else {
        return RawColumns::default();
    };
    line.columns.map(|value| value.and_then(source_text).map(std::borrow::Cow::into_owned))
}
