//! What the first rows of files hold: the types of calls and the names of events.

use super::Source;
use super::columns::{Column, Mapping, ORIGINAL_EVENT, Place};
use super::formats::json::calls::{Call, Fields};
use super::formats::json::path::meaning;
use super::formats::json::text::{Kind, object};
use super::inspect::ROWS;
use super::other_calls::OtherCalls;
use super::partitions::{self, Partition};
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
}

impl Sample {
    /// JSON calls by type, `track` first and then the most frequent. Tables hold tracks alone and count none.
    pub fn calls(&self) -> Vec<(String, u64)> {
        let tracks = (self.tracks > 0).then(|| ("track".to_owned(), self.tracks));
        tracks.into_iter().chain(most_first(self.other_calls.by_type())).collect()
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
    }

    /// Takes in a JSON object; returns whether it is a call or the row of a table.
    pub(super) fn note_object(&mut self, text: &str, partitions: &[Partition]) -> bool {
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
                    Some((Kind::Plain | Kind::Escaped | Kind::Number, name)) => {
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
    time: Option<usize>,
    event: Option<Place>,
    is_warehouse_name: bool,
}

impl Sampled {
    /// Finds the columns among the table's `names` and in its path.
    pub(super) fn new(names: &[String], partitions: &[Partition]) -> Self {
        let mut found = Self { time: None, event: None, is_warehouse_name: true };
        for (name, place) in Mapping::new(names, partitions, &Source::default(), EventType::Track).places {
            if name == Column::Timestamp.name() {
                found.time = match place {
                    Place::Column(place) => Some(place),
                    Place::Constant(_) => None,
                };
            } else if [Column::Event.name(), ORIGINAL_EVENT].contains(&name) {
                found.is_warehouse_name = name != ORIGINAL_EVENT;
                found.event = Some(place);
            }
        }
        found
    }

    /// Takes in a row of a CSV file; returns its time.
    pub(super) fn note_row(&self, mut row: Vec<String>, sample: &mut Sample) -> Option<String> {
        let null = Source::default().csv.null;
        let event = match &self.event {
            Some(Place::Column(place)) => row.get(*place).map(String::as_str),
            Some(Place::Constant(name)) => name.as_deref(),
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
        match &self.event {
            Some(Place::Column(place)) => {
                for name in values(*place, ROWS)? {
                    sample.note_event(&name, self.is_warehouse_name, 1);
                }
            }
            Some(Place::Constant(Some(name))) => {
                sample.note_event(name, self.is_warehouse_name, times.len() as u64);
            }
            Some(Place::Constant(None)) | None => {}
        }
        Ok(times)
    }
}
