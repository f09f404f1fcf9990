//! What the first rows of files hold: the types of calls and the names of events.

use super::Source;
use super::column_sample::ColumnSamples;
use super::columns::{Column, Mapping, ORIGINAL_EVENT, ValuePlace};
use super::formats::json::calls::{Call, Fields};
use super::formats::json::path::meaning;
use super::formats::json::text::{ValueKind, object};
use super::inspect::ROWS;
use super::other_calls::OtherCalls;
use super::partitions::{self, PathPartition};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use tracklet_kernel::event_type::{EventType, EventTypes};

/// Characters of a name that are kept, so that hostile names take little memory and fit a line.
const LONGEST: usize = 100;

/// The calls and events of the first rows of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    tracks: u64,
    other_calls: OtherCalls,
    events: BTreeMap<String, u64>,
    /// Rows of tables, by the type that the folder says.
    tables: [u64; EventType::ALL.len()],
    rows: u64,
    columns: ColumnSamples,
}

impl Sample {
    /// Calls by type, `track` first and then the most frequent. Rows of tables count where some are of other types than tracks.
    pub fn calls(&self) -> Vec<(String, u64)> {
        let (of_tracks, others) = (self.tables[EventType::Track as usize], &self.tables[1..]);
        let has_others = others.iter().any(|rows| *rows > 0);
        let tracks = self.tracks + if has_others { of_tracks } else { 0 };
        let tracks = (tracks > 0).then(|| (EventType::Track.name().to_owned(), tracks));
        let mut calls = self.other_calls.by_type();
        for (event_type, rows) in EventType::ALL[1..].iter().zip(others).filter(|(_, rows)| **rows > 0) {
            *calls.entry(event_type.name().to_owned()).or_insert(0) += rows;
        }
        tracks.into_iter().chain(most_first(calls)).collect()
    }

    /// How many rows and calls there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What they have in each column.
    pub fn columns(&self) -> &ColumnSamples {
        &self.columns
    }

    /// The names of events as the tables have them, the most frequent first. Names of over 100 characters are cut.
    pub fn events(&self) -> Vec<(String, u64)> {
        most_first(self.events.clone())
    }

    /// Adds the rows of another sample.
    pub(super) fn merge(&mut self, other: Self) {
        self.tracks += other.tracks;
        self.other_calls.merge(&other.other_calls);
        for (name, rows) in other.events {
            *self.events.entry(name).or_insert(0) += rows;
        }
        for (rows, more) in self.tables.iter_mut().zip(other.tables) {
            *rows += more;
        }
        self.rows += other.rows;
        self.columns.merge(other.columns);
    }

    /// Takes in a row or call; its values are taken in by [`Sample::note_value`].
    pub(super) fn count(&mut self) {
        self.rows += 1;
    }

    /// Takes in a value of a column.
    pub(super) fn note_value(&mut self, column: &str, value: &str) {
        self.columns.note(column, value);
    }

    /// Takes in a JSON object; returns whether it is a call or the row of a table.
    pub(super) fn note_object(&mut self, text: &str, partitions: &[PathPartition]) -> bool {
        let mut fields = Fields::default();
        let is_whole = object(text, |key, value| fields.note(&meaning(key), value)) == Ok(true);
        let in_path = |name: &str| partitions::find(partitions, name)?.value.as_deref();
        match fields.call(false, in_path("type"), EventType::Track, EventTypes::default()) {
            Call::Unknown => return false,
            Call::Other(call) if is_whole => self.other_calls.add(call),
            Call::Event(_, form) if is_whole => {
                self.tracks += 1;
                let is_warehouse_name = fields.is_warehouse_name(form) == Some(true);
                let value = fields.column(Column::Event, form);
                match value.map(|value| (value.kind, meaning(value))) {
                    Some((ValueKind::Plain | ValueKind::Escaped | ValueKind::Number, name)) => {
                        self.note_event(&name, is_warehouse_name, 1);
                    }
                    Some(_) => {}
                    None => self.note_event(in_path("event").unwrap_or_default(), is_warehouse_name, 1),
                }
            }
            Call::Other(_) | Call::Event(..) => {}
        }
        true
    }

    /// Takes in the event of so many rows, as it stands in the source.
    fn note_event(&mut self, name: &str, is_warehouse_name: bool, rows: u64) {
        let names = Source::default().gate.event_names;
        let name = if is_warehouse_name { Some(name.to_owned()) } else { names.normalise(name) };
        let Some(mut name) = name.filter(|name| !name.is_empty() && rows > 0) else { return };
        if let Some((cut, _)) = name.char_indices().nth(LONGEST) {
            name.truncate(cut);
            name.push_str("...");
        }
        *self.events.entry(name).or_insert(0) += rows;
    }
}

fn most_first(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, rows)| Reverse(*rows));
    counts
}

/// Where the rows of a table have their time and their event.
pub(super) struct Sampled {
    names: Vec<String>,
    event_type: EventType,
    time: Option<usize>,
    event: Option<ValuePlace>,
    is_warehouse_name: bool,
}

impl Sampled {
    /// Finds the columns among the `names` of a table of events of one type, and in its path.
    pub(super) fn new(names: &[String], partitions: &[PathPartition], event_type: EventType) -> Self {
        let (time, event) = (None, None);
        let mut found = Self { names: names.to_vec(), event_type, time, event, is_warehouse_name: true };
        let is_of_device = |name: &String| name.replace('_', "").eq_ignore_ascii_case("originalTimestamp");
        found.time = names.iter().position(is_of_device);
        for (name, place) in Mapping::new(names, partitions, &Source::default(), event_type).places {
            if name == Column::Timestamp.name() {
                found.time = match place {
                    ValuePlace::Column(place) => Some(place),
                    ValuePlace::Constant(_) => None,
                };
            } else if event_type.event_name().is_none()
                && [Column::Event.name(), ORIGINAL_EVENT].contains(&name)
            {
                found.is_warehouse_name = name != ORIGINAL_EVENT;
                found.event = Some(place);
            }
        }
        found
    }

    /// Takes in a row of a CSV file; returns its time.
    pub(super) fn note_row(&self, mut row: Vec<String>, sample: &mut Sample) -> Option<String> {
        let null = Source::default().csv.null;
        sample.count();
        sample.tables[self.event_type as usize] += 1;
        for (name, value) in self.names.iter().zip(&row).filter(|(_, value)| !null.contains(value)) {
            sample.note_value(name, value);
        }
        let event = match &self.event {
            Some(ValuePlace::Column(place)) => row.get(*place).map(String::as_str),
            Some(ValuePlace::Constant(name)) => name.as_deref(),
            None => None,
        };
        if let Some(name) = event.filter(|name| !null.iter().any(|null| null == name)) {
            sample.note_event(name, self.is_warehouse_name, 1);
        }
        let time = self.time.filter(|place| *place < row.len()).map(|place| row.swap_remove(place));
        time.filter(|time| !null.contains(time))
    }

    /// Takes in the first rows of a table that is stored in columns; returns their times. `values` has the first values of a
    /// column by its place, those that are not null, of so many rows.
    pub(super) fn note_columns(
        &self,
        values: impl Fn(usize, usize) -> io::Result<Vec<String>>,
        sample: &mut Sample,
    ) -> io::Result<Vec<String>> {
        let times = self.time.map(|place| values(place, ROWS)).transpose()?.unwrap_or_default();
        let mut rows = 0;
        for (place, name) in self.names.iter().enumerate() {
            let found = values(place, ROWS)?;
            // How many rows there are is known by the column that has the most values.
            rows = rows.max(found.len() as u64);
            for value in &found {
                sample.note_value(name, value);
            }
        }
        sample.rows += rows;
        sample.tables[self.event_type as usize] += rows;
        match &self.event {
            Some(ValuePlace::Column(place)) => {
                for name in values(*place, ROWS)? {
                    sample.note_event(&name, self.is_warehouse_name, 1);
                }
            }
            Some(ValuePlace::Constant(Some(name))) => {
                sample.note_event(name, self.is_warehouse_name, times.len() as u64);
            }
            Some(ValuePlace::Constant(None)) | None => {}
        }
        Ok(times)
    }
}
