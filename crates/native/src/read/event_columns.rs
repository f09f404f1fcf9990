//! The columns that events bring along: where they stand in a file, and how many files have them.

use super::Source;
use super::columns::nearest;
use std::collections::{BTreeMap, BTreeSet};
use tracklet_config::EventColumn;
use tracklet_kernel::carried::MAX_TEXT_BYTES;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::registry::{self, CarriedSpec, CarriedType};

impl Source {
    /// Whether rows are handed to the gate with their type and the columns of events.
    pub(super) fn has_events(&self) -> bool {
        !self.gate.carried.is_empty()
    }

    /// The names of what rows are handed to the gate with besides the canonical columns: their type, and the columns of events.
    pub(super) fn names_of_events(&self) -> impl Iterator<Item = &str> {
        let event_type = self.has_events().then_some(registry::EVENT_TYPE);
        event_type.into_iter().chain(self.event_columns.iter().map(|column| column.spec.name.as_str()))
    }
}

/// For each column of events the places in which a file of events of one type may have its value, the first that counts first.
/// `find` looks for a name of the source.
pub(super) fn places<P>(
    columns: &[EventColumn],
    event_type: EventType,
    mut find: impl FnMut(&str) -> Option<P>,
) -> Vec<Vec<P>> {
    columns.iter().map(|column| column.sources_of(event_type).filter_map(&mut find).collect()).collect()
}

/// Whether a text is a value of a column.
#[inline]
pub(super) fn is_value(text: &str, spec: &CarriedSpec) -> bool {
    !text.is_empty()
        && text.len() <= MAX_TEXT_BYTES
        && !text.contains('\0')
        && !spec.no_value.iter().any(|none| none == text)
}

/// Whether the values of a column are numbers.
pub(super) fn is_number(column: &EventColumn) -> bool {
    column.spec.carried_type == CarriedType::Number
}

/// In how many files each column of events was found.
#[derive(Debug, Default)]
pub(super) struct FilesWith(BTreeMap<String, u64>);

impl FilesWith {
    /// Takes note of a file with the columns that `has` says it has, by their places among `columns`.
    pub(super) fn note(&mut self, columns: &[EventColumn], has: impl Fn(usize) -> bool) {
        for (place, column) in columns.iter().enumerate() {
            *self.0.entry(column.spec.name.clone()).or_default() += u64::from(has(place));
        }
    }

    /// How many files had a column.
    pub(super) fn of(&self, column: &EventColumn) -> u64 {
        self.0.get(&column.spec.name).copied().unwrap_or_default()
    }
}

/// A column of events that no file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentColumn {
    /// The column's name.
    pub name: String,
    /// The names in the source that it could have had.
    pub sources: Vec<String>,
    /// A column of the source with a similar name, if there is one.
    pub near: Option<String>,
    /// Whether the column is of a preset.
    pub is_of_preset: bool,
    /// The column that would be derived from it, where it is none itself.
    pub read_for: Option<String>,
}

/// How alike two names must be for one to be meant by the other, from 0 to 1: those of one object begin alike.
const LIKENESS: f64 = 0.8;

impl AbsentColumn {
    /// The column, where what the source has is `found`.
    pub(super) fn new(column: &EventColumn, found: &BTreeSet<String>) -> Self {
        let sources: Vec<String> = column.sources.iter().map(|source| source.name.clone()).collect();
        let near = sources.iter().find_map(|source| {
            let likeness = |name: &&String| strsim::normalized_damerau_levenshtein(source, name);
            nearest(source, found.iter().filter(|name| likeness(name) >= LIKENESS))
        });
        Self {
            name: column.spec.name.clone(),
            sources,
            near,
            is_of_preset: column.is_of_preset,
            read_for: column.read_for.clone(),
        }
    }
}
