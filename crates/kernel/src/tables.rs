//! The tables as Arrow arrays: their schemas, and the columns of any stretch of rows.

use crate::event_id::stored_hash;
use crate::identity::NO_LOGIN;
use crate::intern::{Interner, NONE};
use crate::rules::{Rules, whole_minutes};
use crate::sessionize::{AnySession, Sessionized};
use crate::tracks::{NO_TIME, Row, Tracks};
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, DictionaryArray, Int64Array, PrimitiveArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A table of the contract that the kernel fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// `dbt_aliases_mapping`: every alias and its visitor.
    AliasesMapping,
    /// `dbt_mapped_tracks`: every track with its visitor and idle time.
    MappedTracks,
    /// `dbt_session_tracks`: every session and where it starts.
    SessionTracks,
    /// `dbt_track_facts`: every track with its session.
    TrackFacts,
    /// `dbt_session_track_facts`: what happened in every session.
    SessionTrackFacts,
    /// `dbt_user_session_facts`: every visitor's sessions.
    UserSessionFacts,
    /// `dbt_session_duration`: how long every session lasted.
    SessionDuration,
    /// `dbt_tracks_flow`: every track with the events that follow it.
    TracksFlow,
    /// `tracklet_duplicates`: the rows dropped as duplicates.
    Duplicates,
    /// `tracklet_rejects`: the rows that are no tracks. Filled by who reads them.
    Rejects,
}

impl Table {
    /// All tables, those of the reference project first.
    pub const ALL: [Self; 10] = [
        Self::AliasesMapping,
        Self::MappedTracks,
        Self::SessionTracks,
        Self::TrackFacts,
        Self::SessionTrackFacts,
        Self::UserSessionFacts,
        Self::SessionDuration,
        Self::TracksFlow,
        Self::Duplicates,
        Self::Rejects,
    ];

    /// The table's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::AliasesMapping => "dbt_aliases_mapping",
            Self::MappedTracks => "dbt_mapped_tracks",
            Self::SessionTracks => "dbt_session_tracks",
            Self::TrackFacts => "dbt_track_facts",
            Self::SessionTrackFacts => "dbt_session_track_facts",
            Self::UserSessionFacts => "dbt_user_session_facts",
            Self::SessionDuration => "dbt_session_duration",
            Self::TracksFlow => "dbt_tracks_flow",
            Self::Duplicates => "tracklet_duplicates",
            Self::Rejects => "tracklet_rejects",
        }
    }

    /// The table's columns, in order.
    pub fn schema(self, rules: &Rules) -> SchemaRef {
        let text = |name: &str| field(name, DataType::Utf8, Nulls::None);
        let nullable = |name: &str| field(name, DataType::Utf8, Nulls::Some);
        let time = |name: &str| field(name, timestamp_type(), Nulls::None);
        let integer = |name: &str| field(name, DataType::Int64, Nulls::None);
        let fields = match self {
            Self::AliasesMapping => vec![text("alias"), text("dbt_visitor_id")],
            Self::MappedTracks => vec![
                text("event_id"),
                nullable("anonymous_id"),
                text("dbt_visitor_id"),
                time("timestamp"),
                nullable("event"),
                field("idle_time_minutes", DataType::Int64, Nulls::Some),
            ],
            Self::SessionTracks => vec![
                text("session_id"),
                text("dbt_visitor_id"),
                time("session_start_at"),
                integer("session_sequence_number"),
                field("next_session_start_at", timestamp_type(), Nulls::Some),
            ],
            Self::TrackFacts => vec![
                nullable("anonymous_id"),
                time("timestamp"),
                text("event_id"),
                nullable("event"),
                text("session_id"),
                text("dbt_visitor_id"),
                integer("track_sequence_number"),
            ],
            Self::SessionTrackFacts => {
                let fixed = [text("session_id"), time("ended_at"), integer("num_pvs")];
                fixed.into_iter().chain(rules.counts.iter().map(|count| integer(&count.column))).collect()
            }
            Self::UserSessionFacts => vec![
                text("dbt_visitor_id"),
                time("first_date"),
                time("last_date"),
                integer("number_of_sessions"),
            ],
            Self::SessionDuration => {
                vec![text("dbt_visitor_id"), text("session_id"), integer("session_duration")]
            }
            Self::TracksFlow => {
                let fixed = [
                    text("event_id"),
                    text("session_id"),
                    integer("track_sequence_number"),
                    nullable("event"),
                    text("dbt_visitor_id"),
                    time("timestamp"),
                ];
                fixed.into_iter().chain(following_events(rules).map(|name| nullable(&name))).collect()
            }
            Self::Duplicates => vec![
                text("event_id"),
                nullable("anonymous_id"),
                nullable("user_id"),
                nullable("event"),
                time("timestamp"),
                field("received_at", timestamp_type(), Nulls::Some),
            ],
            Self::Rejects => vec![
                text("source_file"),
                field("row_number", DataType::Int64, Nulls::Some),
                text("reason"),
                nullable("event_id"),
                nullable("anonymous_id"),
                nullable("user_id"),
                nullable("event"),
                nullable("timestamp"),
                nullable("received_at"),
                nullable("raw"),
            ],
        };
        Arc::new(Schema::new(fields))
    }
}

/// What the next run needs and no table has. Each is aligned to the rows of a table and stored beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Of every track, aligned to `dbt_mapped_tracks`: its user, its arrival, and the hash of its id.
    Tracks,
    /// Of every session, aligned to `dbt_session_tracks`: its end and how many tracks it has.
    Sessions,
    /// Of every alias, aligned to `dbt_aliases_mapping`: when the login was that decides its visitor.
    Aliases,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tracks, Self::Sessions, Self::Aliases];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracks => "tracks",
            Self::Sessions => "sessions",
            Self::Aliases => "aliases",
        }
    }

    /// Its columns, in order.
    pub fn schema(self) -> SchemaRef {
        let fields = match self {
            Self::Tracks => vec![
                field("user_id", DataType::Utf8, Nulls::Some),
                field("received_at", timestamp_type(), Nulls::Some),
                field("event_id_hash", DataType::Int64, Nulls::None),
            ],
            Self::Sessions => vec![
                field("ended_at", timestamp_type(), Nulls::None),
                field("tracks", DataType::Int64, Nulls::None),
            ],
            Self::Aliases => vec![field("last_login_at", timestamp_type(), Nulls::Some)],
        };
        Arc::new(Schema::new(fields))
    }
}

/// Whether a column may hold nulls.
#[derive(Clone, Copy)]
enum Nulls {
    None,
    Some,
}

fn field(name: &str, data_type: DataType, nulls: Nulls) -> Field {
    Field::new(name, data_type, matches!(nulls, Nulls::Some))
}

/// Names of the flow's columns after `event`: `event_2`, `event_3`, ...
fn following_events(rules: &Rules) -> impl Iterator<Item = String> {
    (2..=rules.flow_length).map(|position| format!("event_{position}"))
}

/// UTC with microseconds.
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Successive tracks of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The session's number.
    pub session: usize,
    /// The tracks' places in the order of all tracks.
    pub places: Range<usize>,
}

impl Sessionized {
    /// Every column that a table of tracks has, for the tracks of `runs` in order: `dbt_mapped_tracks`,
    /// `dbt_track_facts`, `dbt_tracks_flow` and the state beside them are projections of it.
    ///
    /// Texts that repeat are dictionaries with `u32` keys, their values in order of appearance; the columns
    /// `event`, `event_2`, ... share one.
    pub fn track_columns(&self, runs: &[Run]) -> RecordBatch {
        let rows: usize = runs.iter().map(|run| run.places.len()).sum();
        let all_timestamps = self.sorted.timestamps();
        let mut visitors = LocalDictionary::new(rows);
        let mut session_ids = SessionIds::with_capacity(runs.len(), rows);
        let mut timestamps = Vec::with_capacity(rows);
        let mut idle_minutes = Vec::with_capacity(rows);
        let mut sequence_numbers = Vec::with_capacity(rows);
        for run in runs {
            let session = self.session_places(run.session);
            let visitor = self.sessions.visitors[run.session] as usize;
            let mut previous = match run.places.start {
                first if first == session.start => self.previous_end(run.session),
                place => Some(all_timestamps[place - 1]),
            };
            session_ids.push(self, self.session_at_hand(run.session), run.places.len());
            visitors.push_run(self.sorted.visitors()[visitor], run.places.len());
            let number = run.places.start - session.start + 1;
            let times = &all_timestamps[run.places.clone()];
            timestamps.extend_from_slice(times);
            idle_minutes.extend(times.iter().map(|time| {
                let previous = previous.replace(*time);
                previous.map_or(NOTHING, |previous| whole_minutes(previous, *time))
            }));
            sequence_numbers.extend((number..number + times.len()).map(|number| number as i64));
        }
        // A column at a time: the tracks of a run lie together, those of the next one elsewhere, and look-ups of one kind
        // next to each other wait for memory together.
        let mut anonymous_ids = LocalDictionary::new(rows);
        let mut user_ids = LocalDictionary::new(rows);
        let mut received = Vec::with_capacity(rows);
        let mut events = FollowingEvents::new(self.rules().flow_length, rows);
        let places = || runs.iter().flat_map(|run| run.places.clone());
        for row in places().map(|place| self.sorted.row(place)) {
            anonymous_ids.push(self.tracks.chunks[row.chunk()].anonymous_ids[row.place()]);
        }
        for row in places().map(|place| self.sorted.row(place)) {
            user_ids.push(self.tracks.chunks[row.chunk()].user_ids[row.place()]);
        }
        for row in places().map(|place| self.sorted.row(place)) {
            received.push(self.tracks.chunks[row.chunk()].received[row.place()]);
        }
        for run in runs {
            events.push(self, run.places.clone(), self.session_places(run.session).end);
        }
        let (event_ids, hashes) = self.event_ids(places(), rows);
        let received =
            or_null::<TimestampMicrosecondType>(received, NO_TIME).with_data_type(timestamp_type());
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("event_id".into(), event_ids),
            ("anonymous_id".into(), anonymous_ids.finish(&self.tracks.ids)),
            ("dbt_visitor_id".into(), visitors.finish(&self.tracks.ids)),
            ("timestamp".into(), times(timestamps)),
            ("idle_time_minutes".into(), Arc::new(or_null::<Int64Type>(idle_minutes, NOTHING))),
            ("session_id".into(), session_ids.finish()),
            ("track_sequence_number".into(), Arc::new(Int64Array::from(sequence_numbers))),
            ("user_id".into(), user_ids.finish(&self.tracks.ids)),
            ("received_at".into(), Arc::new(received)),
            ("event_id_hash".into(), hashes),
        ];
        let names = std::iter::once("event".to_owned()).chain(following_events(self.rules()));
        columns.extend(names.zip(events.finish(&self.tracks.names)));
        batch(columns)
    }

    /// The event ids of the tracks in these places, and their hashes as state stores them.
    fn event_ids(&self, mut places: impl Iterator<Item = usize>, rows: usize) -> (ArrayRef, ArrayRef) {
        /// Ids that are fetched before they are spelled out.
        const AT_ONCE: usize = 256;
        let (mut texts, mut hashes) = (TextColumn::with_capacity(rows), Vec::with_capacity(rows));
        let mut ids = Vec::with_capacity(AT_ONCE);
        loop {
            ids.clear();
            ids.extend(
                places.by_ref().take(AT_ONCE).map(|place| self.tracks.event_id(self.sorted.row(place))),
            );
            if ids.is_empty() {
                return (texts.finish(), Arc::new(Int64Array::from(hashes)));
            }
            for id in &ids {
                let start = texts.text.len();
                id.append_to(&mut texts.text);
                hashes.push(stored_hash(&texts.text[start..]));
                texts.end_value();
            }
        }
    }

    /// Every column that a table of session facts has, for these sessions, which are at hand, in order.
    pub fn session_columns(&self, sessions: &(impl Iterator<Item = usize> + Clone)) -> RecordBatch {
        let rows = sessions.clone().count();
        let mut session_ids = SessionIds::with_capacity(rows, rows);
        let mut visitors = LocalDictionary::new(rows);
        let all: Vec<AnySession> = sessions.clone().map(|session| self.session_at_hand(session)).collect();
        for session in &all {
            session_ids.push(self, *session, 1);
            visitors.push(session.visitor);
        }
        let num_pvs = |session: usize| match &self.sessions.distinct_ids {
            Some(distinct) => i64::from(distinct[session]),
            None => self.session_places(session).len() as i64,
        };
        let duration = |session: &AnySession| whole_minutes(session.start, session.end);
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("session_id".into(), session_ids.finish()),
            ("dbt_visitor_id".into(), visitors.finish(&self.tracks.ids)),
            ("ended_at".into(), times(all.iter().map(|session| session.end).collect())),
            ("num_pvs".into(), integers(sessions.clone().map(num_pvs))),
            ("session_duration".into(), integers(all.iter().map(duration))),
        ];
        for (count, values) in self.rules().counts.iter().zip(&self.sessions.counts) {
            let values = sessions.clone().map(|session| i64::from(values[session]));
            columns.push((count.column.clone(), integers(values)));
        }
        batch(columns)
    }

    /// Rows of `dbt_session_tracks` and of the state beside it, of the sessions in `range` among all.
    pub fn timeline_columns(&self, range: Range<usize>) -> RecordBatch {
        let mut session_ids = SessionIds::with_capacity(range.len(), range.len());
        let mut visitors = LocalDictionary::new(range.len());
        let end = self.all_session_count().min(range.end + 1);
        let all: Vec<AnySession> = self.any_sessions(range.start..end).collect();
        let (rows, after) = (&all[..range.len()], &all[1.min(all.len())..]);
        for session in rows {
            session_ids.push(self, *session, 1);
            visitors.push(session.visitor);
        }
        let next_start = |(place, session): (usize, &AnySession)| {
            let next = after.get(place).filter(|next| next.visitor == session.visitor);
            next.map(|next| next.start)
        };
        batch(vec![
            ("session_id".into(), session_ids.finish()),
            ("dbt_visitor_id".into(), visitors.finish(&self.tracks.ids)),
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
        let all: Vec<AnySession> = self.any_sessions(places.clone()).collect();
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
        duplicate_columns(&self.tracks, &self.dropped.rows()[range])
    }
}

/// Rows of `tracklet_duplicates`.
pub(crate) fn duplicate_columns(tracks: &Tracks, rows: &[Row]) -> RecordBatch {
    let rows = rows.iter().copied();
    let event_ids = rows.clone().map(|row| tracks.event_id(row).to_string());
    let received_at = rows.clone().map(|row| tracks.received_at(row)).collect();
    batch(vec![
        ("event_id".into(), Arc::new(StringArray::from_iter_values(event_ids))),
        ("anonymous_id".into(), texts(rows.clone().map(|row| tracks.anonymous_id(row)))),
        ("user_id".into(), texts(rows.clone().map(|row| tracks.user_id(row)))),
        ("event".into(), texts(rows.clone().map(|row| tracks.event_name(row)))),
        ("timestamp".into(), times(rows.map(|row| tracks.timestamp(row)).collect())),
        ("received_at".into(), optional_times(received_at)),
    ])
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

fn optional_times(micros: Vec<Option<i64>>) -> ArrayRef {
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

fn integers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// Text under construction.
struct TextColumn {
    text: Vec<u8>,
    ends: Vec<i32>,
}

impl TextColumn {
    fn with_capacity(rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        // As long as a UUID is; others make it grow.
        Self { text: Vec::with_capacity(rows * 36), ends }
    }

    fn end_value(&mut self) {
        self.ends.push(i32::try_from(self.text.len()).expect("a batch holds less than 2 GiB of ids"));
    }

    fn finish(self) -> ArrayRef {
        let ends = OffsetBuffer::new(self.ends.into());
        Arc::new(StringArray::try_new(ends, self.text.into(), None).expect("made of strings"))
    }
}

/// A dictionary column of interned strings under construction.
struct LocalDictionary {
    keys: Vec<u32>,
    /// The dictionary's values, as interned numbers.
    values: Vec<u32>,
    known: HashMap<u32, u32, foldhash::fast::FixedState>,
    last: (u32, u32),
}

impl LocalDictionary {
    fn new(rows: usize) -> Self {
        let known = HashMap::default();
        Self { keys: Vec::with_capacity(rows), values: Vec::new(), known, last: (NONE, NONE) }
    }

    /// The key of an interned number, or [`NONE`] of [`NONE`].
    fn key(&mut self, number: u32) -> u32 {
        if number == NONE {
            return NONE;
        }
        if self.last.0 != number {
            let values = &mut self.values;
            let key = *self.known.entry(number).or_insert_with(|| {
                values.push(number);
                values.len() as u32 - 1
            });
            self.last = (number, key);
        }
        self.last.1
    }

    fn push(&mut self, number: u32) {
        let key = self.key(number);
        self.keys.push(key);
    }

    /// Adds the same value so many times.
    fn push_run(&mut self, number: u32, rows: usize) {
        let key = self.key(number);
        self.keys.extend(std::iter::repeat_n(key, rows));
    }

    fn finish(self, strings: &Interner) -> ArrayRef {
        let values: ArrayRef =
            Arc::new(self.values.iter().map(|number| Some(strings.get(*number))).collect::<StringArray>());
        dictionary(self.keys, values)
    }
}

/// Keys of [`NONE`] are null.
fn dictionary(keys: Vec<u32>, values: ArrayRef) -> ArrayRef {
    let valid = keys
        .contains(&NONE)
        .then(|| NullBuffer::new(BooleanBuffer::collect_bool(keys.len(), |row| keys[row] != NONE)));
    let keys = UInt32Array::new(keys.into(), valid);
    Arc::new(DictionaryArray::try_new(keys, values).expect("keys of these values"))
}

/// `event` and the events that follow it, as keys of one dictionary.
struct FollowingEvents {
    dictionary: LocalDictionary,
    keys: Vec<Vec<u32>>,
    /// Keys of the tracks of one run and of those after it that the run's rows show.
    run: Vec<u32>,
}

impl FollowingEvents {
    fn new(length: usize, rows: usize) -> Self {
        let keys = (0..length).map(|_| Vec::with_capacity(rows)).collect();
        Self { dictionary: LocalDictionary::new(0), keys, run: Vec::new() }
    }

    fn push(&mut self, sessionized: &Sessionized, places: Range<usize>, session_end: usize) {
        let (rows, length) = (places.len(), self.keys.len());
        self.run.clear();
        for place in places.start..session_end.min(places.end + length - 1) {
            let event = sessionized.tracks.event(sessionized.sorted.row(place));
            self.run.push(self.dictionary.key(event));
        }
        for (offset, keys) in self.keys.iter_mut().enumerate() {
            let shown = &self.run[offset.min(self.run.len())..];
            let shown = &shown[..rows.min(shown.len())];
            keys.extend_from_slice(shown);
            keys.extend(std::iter::repeat_n(NONE, rows - shown.len()));
        }
    }

    fn finish(self, names: &Interner) -> Vec<ArrayRef> {
        let values: ArrayRef = Arc::new(
            self.dictionary.values.iter().map(|number| Some(names.get(*number))).collect::<StringArray>(),
        );
        self.keys.into_iter().map(|keys| dictionary(keys, values.clone())).collect()
    }
}

/// `session_id` as a dictionary: a session's rows follow each other.
struct SessionIds {
    keys: Vec<u32>,
    values: TextColumn,
    count: u32,
}

impl SessionIds {
    fn with_capacity(sessions: usize, rows: usize) -> Self {
        Self { keys: Vec::with_capacity(rows), values: TextColumn::with_capacity(sessions), count: 0 }
    }

    fn push(&mut self, sessionized: &Sessionized, session: AnySession, rows: usize) {
        let text = &mut self.values.text;
        put_number(text, session.number);
        text.extend_from_slice(b" - ");
        text.extend_from_slice(sessionized.tracks.ids.get(session.visitor).as_bytes());
        self.values.end_value();
        self.keys.extend(std::iter::repeat_n(self.count, rows));
        self.count += 1;
    }

    fn finish(self) -> ArrayRef {
        dictionary(self.keys, self.values.finish())
    }
}

/// Appends a number's digits. The formatter would take longer than all else that is done for a session.
fn put_number(text: &mut Vec<u8>, mut number: u32) {
    const LONGEST: usize = 10;
    let mut digits = [b'0'; LONGEST];
    let mut first = LONGEST - 1;
    while number > 9 {
        digits[first] += (number % 10) as u8;
        number /= 10;
        first -= 1;
    }
    digits[first] += number as u8;
    text.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ever() {
        for number in [0, 1, 9, 10, 99, 100, 1_234_567_890, u32::MAX] {
            let mut text = b"n".to_vec();
            put_number(&mut text, number);
            assert_eq!(String::from_utf8(text).unwrap(), format!("n{number}"));
        }
    }
}
