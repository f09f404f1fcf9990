//! `tracklet.toml`: what a run reads, what a session is and where the tables go.
//!
//! [`keys::KEYS`] is the one list of what the file can hold; the reference in `docs/configuration.md` is made from
//! it by [`reference`](fn@reference), and `docs/tracklet.schema.json` by [`json_schema`](fn@json_schema).

pub mod advice;
mod derived;
mod document;
mod duration;
mod error;
mod event_columns;
mod fingerprint;
mod function;
mod input;
mod json_schema;
pub mod keys;
mod parse;
mod recorded;
mod reference;
mod run_mode;
mod session_columns;
mod targets;

pub use derived::{word_lists, word_lists_of_models};
pub use duration::DurationError;
pub use error::{ConfigError, Place, Problem, TakenBy};
pub use event_columns::{ColumnSource, DerivedFrom, EventColumn, PRESETS, Preset};
pub use function::{FUNCTIONS, Function};
pub use json_schema::json_schema;
pub use reference::reference;
pub use targets::TargetSection;

pub use input::{CsvOptions, FORMATS, Format, Quote, Refresh};
pub use recorded::{RecordedColumn, RecordedSessionColumn, RecordedType};
pub use run_mode::RunMode;

pub use document::Spot;

use std::collections::BTreeSet;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::from_row::FROM_ROW;
use tracklet_kernel::gate::Gate;
use tracklet_kernel::ignored_ids::{Ignore, IgnoredIds};
use tracklet_kernel::registry::{CarriedSpec, EVENT_ID, ORIGINAL_EVENT};
use tracklet_kernel::rules::Rules;
use tracklet_kernel::tables::Table;
use tracklet_kernel::time::Unit;

/// The name of the file that is looked for when none is named.
pub const FILE_NAME: &str = "tracklet.toml";

/// The configuration of a run. The default holds without a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// The section `[source]`: which files or tables are read, and how.
    pub source: Source,
    /// Columns that events bring along, in the order of the tables.
    pub columns: Vec<EventColumn>,
    /// What is read of events for columns that are derived from it, and is no column itself.
    pub inputs: Vec<EventColumn>,
    /// The section `[identity]`: which ids stand for people.
    pub identity: Identity,
    /// The rules that decide the tables' rows: sessions, counts, duplicates.
    pub rules: Rules,
    /// The section `[output]`: where the tables are written.
    pub output: Output,
    /// The profile of dbt's `profiles.yml` to take targets from that are not in `targets`.
    pub profile: Option<String>,
    /// The warehouses, in the order of the file.
    pub targets: Vec<TargetSection>,
}

/// Which files or tables are read, and how: the section `[source]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Files, folders, globs and URLs, relative ones already joined to the folder of the file. Empty when the
    /// command line must name them.
    pub paths: Vec<String>,
    /// The types of calls whose rows are events.
    pub types: EventTypes,
    /// The tables of a warehouse that hold the track calls, as the user names them. Empty for `tracks` of the target's
    /// own schema.
    pub tables: Vec<String>,
    /// The tables of a warehouse that hold the calls of other types, where they are named: those of a type that is not here stand
    /// beside the tables of tracks.
    pub tables_of: Vec<(EventType, Vec<String>)>,
    /// The format of all files; `None` takes it from the name of each file.
    pub format: Option<Format>,
    /// An SQL expression that the rows read must meet. Its text is not looked at here.
    pub filter: Option<String>,
    /// The column of a warehouse's source tables that says when a row was loaded; `None` is the first usual one.
    pub loaded_at: Option<String>,
    /// The time column by which a warehouse's source tables are partitioned, where no row has an earlier one than the day before it was
    /// loaded.
    pub partition_time: Option<String>,
    /// How far before the last run a run in a warehouse looks for new rows, in microseconds; `None` is
    /// [`USUAL_OVERLAP`].
    pub overlap: Option<NonZeroU64>,
    /// How the names of raw events are turned into the names of a warehouse.
    pub event_names: EventNames,
    /// What whole numbers in the place of times count; `None` takes none for a time.
    pub time_unit: Option<Unit>,
    /// The dialect of CSV files.
    pub csv: CsvOptions,
    /// The source's names of the canonical columns.
    pub columns: Columns,
}

/// Which ids stand for people: the section `[identity]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Ids that stand for none.
    pub ignore: Ignore,
    /// The types of calls whose rows only say which user a device has. None of them is among [`Source::types`].
    pub evidence: EventTypes,
}

impl Default for Identity {
    fn default() -> Self {
        Self { ignore: Ignore::default(), evidence: EventTypes::NONE }
    }
}

/// The lists of ids to ignore that have a name.
pub const IGNORED: [(&str, &str); 2] = [("usual", "usual"), ("strict", "strict")];

/// Every convention for event names with its name in the file.
pub const EVENT_NAMES: [(&str, EventNames); 5] = [
    ("rudderstack", EventNames::RudderStack),
    ("rudderstack_divided", EventNames::RudderStackDivided),
    ("blendo", EventNames::Blendo),
    ("segment", EventNames::Segment),
    ("raw", EventNames::Raw),
];

/// Every unit of whole numbers that are times, with its name in the file.
pub const TIME_UNITS: [(&str, Unit); 4] = [
    ("seconds", Unit::Seconds),
    ("milliseconds", Unit::Milliseconds),
    ("microseconds", Unit::Microseconds),
    ("nanoseconds", Unit::Nanoseconds),
];

/// Every type of calls with its name in the file.
pub const TYPES: [(&str, EventType); EventType::ALL.len()] = {
    let mut types = [("", EventType::Track); EventType::ALL.len()];
    let mut place = 0;
    while place < types.len() {
        types[place] = (EventType::ALL[place].name(), EventType::ALL[place]);
        place += 1;
    }
    types
};

/// Every table that a run can write, with its name.
pub const TABLES: [(&str, Table); Table::ALWAYS.len() + Table::OF_EVENTS.len()] = {
    let mut tables = [("", Table::Rejects); Table::ALWAYS.len() + Table::OF_EVENTS.len()];
    let mut place = 0;
    while place < tables.len() {
        let table = if place < Table::ALWAYS.len() {
            Table::ALWAYS[place]
        } else {
            Table::OF_EVENTS[place - Table::ALWAYS.len()]
        };
        tables[place] = (table.name(), table);
        place += 1;
    }
    tables
};

/// Whether idle time is compared with the timeout in whole minutes or to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Cut to whole minutes first.
    WholeMinutes,
    /// To the microsecond.
    Exact,
}

/// Every boundary with its name in the file.
pub const BOUNDARIES: [(&str, Boundary); 2] =
    [("whole_minutes", Boundary::WholeMinutes), ("exact", Boundary::Exact)];

/// The source's own names of the canonical columns; `None` is the usual name. Columns are found without regard to
/// case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// The id of the message; [`FROM_ROW`] is none.
    pub event_id: Option<String>,
    /// The id of the device.
    pub anonymous_id: Option<String>,
    /// The id of the user.
    pub user_id: Option<String>,
    /// The name of the event.
    pub event: Option<String>,
    /// The column of the time when the event happened.
    pub timestamp: Option<String>,
    /// The column of the time when the event arrived.
    pub received_at: Option<String>,
}

impl Columns {
    /// Whether event ids are made of the rows, and no column has them.
    pub fn ids_from_rows(&self) -> bool {
        self.event_id.as_deref() == Some(FROM_ROW)
    }

    /// The canonical columns that are mapped, each with its column of the source.
    pub fn of_source(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let is_column = |own: &&str| *own != FROM_ROW;
        let mapped = self.mapped().into_iter().filter_map(|(canonical, own)| Some((canonical, own?)));
        mapped.filter(move |(canonical, own)| *canonical != EVENT_ID.name || is_column(own))
    }

    /// The canonical columns, in canonical order, with the source's own names.
    pub fn mapped(&self) -> [(&'static str, Option<&str>); keys::CANONICAL_COLUMNS.len()] {
        let own = [
            &self.event_id,
            &self.anonymous_id,
            &self.user_id,
            &self.event,
            &self.timestamp,
            &self.received_at,
        ];
        std::array::from_fn(|place| (keys::CANONICAL_COLUMNS[place], own[place].as_deref()))
    }
}

/// Where the tables are written: the section `[output]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The folder that holds `current` and `snapshots`.
    pub dir: PathBuf,
    /// How many snapshots stay, the newest included.
    pub keep: NonZeroUsize,
    /// The tables that a run writes; `None` is all that the configuration has. [`Rules::left_out`] are the others.
    pub tables: Option<BTreeSet<Table>>,
}

impl Output {
    /// Whether it names a table of events or sessions.
    fn names_events(&self) -> bool {
        let named = self.tables.iter().flatten();
        named.into_iter().any(|table| Table::OF_EVENTS.contains(table))
    }
}

impl Default for Output {
    fn default() -> Self {
        Self { dir: PathBuf::from("out"), keep: NonZeroUsize::new(3).expect("3 is not 0"), tables: None }
    }
}

impl Config {
    /// The configuration in the file `path`. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] when it can't be read, [`ConfigError::Wrong`] with the place of the first thing
    /// in it that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let mut config = Self::parse(&text, path)?;
        config.start_at(path);
        Ok(config)
    }

    /// Makes relative paths start at the folder of the file.
    pub fn start_at(&mut self, file: &Path) {
        let folder = file.parent().unwrap_or(Path::new(""));
        self.output.dir = folder.join(&self.output.dir);
        for source in &mut self.source.paths {
            if !source.contains("://") {
                *source = folder.join(&*source).to_string_lossy().into_owned();
            }
        }
    }

    /// The file `named`, or [`FILE_NAME`] of the working folder if there is one, or the defaults.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_or_default(named: Option<&Path>) -> Result<Self, ConfigError> {
        let usual = Path::new(FILE_NAME);
        match named {
            Some(path) => Self::load(path),
            None if usual.exists() => Self::load(usual),
            None => Ok(Self::default()),
        }
    }

    /// The configuration in `text`, its relative paths left as they are. `file` is named in errors.
    ///
    /// # Errors
    /// [`ConfigError::Wrong`] with the place of the first thing that is wrong.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let (config, wrong) = Self::parse_all(text, file);
        wrong.into_iter().next().map_or(Ok(config), Err)
    }

    /// The configuration in `text` with all that is wrong with it, in the order of the file. Where something is, the default
    /// stands in its place.
    pub fn parse_all(text: &str, file: &Path) -> (Self, Vec<ConfigError>) {
        parse::parse(text, file)
    }

    /// The place of the key at `path` in the TOML `text`; `None` if `text` does not have the key.
    pub fn spot(text: &str, file: &Path, path: &[&str]) -> Option<Spot> {
        document::Document::new(text, file).spot(path)
    }

    /// The rules in the kernel's form.
    pub fn rules(&self) -> Rules {
        self.rules.clone()
    }

    /// The key that asks for the tables of events and sessions, if one does.
    pub fn events_asked_by(&self) -> Option<&'static str> {
        let by_types = (self.source.types != EventTypes::default()).then_some("source.types");
        let by_evidence = (!self.identity.evidence.is_empty()).then_some("identity.evidence");
        let by_tables = (self.columns.is_empty() && self.output.names_events()).then_some("output.tables");
        let is_by_session = self.columns.is_empty() && !self.rules.session_columns.is_empty();
        let by_session = is_by_session.then_some("session.columns");
        let others = by_types.or(by_evidence).or(by_tables).or(by_session);
        others.or_else(|| self.rules.events.then_some("columns"))
    }

    /// The columns of events that are derived from others.
    pub fn derived(&self) -> impl Iterator<Item = &EventColumn> {
        self.columns.iter().filter(|column| column.derived.is_some())
    }

    /// The types of calls whose rows are read: those of events and of evidence.
    pub fn types_read(&self) -> EventTypes {
        self.source.types.with(self.identity.evidence)
    }

    /// The gate for rows in the kernel's form.
    pub fn gate(&self) -> Gate {
        Gate {
            event_names: self.source.event_names,
            ignored_ids: IgnoredIds::new(&self.identity.ignore),
            time_unit: self.source.time_unit,
            is_again: false,
            carried: self.rules.carried.clone(),
            evidence: self.rules.evidence,
            inputs: self.inputs.iter().map(|input| input.spec.clone()).collect(),
            ids_from_rows: self.source.columns.ids_from_rows(),
        }
    }

    /// The columns of events that are read from the source.
    pub fn columns_read(&self) -> impl Iterator<Item = &EventColumn> {
        self.columns.iter().filter(|column| column.derived.is_none()).chain(&self.inputs)
    }

    /// The configuration by which rows are read as they are, for the source tables of this one: columns that others are derived from are
    /// carried, and none is derived; evidence is rows like others.
    #[must_use]
    pub fn of_source_rows(&self) -> Self {
        let columns: Vec<EventColumn> = self.columns_read().cloned().collect();
        let carried = std::iter::once(CarriedSpec::event_type());
        let carried = carried.chain(columns.iter().map(|column| column.spec.clone())).collect();
        let carried = if self.rules.carried.is_empty() { Vec::new() } else { carried };
        let session_columns = Vec::new();
        let rules = Rules { carried, session_columns, evidence: EventTypes::NONE, ..self.rules.clone() };
        let source = Source { types: self.types_read(), ..self.source.clone() };
        let identity = Identity { evidence: EventTypes::NONE, ..self.identity.clone() };
        Self { source, columns, inputs: Vec::new(), identity, rules, ..self.clone() }
    }

    /// Warnings about settings that are allowed and seldom meant, each a sentence.
    pub fn advice(&self) -> Vec<String> {
        let timeout = advice::short_timeout(&self.rules).into_iter();
        timeout.chain(advice::unread_types(self.source.types, &self.rules)).collect()
    }

    /// The BLAKE3 hash, in 64 hexadecimal digits, of all that can change what the tables say.
    ///
    /// Two configurations with the same fingerprint give the same rows from the same input. It is taken over a
    /// canonical rendering, so neither order, spelling nor comments of the file matter: the timeout in its unit with
    /// the boundary, `dedupe`, the mapped columns in lower case, `where` and `event_names`, the ignored ids where
    /// they are not the usual ones, the types of calls and the columns of events where there are others than tracks, the types of evidence, every count with its events sorted, and the flow's length. Paths, format and `[output]` are not part of it.
    pub fn fingerprint(&self) -> String {
        fingerprint::fingerprint(self)
    }

    /// The hash of the mapped columns, `where`, `event_names`, types, types of evidence, columns of events and ignored ids alone: while it stays, rows that were read once need not be
    /// read again.
    pub fn source_fingerprint(&self) -> String {
        fingerprint::source_fingerprint(self)
    }
}

/// The longest flow.
const LONGEST_FLOW: u64 = 100;

/// The most characters a column's name may have: Postgres cuts longer ones.
const LONGEST_COLUMN: usize = 63;

/// Whether every warehouse takes the name for a column without quotes.
fn is_column(name: &str) -> bool {
    name.len() <= LONGEST_COLUMN && is_identifier(name)
}

/// Whether a text is a name that needs no quotes in SQL.
fn is_identifier(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// The columns that `dbt_session_track_facts` has before the counts.
const FACT_COLUMNS: [&str; 3] = ["session_id", "ended_at", "num_pvs"];

/// The tables whose columns are made together, from those of an event.
const TABLES_OF_EVENTS: [Table; 4] =
    [Table::Events, Table::MappedTracks, Table::TrackFacts, Table::Duplicates];

/// What else a column of events can't be called as, and where it stands.
const COLUMNS_BESIDE_EVENTS: [(&str, &str); 2] =
    [("event_id_hash", "state/tracks"), (ORIGINAL_EVENT, "tracks")];

/// The columns that a session has whatever `[session.columns]` and `[counts]` ask for, each with its table.
fn columns_of_sessions() -> impl Iterator<Item = (String, &'static str)> {
    let of = |table: Table| columns_of(table).into_iter().map(move |column| (column, table.name()));
    [Table::Sessions, Table::SessionDuration, Table::SessionTrackFacts].into_iter().flat_map(of)
}

/// The columns that a table has whatever `[columns]` and `[counts]` ask for, where there are tables of events.
fn columns_of(table: Table) -> Vec<String> {
    let carried = vec![CarriedSpec::event_type()];
    let rules = Rules { events: true, carried, counts: Vec::new(), ..Rules::default() };
    table.schema(&rules).fields().iter().map(|field| field.name().clone()).collect()
}

const MICROS_PER_MINUTE: u64 = tracklet_kernel::rules::MICROS_PER_MINUTE as u64;

/// The longest timeout, in minutes.
const LONGEST_TIMEOUT: u64 = duration::LONGEST / MICROS_PER_MINUTE;

/// The overlap that holds when the configuration names none, in microseconds.
pub const USUAL_OVERLAP: NonZeroU64 = NonZeroU64::new(24 * 60 * MICROS_PER_MINUTE).expect("a day is not 0");

/// The longest overlap, in minutes: ten years.
const LONGEST_OVERLAP: u64 = 10 * 366 * 24 * 60;

fn minutes_in(micros: NonZeroU64) -> Option<NonZeroU64> {
    if micros.get().is_multiple_of(MICROS_PER_MINUTE) {
        NonZeroU64::new(micros.get() / MICROS_PER_MINUTE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
