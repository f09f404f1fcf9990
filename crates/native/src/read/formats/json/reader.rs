//! Reads events as JSON: calls as RudderStack and Segment store them, rows of warehouse tables, and batches of calls.

use super::calls::{Call, Fields, Form, batch};
use super::is_json;
use super::path::{FoundValue, NameTree, WantedName, meaning};
use super::text::{Value, ValueKind, elements, first_object, object, unescape};
use super::values::{Cutter, Values};
use crate::read::columns::{Column, ORIGINAL_EVENT};
use crate::read::event_columns::{is_number, is_value};
use crate::read::filter::Bound;
use crate::read::foreign::foreign;
use crate::read::inputs::InputFile;
use crate::read::other_calls::OtherCalls;
use crate::read::partitions::{self, PathPartition, partitions};
use crate::read::rejects::RawColumns;
use crate::read::run::lock;
use crate::read::sink::Sink;
use crate::read::window::{End, Window};
use crate::read::{ReadError, Source, bytes};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use tracklet_config::{ColumnSource, EventColumn};
use tracklet_kernel::decimal;
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::gate::{MAX_ID_BYTES, MAX_NAME_BYTES};
use tracklet_kernel::number_id::whole_number;

/// Rows of a batch.
const ROWS: usize = 8192;
/// A text of more bytes than this is cut: it is rejected for its length, or is no time.
const LONGEST: usize = if MAX_ID_BYTES > MAX_NAME_BYTES { MAX_ID_BYTES } else { MAX_NAME_BYTES };
/// Text that no id can be: stands for a value that is no text.
const NO_TEXT: &str = "\0";

/// Reads a file.
pub(super) fn read(file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let open = |source| ReadError::Open { file: file.name.clone(), source };
    let (stream, count) = bytes::open_input(file, path).map_err(open)?;
    let mut reader = Reader::new(file, sink)?;
    let longest = sink.shared.source.max_line;
    let mut window = Window::new(stream, longest);
    let mut cutter = Cutter::new(longest);
    if let Some(grown) = file.grown.as_ref().filter(|grown| grown.offset > 0) {
        window = window.in_the_midst();
        cutter = cutter.starting_at(grown.line);
    }
    let mut is_start = !window.is_in_the_midst();
    loop {
        let (bytes, end) = window.fill();
        // What an archive holds uncompressed could look like lines.
        if std::mem::take(&mut is_start) && foreign(bytes).is_some() && !is_json(bytes) {
            sink.unreadable(file, Some(1), bytes)?;
            break;
        }
        let mut values = Taker { reader: &mut reader, sink, bytes };
        let taken = cutter.take(bytes, end, &mut values)?;
        values.flush()?;
        if end != End::Open {
            cutter.finish(&bytes[taken..], end, &mut values)?;
            sink.shared.progress.advance(0, count.take());
            break;
        }
        window.consume(taken);
        sink.shared.progress.advance(0, count.take());
        if sink.is_stopped() {
            break;
        }
    }
    reader.note_found(sink);
    sink.counts.content = Some(count.content(path).map_err(open)?);
    Ok(())
}

/// Where an object's canonical columns are.
struct ObjectPlan {
    targets: Vec<WantedName>,
    /// For each column the target it is mapped to, if it is.
    mapped: [Option<usize>; 6],
    /// For each column of events the targets that may have its value, the first that counts first, each with the only type of events
    /// that it is looked for in.
    event_columns: Vec<Vec<(usize, Option<EventType>)>>,
    /// Targets before this one are canonical columns.
    mapped_end: usize,
    /// Targets from here on are the filter's columns.
    filter_from: usize,
    /// Whether the column that event names are mapped to holds them as they were sent.
    is_original_mapped: bool,
    /// Columns in the file's path.
    partitions: Vec<PathPartition>,
    /// The calls that are events, and the type of the rows of a table.
    types: EventTypes,
    row_type: EventType,
    /// For each target the value in the path, for objects without it.
    in_path: Vec<Option<String>>,
    reads_event_ids: bool,
}

impl ObjectPlan {
    fn new(source: &Source, filter_columns: &[String], file: &InputFile) -> Self {
        let partitions = partitions(&file.name);
        let mut targets = Vec::new();
        let mapped = Column::ALL.map(|column| {
            source.columns.get(&column).map(|name| {
                targets.push(WantedName::new(name));
                targets.len() - 1
            })
        });
        let mapped_end = targets.len();
        let event_columns = source.event_columns.iter().map(|column| {
            let place = |source: &ColumnSource| {
                let known = targets[mapped_end..].iter().position(|target| target.name == source.name);
                let place = known.map_or(targets.len(), |place| mapped_end + place);
                if known.is_none() {
                    targets.push(WantedName::new(&source.name));
                }
                (place, source.of)
            };
            column.sources.iter().map(place).collect()
        });
        let event_columns = event_columns.collect();
        let filter_from = targets.len();
        targets.extend(filter_columns.iter().map(|name| WantedName::new(name)));
        let in_path =
            targets.iter().map(|target| partitions::find(&partitions, &target.name)?.value.clone()).collect();
        let event = source.columns.get(&Column::Event);
        Self {
            targets,
            mapped,
            event_columns,
            mapped_end,
            filter_from,
            is_original_mapped: event.is_some_and(|name| name.eq_ignore_ascii_case(ORIGINAL_EVENT)),
            partitions,
            types: source.types,
            row_type: file.event_type,
            in_path,
            reads_event_ids: source.reads(Column::EventId),
        }
    }

    /// The value in the path of a column that an object does not have.
    fn canonical_in_path(&self, column: Column) -> Option<&str> {
        match self.mapped[column as usize] {
            Some(target) => self.in_path[target].as_deref(),
            None if column == Column::Event => {
                partitions::find(&self.partitions, column.name())?.value.as_deref()
            }
            None => None,
        }
    }

    /// The type of objects without one.
    fn default_type(&self) -> Option<&str> {
        partitions::find(&self.partitions, "type")?.value.as_deref()
    }
}

/// A place in the window.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Where `part`, which is within `whole`, is in a window that has `whole` at `start`.
    fn of(part: &str, whole: &str, start: usize) -> Self {
        let start = start + (part.as_ptr() as usize - whole.as_ptr() as usize);
        Self { start, end: start + part.len() }
    }
}

/// A row of the batch, and where it came from.
#[derive(Clone, Copy)]
struct LineRow {
    line: u64,
    span: Span,
    around: Around,
}

/// What an object is in.
#[derive(Clone, Copy)]
enum Around {
    Nothing,
    /// A batch of calls, and its time of arrival: that of calls that have none.
    Batch(Option<(ValueKind, Span)>),
}

impl Around {
    fn received_at<'b>(&self, window: &'b [u8]) -> Option<Value<'b>> {
        let Self::Batch(Some((kind, span))) = *self else { return None };
        Some(Value { kind, text: std::str::from_utf8(&window[span.start..span.end]).ok()? })
    }
}

/// An object taken apart.
struct Parts<'a> {
    fields: Fields<'a>,
    targets: Vec<Option<FoundValue<'a>>>,
}

impl<'a> Parts<'a> {
    fn new(plan: &ObjectPlan) -> Self {
        Self { fields: Fields::default(), targets: vec![None; plan.targets.len()] }
    }

    #[inline]
    fn note(&mut self, key: Value<'a>, value: Value<'a>, names: &mut NameTree) {
        let key = meaning(key);
        self.fields.note(&key, value);
        names.note(&key, value, &mut self.targets);
    }

    fn call(&self, plan: &ObjectPlan) -> Call {
        let has_configured = self.targets[..plan.mapped_end].iter().any(Option::is_some);
        self.fields.call(has_configured, plan.default_type(), plan.row_type, plan.types)
    }

    /// The canonical columns but for the event of what is no track, which has no value of its own.
    #[inline]
    fn columns(
        &self,
        (event_type, form): (EventType, Form),
        plan: &ObjectPlan,
        received_at: Option<Value<'a>>,
    ) -> [Option<Value<'a>>; 6] {
        let mut columns = Column::ALL.map(|column| match plan.mapped[column as usize] {
            Some(target) => self.targets[target].map(|found| found.value),
            None => self.fields.column(column, form),
        });
        if !plan.reads_event_ids {
            columns[Column::EventId as usize] = None;
        }
        let last = &mut columns[Column::ReceivedAt as usize];
        if last.is_none() && plan.mapped[Column::ReceivedAt as usize].is_none() {
            *last = received_at;
        }
        if event_type.event_name().is_some() {
            columns[Column::Event as usize] = None;
        }
        columns
    }

    /// The value of a column of events, or what the file's path has in its place.
    fn event_column<'p>(
        &'p self,
        place: usize,
        event_type: EventType,
        column: &EventColumn,
        plan: &'p ObjectPlan,
    ) -> Option<Cow<'p, str>> {
        let targets = plan.event_columns[place].iter();
        let targets =
            targets.filter(|(_, of)| of.is_none_or(|of| of == event_type)).map(|(target, _)| *target);
        targets
            .filter_map(|target| match self.targets[target] {
                Some(found) => value_text(found.value, is_number(column)),
                None => plan.in_path[target].as_deref().map(Cow::Borrowed),
            })
            .find(|value| is_value(value, &column.spec))
    }

    /// As [`Fields::is_warehouse_name`]; the names of events that are no tracks are the same either way.
    fn is_warehouse_name(&self, (event_type, form): (EventType, Form), plan: &ObjectPlan) -> Option<bool> {
        if event_type.event_name().is_some() {
            return None;
        }
        match plan.mapped[Column::Event as usize] {
            Some(_) => Some(form == Form::Row && !plan.is_original_mapped),
            None => self.fields.is_warehouse_name(form),
        }
    }
}

struct Reader<'f> {
    file: &'f InputFile,
    source: &'f Source,
    plan: ObjectPlan,
    names: NameTree,
    bound: Option<Bound>,
    builders: Vec<StringBuilder>,
    /// Whether the batch's event names are as the warehouse spells them; unknown while all are null.
    is_warehouse_name: Option<bool>,
    rows: Vec<LineRow>,
    /// Calls that are no events since the last flush.
    skipped: OtherCalls,
    scratch: String,
    /// Whether an object had the target's name.
    found: Vec<bool>,
}

impl<'f> Reader<'f> {
    fn new(file: &'f InputFile, sink: &Sink<'f>) -> Result<Self, ReadError> {
        let source = sink.shared.source;
        let filter_columns = sink.shared.filter.map_or(&[][..], |filter| filter.columns());
        let plan = ObjectPlan::new(source, filter_columns, file);
        let bound = match sink.shared.filter {
            Some(filter) => Some(filter.bind(&file.name, &vec![DataType::Utf8; filter_columns.len()])?),
            None => None,
        };
        let columns = Column::ALL.len() + source.names_of_events().count() + filter_columns.len();
        let builders = (0..columns).map(|_| StringBuilder::new()).collect();
        let found = vec![false; plan.targets.len()];
        Ok(Self {
            file,
            source,
            names: NameTree::new(&plan.targets),
            plan,
            bound,
            builders,
            is_warehouse_name: None,
            rows: Vec::new(),
            skipped: OtherCalls::default(),
            scratch: String::new(),
            found,
        })
    }

    /// Appends an event to the batch.
    #[inline]
    fn append(
        &mut self,
        parts: &Parts<'_>,
        columns: [Option<Value<'_>>; 6],
        event_type: EventType,
    ) -> Nulled {
        let nulled = nulled(&columns);
        for (position, column) in Column::ALL.into_iter().enumerate() {
            let builder = &mut self.builders[position];
            match columns[position] {
                Some(_) if nulled.contains(&column) => builder.append_null(),
                Some(value) => append(builder, &mut self.scratch, value, column),
                None if column == Column::Event && event_type.event_name().is_some() => {
                    builder.append_option(event_type.event_name());
                }
                None => builder.append_option(self.plan.canonical_in_path(column)),
            }
        }
        let mut carried = self.builders[Column::ALL.len()..].iter_mut();
        if self.source.has_events()
            && let Some(builder) = carried.next()
        {
            builder.append_value(event_type.name());
        }
        for (place, (column, builder)) in self.source.event_columns.iter().zip(&mut carried).enumerate() {
            builder.append_option(parts.event_column(place, event_type, column, &self.plan));
        }
        for (found, target) in self.found.iter_mut().zip(&parts.targets) {
            *found |= target.is_some();
        }
        let from = self.plan.filter_from;
        let filtered = parts.targets[from..].iter().zip(&self.plan.in_path[from..]);
        for (builder, (target, in_path)) in carried.zip(filtered) {
            match target {
                Some(found) => builder.append_option(source_text(found.value)),
                None => builder.append_option(in_path.as_deref()),
            }
        }
        nulled
    }

    fn note_found(&self, sink: &Sink<'_>) {
        let found = self.plan.targets.iter().zip(&self.found).filter(|(_, found)| **found);
        let mut seen = lock(&sink.shared.seen);
        seen.json.extend(found.map(|(target, _)| target.name.clone()));
        let has = |target: usize| self.found[target] || self.plan.in_path[target].is_some();
        seen.files_with.note(&self.source.event_columns, |column| {
            self.plan.event_columns[column].iter().any(|(target, _)| has(*target))
        });
        seen.in_paths.extend(self.plan.partitions.iter().map(|partition| partition.name.clone()));
    }
}

/// Columns of a row whose arrays and objects become null.
type Nulled = &'static [Column];

/// `event` and `anonymousId` beside a user are null where they are arrays or objects, as the warehouse has them.
#[inline]
fn nulled(columns: &[Option<Value<'_>>; 6]) -> Nulled {
    let is_nested = |value: Option<Value>| {
        value.is_some_and(|value| matches!(value.kind, ValueKind::Array | ValueKind::Object))
    };
    let (event, device) = (columns[Column::Event as usize], columns[Column::AnonymousId as usize]);
    let nested: Nulled = match (is_nested(device), is_nested(event)) {
        (false, false) => return &[],
        (true, false) => &[Column::AnonymousId],
        (false, true) => &[Column::Event],
        (true, true) => &[Column::AnonymousId, Column::Event],
    };
    let has_user = columns[Column::UserId as usize].is_some_and(|user| match user.kind {
        ValueKind::Number => true,
        ValueKind::Plain => !user.text.is_empty(),
        ValueKind::Escaped => {
            let mut text = String::new();
            unescape(user.text, &mut text).is_ok() && !text.contains('\0')
        }
        _ => false,
    });
    if has_user { nested } else { &[] }
}

/// The reader, with a window of its file.
struct Taker<'r, 'f, 's, 'b> {
    reader: &'r mut Reader<'f>,
    sink: &'r mut Sink<'s>,
    bytes: &'b [u8],
}

impl Values for Taker<'_, '_, '_, '_> {
    type Error = ReadError;

    #[inline]
    fn object(&mut self, text: &str, start: usize, line: u64) -> Result<Result<usize, usize>, ReadError> {
        let Reader { plan, names, .. } = &mut *self.reader;
        let mut parts = Parts::new(plan);
        match first_object(text, |key, value| parts.note(key, value, names)) {
            Err(place) => Ok(Err(place)),
            Ok(length) => {
                let span = Span { start, end: start + length };
                self.take(&text[..length], &parts, LineRow { line, span, around: Around::Nothing })?;
                Ok(Ok(length))
            }
        }
    }

    fn unreadable(&mut self, line: u64, raw: &[u8]) -> Result<(), ReadError> {
        if self.sink.is_strict() {
            // The rows before may hold a reject that comes first.
            self.flush()?;
        }
        self.sink.unreadable(self.reader.file, Some(line), raw)
    }
}

impl Taker<'_, '_, '_, '_> {
    #[inline]
    fn take(&mut self, text: &str, parts: &Parts<'_>, row: LineRow) -> Result<(), ReadError> {
        let (event_type, form) = match parts.call(&self.reader.plan) {
            Call::Event(event_type, form) => (event_type, form),
            Call::Other(call) => {
                self.reader.skipped.add(call);
                return Ok(());
            }
            Call::Unknown => return self.take_batch(text, row),
        };
        let is_warehouse_name = parts.is_warehouse_name((event_type, form), &self.reader.plan);
        if let (Some(of_batch), Some(of_row)) = (self.reader.is_warehouse_name, is_warehouse_name)
            && of_batch != of_row
        {
            self.flush()?;
        }
        self.reader.is_warehouse_name = is_warehouse_name.or(self.reader.is_warehouse_name);
        let received_at = row.around.received_at(self.bytes);
        let columns = parts.columns((event_type, form), &self.reader.plan, received_at);
        if !self.reader.append(parts, columns, event_type).is_empty() {
            self.sink.counts.nulled += 1;
        }
        self.reader.rows.push(row);
        if self.reader.rows.len() == ROWS {
            self.flush()?;
        }
        Ok(())
    }

    /// Takes the calls in a batch; an object that is no batch is unreadable.
    fn take_batch(&mut self, text: &str, row: LineRow) -> Result<(), ReadError> {
        let (Around::Nothing, Some(batch)) = (row.around, batch(text)) else {
            return self.unreadable(row.line, text.as_bytes());
        };
        let start = row.span.start;
        let received_at = batch.received_at.map(|value| (value.kind, Span::of(value.text, text, start)));
        let around = Around::Batch(received_at);
        let mut calls = Vec::new();
        elements(batch.calls, |call| calls.push(call));
        let (mut line, mut counted) = (row.line, start);
        for call in calls {
            let span = Span::of(call.text, text, start);
            line += memchr::memchr_iter(b'\n', &self.bytes[counted..span.start]).count() as u64;
            counted = span.start;
            let Reader { plan, names, .. } = &mut *self.reader;
            let mut parts = Parts::new(plan);
            if object(call.text, |key, value| parts.note(key, value, names)) == Ok(true) {
                self.take(call.text, &parts, LineRow { line, span, around })?;
            } else {
                self.unreadable(line, call.text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Sends the rows of the batch to the gate.
    fn flush(&mut self) -> Result<(), ReadError> {
        let Self { reader, sink, bytes } = self;
        sink.skip(&std::mem::take(&mut reader.skipped));
        let is_warehouse_name = reader.is_warehouse_name.take().unwrap_or_default();
        if reader.rows.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> =
            reader.builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        let of_events = reader.source.names_of_events();
        let of_filter = columns.split_off(Column::ALL.len() + reader.source.names_of_events().count());
        let names = Column::ALL.into_iter().map(|column| {
            let is_original = column == Column::Event && !is_warehouse_name;
            if is_original { ORIGINAL_EVENT } else { column.name() }
        });
        let names = names.chain(of_events);
        let fields: Vec<Field> = names.map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema, columns).expect("as many values in each column");
        let rows = std::mem::take(&mut reader.rows);
        let keep = match &reader.bound {
            Some(bound) => Some(bound.evaluate(&of_filter, rows.len())?),
            None => None,
        };
        let raw = |row: usize| raw_columns(&rows[row], bytes, &reader.plan);
        sink.rows(reader.file, &batch, keep.as_ref(), |row| rows[row].line, raw)?;
        reader.rows = rows;
        reader.rows.clear();
        Ok(())
    }
}

#[inline]
fn append(builder: &mut StringBuilder, scratch: &mut String, value: Value<'_>, column: Column) {
    let is_time = matches!(column, Column::Timestamp | Column::ReceivedAt);
    match value.kind {
        ValueKind::Null => builder.append_null(),
        ValueKind::Plain => builder.append_value(start_of(value.text)),
        ValueKind::Number if is_time || column == Column::Event => builder.append_value(start_of(value.text)),
        ValueKind::Number => {
            let whole = Some(value.text).filter(|text| text.len() <= LONGEST).and_then(whole_number);
            builder.append_value(whole.as_deref().unwrap_or(start_of(value.text)));
        }
        ValueKind::Escaped => {
            scratch.clear();
            // Half a surrogate pair in a name is U+FFFD; two ids could become one that way.
            let is_text = unescape(value.text, scratch).is_ok() || column == Column::Event;
            // Its length is judged first.
            let is_long = scratch.len() > LONGEST;
            builder.append_value(if is_text || is_long { start_of(scratch) } else { NO_TEXT });
            scratch.shrink_to(LONGEST);
        }
        // The gate takes it for a time that can't be parsed.
        ValueKind::Bool | ValueKind::Array | ValueKind::Object if is_time => {
            builder.append_value("not a time");
        }
        ValueKind::Bool | ValueKind::Array | ValueKind::Object => builder.append_value(NO_TEXT),
    }
}

/// The text, or a part of it that is long enough to be rejected for that.
fn start_of(text: &str) -> &str {
    if text.len() <= LONGEST { text } else { &text[..text.floor_char_boundary(LONGEST + 4)] }
}

/// The text that a column of events has for a value; arrays and objects have none. A number with an exponent is written without, where
/// numbers are asked for.
fn value_text(value: Value<'_>, is_number: bool) -> Option<Cow<'_, str>> {
    match value.kind {
        ValueKind::Null | ValueKind::Array | ValueKind::Object => None,
        ValueKind::Number if is_number => {
            let without_exponent = value.text.contains(['e', 'E']).then(|| decimal::parse_number(value.text));
            Some(
                without_exponent
                    .flatten()
                    .map_or(Cow::Borrowed(value.text), |number| decimal::to_text(number).into()),
            )
        }
        ValueKind::Number => Some(whole_number(value.text).map_or(Cow::Borrowed(value.text), Cow::Owned)),
        ValueKind::Plain | ValueKind::Escaped | ValueKind::Bool => Some(meaning(value)),
    }
}

/// A value's text: what a string means, of anything else its source.
fn source_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    (value.kind != ValueKind::Null).then(|| meaning(value))
}

/// The canonical columns of a row that was taken apart before, as they stand there.
fn raw_columns(row: &LineRow, window: &[u8], plan: &ObjectPlan) -> RawColumns {
    let text = std::str::from_utf8(&window[row.span.start..row.span.end]).unwrap_or_default();
    let (mut parts, mut names) = (Parts::new(plan), NameTree::new(&plan.targets));
    let _ = object(text, |key, value| parts.note(key, value, &mut names));
    let Call::Event(event_type, form) = parts.call(plan) else { return RawColumns::default() };
    let columns = parts.columns((event_type, form), plan, row.around.received_at(window));
    let mut raw = columns.map(|value| value.and_then(source_text).map(Cow::into_owned));
    for (column, (raw, value)) in Column::ALL.into_iter().zip(raw.iter_mut().zip(columns)) {
        let name = event_type.event_name().filter(|_| column == Column::Event);
        if let Some(name) = name {
            *raw = Some(name.to_owned());
        } else if value.is_none() {
            *raw = plan.canonical_in_path(column).map(str::to_owned);
        }
    }
    raw
}
