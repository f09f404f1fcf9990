//! All tables as Parquet files below one folder.

pub mod encode;
mod join;
mod open_files;
pub(crate) mod packing;
mod page;
pub mod parts;
mod rejects;
mod state;
pub(crate) mod table_file;
#[cfg(test)]
mod tests;
pub(crate) mod writer;

use crate::checks::{Check, PartSummary, Repeated, Strangers};
use crate::digests::{DIGESTS_FILE, Digests, seal};
use crate::disk::{Disk, NewFile, write_file};
use crate::read::Rejects;
use crate::spilled_files::SpillError;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
pub use open_files::OpenFiles;
use parquet::errors::ParquetError;
use parts::{Cut, PartKey, ROWS_OF_A_GROUP, TRACKS_OF_A_PART};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use tracklet_display::error::{Hint, MORE_MEMORY, is_refused_memory};
use tracklet_kernel::registry::EVENT_ID;
use tracklet_kernel::rules::Rules;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::{PACKED_EVENT_IDS, State, Table, uuid_type};

use rejects::reject_groups;
pub use state::{PARTS_FILE, STATE, StoredParts};
pub use table_file::WRITER;
pub(crate) use writer::{AtOnce, Followed, WriteTarget, Writer};

/// Name of the file of a table that is not cut into parts, and of those that are where there is no session.
pub const WHOLE: &str = "all";
/// What has a row a track, in the order of their session's parts.
fn of_tracks(rules: &Rules) -> Vec<TableOrState> {
    let before = [Table::MappedTracks, Table::TrackFacts, Table::TracksFlow].into_iter();
    let before = before.filter_map(|table| TableOrState::of(table, rules));
    before.chain([TableOrState::State(State::Tracks)]).chain(TableOrState::of(Table::Events, rules)).collect()
}

/// What has a row a session and is cut into parts.
fn of_sessions(rules: &Rules) -> Vec<TableOrState> {
    let all = [Table::SessionTrackFacts, Table::SessionDuration, Table::Sessions];
    all.into_iter().filter_map(|table| TableOrState::of(table, rules)).collect()
}

/// Whether the next run needs something of a table.
fn is_needed(table: Table, rules: &Rules) -> bool {
    match table {
        Table::AliasesMapping
        | Table::SessionTracks
        | Table::UserSessionFacts
        | Table::Duplicates
        | Table::Rejects => true,
        Table::MappedTracks => !rules.events,
        Table::Events => rules.events,
        _ => false,
    }
}

/// The columns that the next run needs of a table; `None` for all.
fn columns_needed(table: Table) -> Option<&'static [&'static str]> {
    match table {
        Table::MappedTracks => Some(&OF_TRACKS),
        Table::Events => Some(&OF_EVENTS),
        Table::SessionTracks => Some(&OF_SESSIONS),
        Table::UserSessionFacts => Some(&OF_VISITORS),
        _ => None,
    }
}

/// What the next run needs of each track beside the state; of events also what they carry.
pub(crate) const OF_TRACKS: [&str; 4] = ["event_id", "anonymous_id", "timestamp", "event"];
pub(crate) const OF_EVENTS: [&str; 5] = ["event_id", "anonymous_id", "user_id", "timestamp", "event"];
/// Of each session, and of each visitor.
pub(crate) const OF_SESSIONS: [&str; 1] = ["session_start_at"];
pub(crate) const OF_VISITORS: [&str; 2] = ["dbt_visitor_id", "number_of_sessions"];

/// A table, or state beside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableOrState {
    /// For readers.
    Table(Table),
    /// For the next run.
    State(State),
    /// For the next run, what it needs of a table that is left out.
    Kept(Table),
}

impl TableOrState {
    /// The tables and the state that a run with these rules writes.
    pub fn all(rules: &Rules) -> impl Iterator<Item = Self> {
        let kept = rules.left_out.iter().filter_map(|table| Self::of(*table, rules));
        Table::all(rules).map(Self::Table).chain(kept).chain(State::all(rules).map(Self::State))
    }

    /// Where a run with these rules writes a table, if it does.
    fn of(table: Table, rules: &Rules) -> Option<Self> {
        if !rules.events && Table::OF_EVENTS.contains(&table) {
            return None;
        }
        if !rules.left_out.contains(&table) {
            return Some(Self::Table(table));
        }
        is_needed(table, rules).then_some(Self::Kept(table))
    }

    /// The folder of the table or state in the folder of a snapshot.
    pub fn folder(self, snapshot: &Path) -> PathBuf {
        match self {
            Self::Table(table) => snapshot.join(table.name()),
            Self::State(state) => snapshot.join(STATE).join(state.name()),
            Self::Kept(table) => snapshot.join(STATE).join(table.name()),
        }
    }

    /// The file of its rows in a part, or of all with [`WHOLE`].
    pub fn file(self, snapshot: &Path, part: &str) -> PathBuf {
        self.folder(snapshot).join(format!("{part}.parquet"))
    }

    /// The path of that file from the folder of a snapshot, as the digests name it.
    pub(crate) fn name(self, part: &str) -> String {
        self.file(Path::new(""), part).to_string_lossy().into_owned()
    }

    fn schema(self, rules: &Rules) -> SchemaRef {
        match self {
            Self::Table(table) => table.schema(rules),
            Self::State(state) => state.schema(rules),
            Self::Kept(table) => {
                let schema = table.schema(rules);
                let Some(columns) = columns_needed(table) else { return schema };
                let carried = rules.carried.iter().map(|column| column.name.as_str());
                let of_events = (table == Table::Events).then_some(carried).into_iter().flatten();
                let names: Vec<&str> = columns.iter().copied().chain(of_events).collect();
                let fields = schema.fields().iter().filter(|field| names.contains(&field.name().as_str()));
                Arc::new(Schema::new(fields.flat_map(as_kept).collect::<Vec<_>>()))
            }
        }
    }
}

/// A column of a table as state keeps it: event ids, which no reader asks for, in few bytes.
fn as_kept(field: &FieldRef) -> Vec<FieldRef> {
    if field.name() != EVENT_ID.name || *field.data_type() != DataType::Utf8 {
        return vec![Arc::clone(field)];
    }
    let types = [uuid_type(), DataType::Utf8];
    let packed = PACKED_EVENT_IDS.into_iter().zip(types);
    packed.map(|(name, data_type)| Arc::new(Field::new(name, data_type, true))).collect()
}

/// A table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write `{}`", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: ParquetError,
}

impl WriteError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

impl Hint for WriteError {
    fn hint(&self) -> Option<String> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&self.source);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                if error.kind() == std::io::ErrorKind::StorageFull {
                    let hint = "free some space; nothing was published, the tables are as they were";
                    return Some(hint.to_owned());
                }
                // A refused thread is a refusal of memory as a rule; of a file nothing else blocks.
                if is_refused_memory(error) || error.kind() == std::io::ErrorKind::WouldBlock {
                    return Some(MORE_MEMORY.to_owned());
                }
                return None;
            }
            cause = error.source();
        }
        None
    }
}

/// The sizes of parts and row groups; only tests change the defaults.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Tracks over which a part is cut further.
    pub tracks_of_a_part: u64,
    /// Rows of a row group.
    pub rows_of_a_group: usize,
    /// Tracks that an increment may touch before it becomes a rebuild, in percent of all.
    pub touched_percent: u64,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            tracks_of_a_part: TRACKS_OF_A_PART,
            rows_of_a_group: ROWS_OF_A_GROUP,
            touched_percent: TOUCHED_PERCENT,
        }
    }
}

/// Over half the tracks, rewriting parts one by one costs more than writing all.
const TOUCHED_PERCENT: u64 = 50;

/// The parts to write, and the parts to keep from an earlier snapshot.
#[derive(Debug)]
pub struct WritePlan<'a> {
    /// How time is cut into parts.
    pub cut: Cut,
    /// The sizes of parts and row groups.
    pub layout: Layout,
    /// The snapshot whose parts stay, but for those that are rewritten; without one all are written.
    pub stays: Option<Stays<'a>>,
    /// Rows read in all runs, less rejects, duplicates and evidence.
    pub sessionized: u64,
}

/// Parts that are as they were.
#[derive(Debug)]
pub struct Stays<'a> {
    /// The folder of the snapshot that has them.
    pub snapshot: &'a Path,
    /// The summary of each kept part.
    pub parts: BTreeMap<PartKey, PartSummary>,
    /// Of the files of the snapshot.
    pub(crate) digests: &'a Digests,
}

impl WritePlan<'_> {
    /// A plan that writes everything and keeps nothing of an earlier snapshot.
    pub fn full(sessionized: &Sessionized, layout: Layout) -> Self {
        Self {
            cut: Cut::new(sessionized.all_sessions(), layout.tracks_of_a_part),
            layout,
            stays: None,
            sessionized: (sessionized.tracks().len()
                - sessionized.duplicate_rows()
                - sessionized.evidence_rows()) as u64,
        }
    }

    /// Whether parts of an earlier snapshot may stay.
    pub fn is_incremental(&self) -> bool {
        self.stays.is_some()
    }

    /// The files of the parts that stay, by their paths from the snapshot's folder.
    pub(crate) fn shared_files(&self, rules: &Rules) -> Vec<String> {
        let parts = self.stays.iter().flat_map(|stays| stays.parts.keys());
        let places = [of_tracks(rules), of_sessions(rules)].concat();
        parts.flat_map(|part| places.iter().map(move |place| place.name(&part.to_string()))).collect()
    }

    fn stays(&self, part: PartKey) -> bool {
        self.stays.as_ref().is_some_and(|stays| stays.parts.contains_key(&part))
    }
}

/// Rows, bytes and checks of the tables that were written.
#[derive(Debug, Default)]
pub struct WrittenTables {
    /// Rows of each table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Rows of each table that is left out and of which the next run needs something.
    pub kept: BTreeMap<&'static str, u64>,
    /// Bytes of all files written; links cost none.
    pub bytes: u64,
    /// Files of all tables and of the state.
    pub files: u64,
    /// Parts that were written.
    pub rewritten: u64,
    /// Parts that are links to those of the snapshot before, or copies where the file system has no links.
    pub linked: u64,
    /// Files that were copied because a link could not be made.
    pub copied: u64,
    /// The outcome of the invariants.
    pub checks: Vec<Check>,
    /// Ids that seem to stand for many people.
    pub strangers: Strangers,
    /// The event id that most duplicates have.
    pub(crate) repeated: Repeated,
    /// The digest of the file of digests, for the manifest.
    pub digests: String,
}

/// Rows of tables as a manifest has them.
pub(crate) fn named(rows: BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    rows.into_iter().map(|(table, rows)| (table.to_owned(), rows)).collect()
}

/// Writes or links every table of `sessionized`, the state and the rejects below `folder` of `disk`, which must exist and
/// hold no table yet.
///
/// Every file is safely on the disk when this returns. `advanced` hears of tracks as they are written.
/// # Errors
/// The first file that could not be written; what is there then is incomplete. Rejects that can't be read back.
pub fn write_tables<E: From<WriteError> + From<SpillError>>(
    sessionized: &Sessionized,
    rejects: &Rejects,
    disk: &dyn Disk,
    folder: &Path,
    plan: &WritePlan<'_>,
    advanced: &(dyn Fn(u64) + Sync),
) -> Result<WrittenTables, E> {
    let at_once = AtOnce { parts: OpenFiles::allowed().parts, groups: rayon::current_num_threads() };
    let target =
        WriteTarget { disk, folder, rules: sessionized.rules(), layout: plan.layout, at_once, advanced };
    let ((), written) = write_below(target, rejects, |writer| {
        if plan.cut.parts().is_empty() {
            writer.write_no_parts()?;
        }
        let writer = &*writer;
        let write_parts = || {
            let parts = parts::parts(sessionized, &plan.cut, |part| !plan.stays(part));
            writer.write_parts(sessionized, &parts)?;
            writer.link_parts(plan)
        };
        // Side by side: the tables in one file are looked at in order, which leaves threads without work.
        let (of_parts, whole) = rayon::join(write_parts, || writer.write_whole_tables(sessionized));
        of_parts.and(whole)?;
        Ok::<_, E>(((), plan.sessionized))
    })?;
    Ok(written)
}

/// Lets `work` write all tables but the rejects below a folder, and then does the rest: the rejects, the checks, the state of
/// the parts, and all of it safely on the disk. `work` answers how many tracks there must be by the rows read, beside what
/// the caller wants to know.
/// # Errors
/// The first file that could not be written, rejects that can't be read back, and what `work` says.
pub(crate) fn write_below<T, E: From<WriteError> + From<SpillError>>(
    target: WriteTarget<'_>,
    rejects: &Rejects,
    work: impl FnOnce(&mut Writer<'_>) -> Result<(T, u64), E>,
) -> Result<(T, WrittenTables), E> {
    let WriteTarget { disk, folder, rules, layout, .. } = target;
    let folders: Vec<PathBuf> = std::iter::once(folder.join(STATE))
        .chain(TableOrState::all(rules).map(|place| place.folder(folder)))
        .collect();
    for path in &folders {
        disk.create_folder(path).map_err(|error| WriteError::at(path)(error.into()))?;
    }
    // Syncing waits for the disk: one thread does it while the others encode, and those wait when too many files are open.
    std::thread::scope(|scope| {
        let (finished, to_sync) = sync_channel::<(PathBuf, Box<dyn NewFile>)>(OpenFiles::allowed().waiting);
        let sync = move || {
            for (path, mut file) in to_sync {
                file.sync().map_err(|error| WriteError::at(&path)(error.into()))?;
            }
            Ok(())
        };
        let syncing = std::thread::Builder::new().spawn_scoped(scope, sync).map_err(|error| {
            let message = format!("could not start a thread: {error}");
            WriteError::at(folder)(std::io::Error::new(error.kind(), message).into())
        })?;
        let mut writer = Writer::new(target, finished);
        let worked = work(&mut writer).and_then(|(made, sessionized)| {
            let groups = reject_groups(rejects, layout.rows_of_a_group);
            writer.write_columns::<_, _, E>(Table::Rejects, groups, |group, name| {
                group.column(rejects, name)
            })?;
            let mut seen = writer.seen();
            seen.written.checks = seen.checks.finish(rules, sessionized);
            seen.written.strangers = seen.checks.strangers();
            seen.written.repeated = seen.checks.repeated();
            let path = folder.join(STATE).join(PARTS_FILE);
            let bytes = seen.parts.to_json();
            write_file(disk, &path, &bytes).map_err(|error| WriteError::at(&path)(error.into()))?;
            seen.written.bytes += bytes.len() as u64;
            let state = Path::new(STATE);
            seen.digests.insert_bytes(state.join(PARTS_FILE).to_string_lossy().into_owned(), &bytes);
            let path = folder.join(STATE).join(DIGESTS_FILE);
            let bytes = seen.digests.to_json();
            write_file(disk, &path, &bytes).map_err(|error| WriteError::at(&path)(error.into()))?;
            seen.written.bytes += bytes.len() as u64;
            seen.written.digests = seal(&bytes);
            Ok(made)
        });
        let seen = writer.into_seen();
        let synced: Result<(), WriteError> = syncing.join().expect("syncing does not panic");
        let made = worked?;
        synced?;
        for path in &folders {
            disk.sync_folder(path).map_err(|error| WriteError::at(path)(error.into()))?;
        }
        Ok((made, seen.written))
    })
}
