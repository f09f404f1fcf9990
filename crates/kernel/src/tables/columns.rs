//! The columns of any range of rows.

use super::texts::{LocalDictionary, SessionsOfVisitors, TextColumn, with_values, words};
use super::{Table, following_events, timestamp_type};
use crate::carried::{NO_NUMBER, NO_TRUTH, number_type};
use crate::event_id::{EventId, stored_hash};
use crate::gate::NO_TIME;
use crate::identity::NO_LOGIN;
use crate::intern::NONE;
use crate::registry::{CarriedSpec, CarriedType};
use crate::rules::whole_minutes;
use crate::session::AnySession;
use crate::session_columns::SessionColumn;
use crate::sessionize::Sessionized;
use crate::tracks::{Row, Tracks};
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Decimal128Array, FixedSizeBinaryBuilder, Int64Array,
    PrimitiveArray, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimestampMicrosecondType};
use std::ops::Range;
use std::sync::Arc;

/// The columns in which state has event ids where no table has them: 16 bytes of each that is a UUID, and the text of the others.
pub const PACKED_EVENT_IDS: [&str; 2] = ["event_uuid", "event_text"];

/// The type of the first of the columns [`PACKED_EVENT_IDS`].
pub fn uuid_type() -> DataType {
    DataType::FixedSizeBinary(size_of::<u128>() as i32)
}

/// Successive tracks of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRun {
    /// The session's number.
    pub session: usize,
    /// The tracks' places in the order of all tracks.
    pub places: Range<usize>,
}

impl Sessionized {
    /// The columns that `wanted` says yes to, of those that tables of tracks have, for the tracks of `runs` in order:
    /// `dbt_mapped_tracks`, `dbt_track_facts`, `dbt_tracks_flow`, `tracklet_events` and the state beside them are projections of
    /// it.
    ///
    /// Texts that repeat are dictionaries with `u32` keys, their values in order of appearance; the columns
    /// `event`, `event_2`, ... share one.
    pub fn track_columns(&self, runs: &[TrackRun], wanted: impl Fn(&str) -> bool) -> RecordBatch {
        // A column at a time: the tracks of a run lie together, those of the next one elsewhere, and look-ups of one kind
        // next to each other wait for memory together.
        let rows = self.rows_of(runs);
        let ids = &self.tracks.ids;
        let (event_ids, hashes) = self.event_ids(&rows, wanted("event_id"), wanted("event_id_hash"));
        let mut columns = Wanted { wanted, columns: Vec::new() };
        if PACKED_EVENT_IDS.into_iter().any(&columns.wanted) {
            columns.extend(PACKED_EVENT_IDS.into_iter().zip(self.packed_event_ids(&rows)));
        }
        columns.extend(event_ids.map(|ids| ("event_id", ids)));
        columns.add("anonymous_id", || {
            LocalDictionary::of(&self.tracks.gather(&rows, |chunk| &chunk.anonymous_ids), ids)
        });
        if ["dbt_visitor_id", "session_id", "session_key"].into_iter().any(&columns.wanted) {
            let mut sessions = SessionsOfVisitors::with_capacity(runs.len(), rows.len());
            for run in runs {
                sessions.push(self.loaded_session(run.session), run.places.len());
            }
            if self.rules().events {
                columns.add("session_key", || {
                    with_values(sessions.session_keys().to_vec(), self.session_keys(runs))
                });
            }
            let (session_ids, visitors) = sessions.finish(ids);
            columns.extend([("session_id", session_ids), ("dbt_visitor_id", visitors)]);
        }
        columns.add("timestamp", || times(self.times_of(runs, rows.len())));
        columns.add("idle_time_minutes", || Arc::new(self.idle_minutes(runs, rows.len())));
        let numbers = self.sequence_numbers(runs, rows.len());
        columns.add("track_sequence_number", || Arc::new(numbers.clone()));
        if self.rules().events {
            columns.add("event_sequence_number", || Arc::new(numbers.clone()));
            columns.add("start_reason", || self.start_reasons(runs));
        }
        columns
            .add("user_id", || LocalDictionary::of(&self.tracks.gather(&rows, |chunk| &chunk.user_ids), ids));
        columns.add("received_at", || {
            let received = self.tracks.gather(&rows, |chunk| &chunk.received);
            let received = or_null::<TimestampMicrosecondType>(received, NO_TIME);
            Arc::new(received.with_data_type(timestamp_type()))
        });
        columns.extend(hashes.map(|hashes| ("event_id_hash", hashes)));
        let names: Vec<String> =
            std::iter::once("event".to_owned()).chain(following_events(self.rules())).collect();
        if names.iter().any(|name| (columns.wanted)(name)) {
            columns.extend(names.iter().map(String::as_str).zip(self.event_columns(runs, &rows)));
        }
        for (place, spec) in self.rules().carried.iter().enumerate() {
            columns.add(&spec.name, || carried_column(&self.tracks, place, spec, &rows));
        }
        batch(columns.columns)
    }

    /// The times of the tracks of `runs`, of which there are `rows`, in microseconds.
    fn times_of(&self, runs: &[TrackRun], rows: usize) -> Vec<i64> {
        let mut times = Vec::with_capacity(rows);
        for run in runs {
            times.extend_from_slice(&self.sorted.timestamps()[run.places.clone()]);
        }
        times
    }

    /// Whole minutes since the visitor's track before, none for the first.
    fn idle_minutes(&self, runs: &[TrackRun], rows: usize) -> PrimitiveArray<Int64Type> {
        let all_timestamps = self.sorted.timestamps();
        let mut idle_minutes = Vec::with_capacity(rows);
        for run in runs {
            let mut previous = match run.places.start {
                first if first == self.session_places(run.session).start => self.previous_end(run.session),
                place => Some(all_timestamps[place - 1]),
            };
            idle_minutes.extend(all_timestamps[run.places.clone()].iter().map(|time| {
                let previous = previous.replace(*time);
                previous.map_or(NOTHING, |previous| whole_minutes(previous, *time))
            }));
        }
        or_null::<Int64Type>(idle_minutes, NOTHING)
    }

    /// The number of each track in its session.
    fn sequence_numbers(&self, runs: &[TrackRun], rows: usize) -> Int64Array {
        let mut numbers = Vec::with_capacity(rows);
        for run in runs {
            let number = run.places.start - self.session_places(run.session).start + 1;
            numbers.extend((number..number + run.places.len()).map(|number| number as i64));
        }
        Int64Array::from(numbers)
    }

    /// The id of the first event of each run's session, by which the session is known.
    fn session_keys(&self, runs: &[TrackRun]) -> ArrayRef {
        let firsts: Vec<Row> = runs.iter().map(|run| self.first_row(run.session)).collect();
        self.ids_of(&firsts)
    }

    fn ids_of(&self, rows: &[Row]) -> ArrayRef {
        self.event_ids(rows, true, false).0.expect("ids are wanted")
    }

    /// Why the session opens, on its first event; null on the others.
    fn start_reasons(&self, runs: &[TrackRun]) -> ArrayRef {
        words(runs.iter().flat_map(|run| {
            let first = self.session_places(run.session).start;
            let opens = (run.places.start == first).then(|| self.start_reason(run.session));
            let others = run.places.len() - usize::from(opens.is_some());
            opens.map(Some).into_iter().chain(std::iter::repeat_n(None, others))
        }))
    }

    fn first_row(&self, session: usize) -> Row {
        self.sorted.row(self.session_places(session).start)
    }

    fn start_reason(&self, session: usize) -> &'static str {
        self.rules().opening(self.previous_end(session), self.session_start(session)).as_str()
    }

    fn rows_of(&self, runs: &[TrackRun]) -> Vec<Row> {
        let mut rows = Vec::with_capacity(runs.iter().map(|run| run.places.len()).sum());
        for run in runs {
            rows.extend_from_slice(self.sorted.rows(run.places.clone()));
        }
        rows
    }

    /// `event` and the events that follow it, as keys of one dictionary.
    fn event_columns(&self, runs: &[TrackRun], rows: &[Row]) -> Vec<ArrayRef> {
        let names = &self.tracks.names;
        let events = self.tracks.gather(rows, |chunk| &chunk.events);
        let mut dictionary = LocalDictionary::new(rows.len(), names);
        // Only the flow shows events of other tracks.
        let has_flow = !self.rules().left_out.contains(&Table::TracksFlow);
        let length = if has_flow { self.rules().flow_length } else { 1 };
        let mut columns: Vec<Vec<u32>> = (0..length).map(|_| Vec::with_capacity(rows.len())).collect();
        // Keys of the tracks of one run and of those after it that the run's rows show.
        let mut keys = Vec::new();
        let mut first = 0;
        for TrackRun { session, places } in runs {
            let rows = places.len();
            keys.clear();
            keys.extend(events[first..first + rows].iter().map(|event| dictionary.key(*event)));
            first += rows;
            let shown = places.end..self.session_places(*session).end.min(places.end + length - 1);
            keys.extend(shown.map(|place| dictionary.key(self.tracks.event(self.sorted.row(place)))));
            for (offset, column) in columns.iter_mut().enumerate() {
                let shown = &keys[offset.min(keys.len())..];
                let shown = &shown[..rows.min(shown.len())];
                column.extend_from_slice(shown);
                column.extend(std::iter::repeat_n(NONE, rows - shown.len()));
            }
        }
        let values = dictionary.values(names);
        columns.into_iter().map(|keys| with_values(keys, values.clone())).collect()
    }

    /// The event ids of these rows, and their hashes as state stores them, each where it is wanted.
    fn event_ids(
        &self,
        rows: &[Row],
        wants_ids: bool,
        wants_hashes: bool,
    ) -> (Option<ArrayRef>, Option<ArrayRef>) {
        /// Ids that are fetched before they are spelled out.
        const AT_ONCE: usize = 256;
        if !wants_ids && !wants_hashes {
            return (None, None);
        }
        let mut texts = TextColumn::with_capacity(if wants_ids { rows.len() } else { 0 });
        let mut hashes = Vec::with_capacity(if wants_hashes { rows.len() } else { 0 });
        let mut ids = Vec::with_capacity(AT_ONCE);
        for rows in rows.chunks(AT_ONCE) {
            ids.clear();
            ids.extend(rows.iter().map(|row| self.tracks.event_id(*row)));
            for id in &ids {
                let start = texts.text.len();
                id.append_to(&mut texts.text);
                if wants_hashes {
                    hashes.push(stored_hash(&texts.text[start..]));
                }
                if wants_ids {
                    texts.end_value();
                } else {
                    texts.text.clear();
                }
            }
        }
        let hashes = wants_hashes.then(|| Arc::new(Int64Array::from(hashes)) as ArrayRef);
        (wants_ids.then(|| texts.finish()), hashes)
    }

    /// The event ids of these rows as [`PACKED_EVENT_IDS`].
    fn packed_event_ids(&self, rows: &[Row]) -> [ArrayRef; 2] {
        let mut uuids = FixedSizeBinaryBuilder::with_capacity(rows.len(), size_of::<u128>() as i32);
        let mut texts = StringBuilder::new();
        for row in rows {
            match self.tracks.event_id(*row) {
                EventId::Uuid(uuid) => {
                    uuids.append_value(uuid.to_be_bytes()).expect("as many bytes as the type has");
                    texts.append_null();
                }
                EventId::Text(text) => {
                    uuids.append_null();
                    texts.append_value(text);
                }
            }
        }
        [Arc::new(uuids.finish()), Arc::new(texts.finish())]
    }

    /// Every column that a table of session facts has, for these sessions, which are in memory, in order.
    pub fn session_columns(&self, sessions: &(impl Iterator<Item = usize> + Clone)) -> RecordBatch {
        let all: Vec<AnySession> = sessions.clone().map(|session| self.loaded_session(session)).collect();
        let (session_ids, visitors) = SessionsOfVisitors::of(&all).finish(&self.tracks.ids);
        let num_pvs = |session: usize| match &self.sessions.distinct_ids {
            Some(distinct) => i64::from(distinct[session]),
            None => self.session_places(session).len() as i64,
        };
        let duration = |session: &AnySession| whole_minutes(session.start, session.end);
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("session_id".into(), session_ids),
            ("dbt_visitor_id".into(), visitors),
            ("ended_at".into(), times(all.iter().map(|session| session.end).collect())),
            ("num_pvs".into(), integers(sessions.clone().map(num_pvs))),
            ("session_duration".into(), integers(all.iter().map(duration))),
        ];
        for (count, values) in self.rules().counts.iter().zip(&self.sessions.counts) {
            let values = sessions.clone().map(|session| i64::from(values[session]));
            columns.push((count.column.clone(), integers(values)));
        }
        let is_written = |table| !self.rules().left_out.contains(&table);
        if self.rules().events && is_written(Table::Sessions) {
            columns.extend(self.columns_of_sessions(sessions, &all));
            let places: Vec<Range<usize>> =
                sessions.clone().map(|session| self.session_places(session)).collect();
            let folded = |column: &SessionColumn| (column.name.clone(), self.folded(column, &places));
            columns.extend(self.rules().session_columns.iter().map(folded));
        }
        batch(columns)
    }

    /// What `tracklet_sessions` has beside the columns of all tables of session facts.
    fn columns_of_sessions(
        &self,
        sessions: &(impl Iterator<Item = usize> + Clone),
        all: &[AnySession],
    ) -> [(String, ArrayRef); 6] {
        let firsts: Vec<Row> = sessions.clone().map(|session| self.first_row(session)).collect();
        let next_starts = sessions.clone().map(|session| self.next_start(session)).collect();
        [
            ("session_key".into(), self.ids_of(&firsts)),
            ("session_sequence_number".into(), integers(all.iter().map(|session| i64::from(session.number)))),
            ("session_start_at".into(), times(all.iter().map(|session| session.start).collect())),
            ("next_session_start_at".into(), optional_times(next_starts)),
            ("start_reason".into(), words(sessions.clone().map(|session| Some(self.start_reason(session))))),
            ("events".into(), integers(all.iter().map(|session| i64::from(session.tracks)))),
        ]
    }

    /// Rows of `dbt_session_tracks` and of the state beside it, of the sessions in `range` among all.
    pub fn timeline_columns(&self, range: Range<usize>) -> RecordBatch {
        let end = self.all_session_count().min(range.end + 1);
        let all = self.all_of(range.start..end);
        let (rows, after) = (&all[..range.len()], &all[1.min(all.len())..]);
        let (session_ids, visitors) = SessionsOfVisitors::of(rows).finish(&self.tracks.ids);
        let next_start = |(place, session): (usize, &AnySession)| {
            let next = after.get(place).filter(|next| next.visitor == session.visitor);
            next.map(|next| next.start)
        };
        batch(vec![
            ("session_id".into(), session_ids),
            ("dbt_visitor_id".into(), visitors),
            ("session_start_at".into(), times(rows.iter().map(|session| session.start).collect())),
            (
                "session_sequence_number".into(),
                integers(rows.iter().map(|session| i64::from(session.number))),
            ),
            (
                "next_session_start_at".into(),
                optional_times(rows.iter().enumerate().map(next_start).collect()),
            ),
            ("ended_at".into(), times(rows.iter().map(|session| session.end).collect())),
            ("tracks".into(), integers(rows.iter().map(|session| i64::from(session.tracks)))),
        ])
    }

    /// Rows of `dbt_aliases_mapping` and of the state beside it, of the aliases in `range` by the order of their bytes.
    pub fn alias_columns(&self, range: Range<usize>) -> RecordBatch {
        let aliases = &self.identity.aliases()[range];
        let visitors = aliases.iter().map(|alias| self.identity.visitor(*alias));
        let login = |alias: &u32| {
            let login = self.identity.login(*alias);
            (login != NO_LOGIN).then_some(login.timestamp)
        };
        batch(vec![
            ("alias".into(), texts(aliases.iter().map(|alias| self.tracks.id(*alias)))),
            ("dbt_visitor_id".into(), texts(visitors.map(|visitor| self.tracks.id(visitor)))),
            ("last_login_at".into(), optional_times(aliases.iter().map(login).collect())),
        ])
    }

    /// Rows of `dbt_user_session_facts`, of the visitors in `range` by the order of their bytes.
    pub fn visitor_columns(&self, range: Range<usize>) -> RecordBatch {
        let sessions: Vec<Range<usize>> = range.map(|visitor| self.all_sessions_of(visitor)).collect();
        let places =
            sessions.first().map_or(0, |first| first.start)..sessions.last().map_or(0, |last| last.end);
        let all = self.all_of(places.clone());
        let first = |sessions: &Range<usize>| all[sessions.start - places.start];
        let last = |sessions: &Range<usize>| all[sessions.end - 1 - places.start];
        batch(vec![
            (
                "dbt_visitor_id".into(),
                texts(sessions.iter().map(|sessions| self.tracks.id(first(sessions).visitor))),
            ),
            ("first_date".into(), times(sessions.iter().map(|sessions| first(sessions).start).collect())),
            ("last_date".into(), times(sessions.iter().map(|sessions| last(sessions).start).collect())),
            ("number_of_sessions".into(), integers(sessions.iter().map(|sessions| sessions.len() as i64))),
        ])
    }

    /// Rows of `tracklet_duplicates`, of the dropped rows in `range`, which are ordered by the table's columns
    /// with the event id and the times first.
    pub fn duplicate_columns(&self, range: Range<usize>) -> RecordBatch {
        whole_rows(&self.tracks, &self.rules().carried, &self.dropped.rows()[range])
    }

    /// The rows of evidence in `range`, which are ordered as events are, with their type.
    pub fn evidence_columns(&self, range: Range<usize>) -> RecordBatch {
        let carried = &self.rules().carried;
        whole_rows(&self.tracks, &carried[..carried.len().min(1)], &self.evidence[range])
    }
}

/// The columns that every track has, as `tracklet_duplicates` spells them, and what the rows carry.
pub(crate) fn whole_rows(tracks: &Tracks, carried: &[CarriedSpec], rows: &[Row]) -> RecordBatch {
    let carried = carried_columns(tracks, carried, rows);
    let rows = rows.iter().copied();
    let event_ids = rows.clone().map(|row| tracks.event_id(row).to_string());
    let received_at = rows.clone().map(|row| tracks.received_at(row)).collect();
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("event_id".into(), Arc::new(StringArray::from_iter_values(event_ids))),
        ("anonymous_id".into(), texts(rows.clone().map(|row| tracks.anonymous_id(row)))),
        ("user_id".into(), texts(rows.clone().map(|row| tracks.user_id(row)))),
        ("event".into(), texts(rows.clone().map(|row| tracks.event_name(row)))),
        ("timestamp".into(), times(rows.map(|row| tracks.timestamp(row)).collect())),
        ("received_at".into(), optional_times(received_at)),
    ];
    columns.extend(carried);
    batch(columns)
}

/// What these rows carry, texts as dictionaries.
fn carried_columns(tracks: &Tracks, carried: &[CarriedSpec], rows: &[Row]) -> Vec<(String, ArrayRef)> {
    let column =
        |(place, spec): (usize, &CarriedSpec)| (spec.name.clone(), carried_column(tracks, place, spec, rows));
    carried.iter().enumerate().map(column).collect()
}

/// What these rows carry in the column at `place`.
fn carried_column(tracks: &Tracks, place: usize, spec: &CarriedSpec, rows: &[Row]) -> ArrayRef {
    match spec.carried_type {
        CarriedType::Text => {
            let numbers = tracks.gather(rows, |chunk| chunk.carried.texts(place));
            LocalDictionary::of(&numbers, &tracks.values)
        }
        CarriedType::Number => {
            let numbers = tracks.gather(rows, |chunk| chunk.carried.numbers(place));
            Arc::new(with_nulls(numbers, number_type()))
        }
        CarriedType::Truth => {
            let truths = tracks.gather(rows, |chunk| chunk.carried.truths(place));
            let truth = |truth: u8| (truth != NO_TRUTH).then_some(truth == 1);
            Arc::new(truths.into_iter().map(truth).collect::<BooleanArray>())
        }
    }
}

/// Columns under construction, of which only those that are wanted are made.
struct Wanted<W> {
    wanted: W,
    columns: Vec<(String, ArrayRef)>,
}

impl<W: Fn(&str) -> bool> Wanted<W> {
    fn add(&mut self, name: &str, column: impl FnOnce() -> ArrayRef) {
        if (self.wanted)(name) {
            self.columns.push((name.to_owned(), column()));
        }
    }

    /// Adds columns that are made already.
    fn extend<'n>(&mut self, columns: impl IntoIterator<Item = (&'n str, ArrayRef)>) {
        for (name, column) in columns {
            self.add(name, || column);
        }
    }
}

/// Decimal numbers of these millionths; [`NO_NUMBER`] is null.
pub(super) fn with_nulls(millionths: Vec<i128>, data_type: DataType) -> Decimal128Array {
    let is_valid = |row: usize| millionths[row] != NO_NUMBER;
    let nulls = millionths
        .contains(&NO_NUMBER)
        .then(|| NullBuffer::new(BooleanBuffer::collect_bool(millionths.len(), is_valid)));
    // Under a null the largest negative number would have more digits than the type.
    let values: Vec<i128> =
        millionths.into_iter().map(|number| if number == NO_NUMBER { 0 } else { number }).collect();
    Decimal128Array::new(values.into(), nulls).with_data_type(data_type)
}

fn batch(columns: Vec<(String, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of equal length")
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn times(micros: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros).with_data_type(timestamp_type()))
}

pub(super) fn optional_times(micros: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros).with_data_type(timestamp_type()))
}

/// A number that no idle time is.
const NOTHING: i64 = i64::MIN;

/// Integers or times, those that are `nothing` null.
fn or_null<T: ArrowPrimitiveType<Native = i64>>(values: Vec<i64>, nothing: i64) -> PrimitiveArray<T> {
    let is_valid = |row| values[row] != nothing;
    let nulls = values
        .contains(&nothing)
        .then(|| NullBuffer::new(BooleanBuffer::collect_bool(values.len(), is_valid)));
    PrimitiveArray::new(values.into(), nulls)
}

pub(super) fn integers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}
