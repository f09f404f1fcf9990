//! Which column of a table is which canonical column.

use super::partitions::{self, Partition};
use super::{ReadError, Source};
use arrow::array::{ArrayRef, StringArray};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A canonical column of the tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// The message id.
    EventId,
    /// The device id.
    AnonymousId,
    /// The id set at login.
    UserId,
    /// The event's name.
    Event,
    /// The event's time.
    Timestamp,
    /// The time of arrival.
    ReceivedAt,
}

impl Column {
    /// All columns, in the order of the tables.
    pub const ALL: [Self; 6] =
        [Self::EventId, Self::AnonymousId, Self::UserId, Self::Event, Self::Timestamp, Self::ReceivedAt];

    /// The canonical name, as in the configuration and in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::EventId => "event_id",
            Self::AnonymousId => "anonymous_id",
            Self::UserId => "user_id",
            Self::Event => "event",
            Self::Timestamp => "timestamp",
            Self::ReceivedAt => "received_at",
        }
    }

    /// The column called `name` in the configuration.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// The field of a raw JSON line.
    pub fn json_field(self) -> &'static str {
        match self {
            Self::EventId => "messageId",
            Self::AnonymousId => "anonymousId",
            Self::UserId => "userId",
            Self::Event => "event",
            Self::Timestamp => "timestamp",
            Self::ReceivedAt => "receivedAt",
        }
    }

    /// What the column is called in tables; the first name that a table has counts.
    pub fn table_names(self) -> &'static [&'static str] {
        match self {
            Self::EventId => &["id", "event_id"],
            Self::AnonymousId => &["anonymous_id"],
            Self::UserId => &["user_id"],
            Self::Event => &["event", ORIGINAL_EVENT],
            Self::Timestamp => &["timestamp", "_timestamp"],
            Self::ReceivedAt => &["received_at"],
        }
    }
}

/// The column of event names as they were sent, to be normalised.
pub(super) const ORIGINAL_EVENT: &str = "event_text";

/// Where `wanted` is among `names`: the same name, or else the first that differs in case alone.
pub(super) fn find(names: &[String], wanted: &str) -> Option<usize> {
    let exact = names.iter().position(|name| name == wanted);
    exact.or_else(|| names.iter().position(|name| name.to_lowercase() == wanted.to_lowercase()))
}

/// The canonical columns of one table: for each its place, and its name for the gate.
pub(super) struct Mapping {
    pub(super) places: Vec<(&'static str, usize)>,
}

impl Mapping {
    /// Finds the columns among the table's `names`; absent ones are left out.
    pub(super) fn new(names: &[String], source: &Source) -> Self {
        let mut places = Vec::new();
        for column in Column::ALL {
            let Some(place) = place(column, names, source) else { continue };
            let original = column == Column::Event && names[place].eq_ignore_ascii_case(ORIGINAL_EVENT);
            places.push((if original { ORIGINAL_EVENT } else { column.name() }, place));
        }
        Self { places }
    }
}

/// Where a canonical column is among a table's `names`.
pub(super) fn place(column: Column, names: &[String], source: &Source) -> Option<usize> {
    match source.columns.get(&column) {
        Some(mapped) => find(names, mapped),
        None => column.table_names().iter().find_map(|name| find(names, name)),
    }
}

/// The canonical columns that a file of these columns has in its path alone: the name for the gate, and the value.
///
/// Without configuration that is the event's name: a folder called `id=7` is no message id.
pub(super) fn in_path(
    names: &[String],
    source: &Source,
    partitions: &[Partition],
) -> Vec<(&'static str, Option<String>)> {
    let found = |column: Column| {
        let name = match source.columns.get(&column) {
            Some(mapped) => mapped.as_str(),
            None if column == Column::Event => column.name(),
            None => return None,
        };
        let partition =
            partitions::find(partitions, name).filter(|_| place(column, names, source).is_none())?;
        let is_original = column == Column::Event && name.eq_ignore_ascii_case(ORIGINAL_EVENT);
        Some((if is_original { ORIGINAL_EVENT } else { column.name() }, partition.value.clone()))
    };
    Column::ALL.into_iter().filter_map(found).collect()
}

/// A column of one value.
pub(super) fn constant(value: Option<&str>, rows: usize) -> ArrayRef {
    Arc::new(std::iter::repeat_n(value, rows).collect::<StringArray>())
}

/// The columns of all files read so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of tables; empty when there was none.
    pub(super) tables: BTreeSet<String>,
    /// Inside structs of tables, by dotted names: a filter can name them.
    pub(super) nested: BTreeSet<String>,
    /// Configured names that some JSON object had.
    pub(super) json: BTreeSet<String>,
    /// In the paths of files.
    pub(super) in_paths: BTreeSet<String>,
}

impl Seen {
    fn has(&self, name: &str) -> bool {
        let is_in = |names| find_in(names, name).is_some();
        self.json.contains(name) || is_in(&self.tables) || is_in(&self.in_paths)
    }

    /// Whether the tables have the columns without which no row could be a track.
    ///
    /// Columns may differ from table to table: it is enough that one has them.
    pub(super) fn check_tables(&self, source: &Source) -> Result<(), ReadError> {
        if self.tables.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.tables.iter().cloned().collect();
        let is_missing =
            |column: Column| !source.columns.contains_key(&column) && place(column, &names, source).is_none();
        // A column that only looks like the one expected would silently read as null.
        for column in Column::ALL.into_iter().filter(|column| is_missing(*column)) {
            if let Some(near) = names.iter().find(|name| looks_like(name, column)) {
                return Err(self.missing(column, Some(near.clone())));
            }
        }
        for column in [Column::EventId, Column::Timestamp] {
            if is_missing(column) {
                return Err(self.missing(column, near_match(column, &names)));
            }
        }
        if is_missing(Column::AnonymousId) && is_missing(Column::UserId) {
            return Err(self.missing(Column::AnonymousId, near_match(Column::AnonymousId, &names)));
        }
        Ok(())
    }

    /// Whether every configured name was somewhere. `json_names` are those that JSON lines have.
    pub(super) fn check_configured(
        &self,
        source: &Source,
        filter_columns: &[String],
        json_names: impl FnOnce() -> BTreeSet<String>,
    ) -> Result<(), ReadError> {
        let mapped = source.columns.iter().map(|(column, name)| (Some(*column), name));
        let filtered = filter_columns.iter().map(|name| (None, name));
        let is_missing = |column: &Option<Column>, name: &str| {
            let is_nested = column.is_none() && find_in(&self.nested, name).is_some();
            !is_nested && !self.has(name)
        };
        let Some((column, name)) = mapped.chain(filtered).find(|(column, name)| is_missing(column, name))
        else {
            return Ok(());
        };
        let mut found = json_names();
        found.extend(self.tables.iter().chain(&self.in_paths).cloned());
        let near = nearest(name, found.iter());
        let found: Vec<String> = found.into_iter().collect();
        Err(match column {
            Some(column) => ReadError::MappedColumn { column, name: name.clone(), found, near },
            None => ReadError::FilterColumn { name: name.clone(), found, near },
        })
    }

    fn missing(&self, column: Column, near: Option<String>) -> ReadError {
        ReadError::MissingColumn { column, found: self.tables.iter().cloned().collect(), near }
    }
}

fn find_in<'a>(names: &'a BTreeSet<String>, wanted: &str) -> Option<&'a String> {
    names.get(wanted).or_else(|| names.iter().find(|name| name.to_lowercase() == wanted.to_lowercase()))
}

/// A name without case and separators.
fn squashed(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn looks_like(name: &str, column: Column) -> bool {
    let name = squashed(name);
    let known = column.table_names().iter().copied().chain([column.name(), column.json_field()]);
    known.into_iter().any(|known| squashed(known) == name)
}

fn near_match(column: Column, names: &[String]) -> Option<String> {
    let known = column.table_names().iter().copied().chain([column.name(), column.json_field()]);
    known.filter_map(|known| nearest(known, names.iter())).max_by(|a, b| {
        let likeness = |name: &str| strsim::jaro_winkler(&squashed(name), &squashed(column.name()));
        likeness(a).total_cmp(&likeness(b))
    })
}

/// The name most like `wanted`, if any is at all.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let wanted = squashed(wanted);
    let likeness = |name: &&String| strsim::jaro_winkler(&squashed(name), &wanted);
    names
        .map(|name| (likeness(&name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.clone())
}
