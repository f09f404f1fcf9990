//! Which column of a table is which canonical column.

use super::event_columns::{AbsentColumn, FilesWith};
use super::inputs::InputFile;
use super::partitions::{self, PathPartition};
use super::{ReadError, Source};
use std::collections::BTreeSet;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::registry::{self, ColumnSpec};
use tracklet_kernel::time;

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
    /// All columns, in the order of the [`registry`].
    pub const ALL: [Self; registry::COLUMNS.len()] =
        [Self::EventId, Self::AnonymousId, Self::UserId, Self::Event, Self::Timestamp, Self::ReceivedAt];

    fn spec(self) -> &'static ColumnSpec {
        &registry::COLUMNS[self as usize]
    }

    /// The canonical name, as in the configuration and in the results.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The column called `name` in the configuration.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// The field of a raw JSON line.
    pub fn json_field(self) -> &'static str {
        self.spec().json_field
    }

    /// What the column is called in tables; the first name that a table has counts.
    pub fn table_names(self) -> &'static [&'static str] {
        self.spec().table_names
    }
}

pub(super) use tracklet_kernel::registry::ORIGINAL_EVENT;

/// Where `wanted` is among `names`: the same name, or else the first that differs in case alone, or else in spaces around it.
pub(super) fn find(names: &[String], wanted: &str) -> Option<usize> {
    let exact = names.iter().position(|name| name == wanted);
    let wanted = wanted.to_lowercase();
    exact.or_else(|| names.iter().position(|name| name.to_lowercase() == wanted)).or_else(|| {
        let spaced =
            |name: &String| name.trim().len() < name.len() && name.trim().to_lowercase() == wanted.trim();
        names.iter().position(spaced)
    })
}

/// Where a value of a table's row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValuePlace {
    /// In this column.
    Column(usize),
    /// In the path of the file, the same for every row.
    Constant(Option<String>),
}

impl ValuePlace {
    /// The value of a row whose fields `field` gives.
    #[inline]
    pub(super) fn value<'a>(&'a self, field: impl FnOnce(usize) -> Option<&'a str>) -> Option<&'a str> {
        match self {
            Self::Column(place) => field(*place),
            Self::Constant(value) => value.as_deref(),
        }
    }
}

/// What the path of a file says about its rows: names and values of `name=value`.
pub(super) type Partitions = [PathPartition];

/// The canonical columns of one table: for each its place, and its name for the gate.
pub(super) struct Mapping {
    pub(super) places: Vec<(&'static str, ValuePlace)>,
}

impl Mapping {
    /// Finds the columns among the `names` of a table of events of one type; absent ones are left out.
    pub(super) fn new(
        names: &[String],
        partitions: &Partitions,
        source: &Source,
        event_type: EventType,
    ) -> Self {
        let mut places = Vec::new();
        for column in source.canonical() {
            if let (Column::Event, Some(name)) = (column, event_type.event_name()) {
                places.push((column.name(), ValuePlace::Constant(Some(name.to_owned()))));
                continue;
            }
            let place = place(column, names, source).map(ValuePlace::Column);
            let Some(place) = place.or_else(|| in_path(column, partitions, source)) else { continue };
            let is_original = |place: &ValuePlace| matches!(place, ValuePlace::Column(place) if names[*place].eq_ignore_ascii_case(ORIGINAL_EVENT));
            let original = column == Column::Event && is_original(&place);
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

/// Where the column `wanted` is: in the table, or else in its path.
pub(super) fn find_place(names: &[String], partitions: &Partitions, wanted: &str) -> Option<ValuePlace> {
    let in_table = find(names, wanted).map(ValuePlace::Column);
    in_table.or_else(|| in_partitions(partitions, wanted))
}

fn in_partitions(partitions: &Partitions, wanted: &str) -> Option<ValuePlace> {
    partitions::find(partitions, wanted).map(|partition| ValuePlace::Constant(partition.value.clone()))
}

/// The value of a canonical column in the path. Only the event is looked for without being asked: what is called `id` or
/// `timestamp` in a path is that of the folder.
fn in_path(column: Column, partitions: &Partitions, source: &Source) -> Option<ValuePlace> {
    match source.columns.get(&column) {
        Some(mapped) => in_partitions(partitions, mapped),
        None if column == Column::Event => in_partitions(partitions, column.name()),
        None => None,
    }
}

/// The column that a table lacks, without which none of its rows could be a track; or one that it has by another name, which
/// would silently be null.
pub(super) fn lacking(
    names: &[String],
    partitions: &Partitions,
    source: &Source,
    event_type: EventType,
) -> Option<Lacking> {
    let is_absent = |column: Column| {
        let is_named = column == Column::Event && event_type.event_name().is_some();
        !is_named && place(column, names, source).is_none() && in_path(column, partitions, source).is_none()
    };
    let is_usual = |column: &Column| !source.columns.contains_key(column);
    let renamed =
        source.canonical().filter(is_usual).filter(|column| is_absent(*column)).filter_map(|column| {
            let near = names.iter().find(|name| looks_like(name, column))?;
            Some(Absent { column, mapped: None, near: Some(near.clone()) })
        });
    let mut absent: Vec<Absent> = renamed.collect();
    for column in [Column::EventId, Column::Timestamp].into_iter().filter(|column| source.reads(*column)) {
        if !is_absent(column) || absent.iter().any(|other| other.column == column) {
            continue;
        }
        let mapped = source.columns.get(&column).cloned();
        let near = mapped
            .as_ref()
            .map_or_else(|| near_match(column, names), |name| meant(column, name, names.iter()));
        absent.push(Absent { column, mapped, near });
    }
    let mut absent = absent.into_iter();
    let first = absent.next()?;
    Some(Lacking { first, others: absent.collect() })
}

/// Whether the fields of a first line are values and no names.
pub(super) fn is_row(names: &[String]) -> bool {
    // A header may lack names: pandas and R give none to the numbers of rows.
    let is_header = || {
        let is_known = |column: &Column| names.iter().any(|name| looks_like(name, *column));
        Column::ALL.iter().filter(|column| is_known(column)).count() >= 2
    };
    names.iter().any(|name| time::parse(name).is_some()) || names.iter().any(String::is_empty) && !is_header()
}

/// The columns that a table lacks.
pub(super) struct Lacking {
    first: Absent,
    others: Vec<Absent>,
}

/// A column that a table lacks.
struct Absent {
    column: Column,
    /// The name that it is mapped to.
    mapped: Option<String>,
    /// The one that may be meant.
    near: Option<String>,
}

impl Lacking {
    /// The error for a file that is no CSV.
    pub(super) fn of(self, file: &InputFile, names: &[String]) -> ReadError {
        self.error(file, names, false)
    }

    /// The error for a CSV file; one without a header has its first row in the place of names.
    pub(super) fn in_csv(self, file: &InputFile, names: &[String], may_be_row: bool) -> ReadError {
        self.error(file, names, may_be_row && is_row(names))
    }

    fn error(self, file: &InputFile, names: &[String], is_row: bool) -> ReadError {
        let Self { first: Absent { column, mapped, near }, others } = self;
        // Of a file without a header all columns are to be named.
        let others = others
            .into_iter()
            .filter(|_| !is_row)
            .map(|Absent { column, near, .. }| (column, near))
            .collect();
        let (file, found) = (Some(file.name.clone()), names.to_vec());
        match mapped {
            Some(name) if !is_row => ReadError::MappedColumn { file, column, name, found, near },
            _ => ReadError::MissingColumn { file, column, others, found, near, is_row },
        }
    }
}

/// The columns of all files read so far.
#[derive(Debug, Default)]
pub(super) struct ColumnsSeen {
    /// Of tables; empty when there was none.
    pub(super) tables: BTreeSet<String>,
    /// Inside structs of tables, by dotted names: a filter can name them.
    pub(super) nested: BTreeSet<String>,
    /// Which columns of tables are structs, which are no values themselves.
    pub(super) structs: BTreeSet<String>,
    /// Configured names that some JSON object had.
    pub(super) json: BTreeSet<String>,
    /// In the paths of files.
    pub(super) in_paths: BTreeSet<String>,
    /// Of the columns of events, how many files have them.
    pub(super) files_with: FilesWith,
}

impl ColumnsSeen {
    fn has(&self, name: &str) -> bool {
        let is_in = |names| find_in(names, name).is_some();
        self.json.contains(name) || is_in(&self.tables) || is_in(&self.in_paths)
    }

    /// Whether some table has the id of a device or a user: without both no row could be a track.
    pub(super) fn check_ids(&self, source: &Source) -> Result<(), ReadError> {
        let names: Vec<String> = self.tables.iter().cloned().collect();
        let is_absent =
            |column: Column| !source.columns.contains_key(&column) && place(column, &names, source).is_none();
        if names.is_empty() || !is_absent(Column::AnonymousId) || !is_absent(Column::UserId) {
            return Ok(());
        }
        let column = Column::AnonymousId;
        let near = near_match(column, &names);
        Err(ReadError::MissingColumn {
            file: None,
            column,
            others: Vec::new(),
            found: names,
            near,
            is_row: false,
        })
    }

    /// The columns of events that no file has.
    pub(super) fn absent(
        &self,
        source: &Source,
        json_names: impl FnOnce() -> BTreeSet<String>,
    ) -> Vec<AbsentColumn> {
        let absent: Vec<_> =
            source.event_columns.iter().filter(|column| self.files_with.of(column) == 0).collect();
        // Of a preset nobody has said that the source has it: nothing is meant.
        let mut found =
            if absent.iter().all(|column| column.is_of_preset) { BTreeSet::new() } else { json_names() };
        found.extend(self.tables.iter().chain(&self.nested).chain(&self.in_paths).cloned());
        absent.into_iter().map(|column| AbsentColumn::new(column, &found)).collect()
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
        found.extend(self.nested.difference(&self.structs).cloned());
        let near = match column {
            Some(column) => meant(column, name, found.iter()),
            None => nearest(name, found.iter()),
        };
        let found: Vec<String> = found.into_iter().collect();
        Err(match column {
            Some(column) => ReadError::MappedColumn { file: None, column, name: name.clone(), found, near },
            None => ReadError::FilterColumn { name: name.clone(), found, near },
        })
    }
}

fn find_in<'a>(names: &'a BTreeSet<String>, wanted: &str) -> Option<&'a String> {
    let lower = wanted.trim().to_lowercase();
    names.get(wanted).or_else(|| names.iter().find(|name| name.trim().to_lowercase() == lower))
}

/// A name without case and separators.
fn squashed(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(crate) fn looks_like(name: &str, column: Column) -> bool {
    let name = squashed(name);
    let known = column.table_names().iter().copied().chain([column.name(), column.json_field()]);
    known.into_iter().any(|known| squashed(known) == name)
}

/// The column that may be meant for one that is absent; never one that is another canonical column already, nor for an id of
/// the event one that is none: events would be dropped as duplicates.
pub(crate) fn near_match(column: Column, names: &[String]) -> Option<String> {
    let usual = Source::default();
    let is_taken = |name: &String| {
        let mut others = Column::ALL.into_iter().filter(|other| *other != column);
        others.any(|other| {
            place(other, names, &usual).is_some_and(|place| names[place] == *name)
                || name.eq_ignore_ascii_case(other.json_field())
        })
    };
    let free: Vec<String> = names.iter().filter(|name| !is_taken(name)).cloned().collect();
    let free: Vec<String> = match column {
        Column::EventId => free.into_iter().filter(|name| may_be_event_id(name)).collect(),
        _ => free,
    };
    let known = column.table_names().iter().copied().chain([column.name(), column.json_field()]);
    // The gateway sets `timestamp` later; until then the device's clock is all there is.
    let known = known.chain((column == Column::Timestamp).then_some("originalTimestamp"));
    known.filter_map(|known| nearest(known, free.iter())).max_by(|a, b| {
        let likeness = |name: &str| strsim::jaro_winkler(&squashed(name), &squashed(column.name()));
        likeness(a).total_cmp(&likeness(b))
    })
}

/// The column that may be meant by `name`, to which `column` is mapped. For the id of the event it is an id of events or differs by
/// a typing error: with another column, events would be dropped as duplicates.
fn meant<'a>(column: Column, name: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let wanted = squashed(name);
    let may_be_meant = |other: &&String| {
        column != Column::EventId
            || may_be_event_id(other)
            || strsim::damerau_levenshtein(&squashed(other), &wanted) <= 2
    };
    nearest(name, names.filter(may_be_meant))
}

/// Whether a column's name is that of an id which is another for every event.
pub fn may_be_event_id(name: &str) -> bool {
    const OF_OTHERS: [&str; 10] = [
        "user",
        "anonymous",
        "device",
        "session",
        "visitor",
        "client",
        "customer",
        "product",
        "account",
        "order",
    ];
    let name = squashed(name);
    (name.ends_with("id") || name.contains("uuid") || name.contains("guid"))
        && !OF_OTHERS.iter().any(|other| name.contains(other))
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
