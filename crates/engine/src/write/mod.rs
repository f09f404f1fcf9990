//! All tables as Parquet files below one folder.

pub mod encode;
pub(crate) mod packing;
pub mod parts;
mod rejects;
mod state;
pub(crate) mod table_file;
#[cfg(test)]
mod tests;

use crate::checks::{Check, Checks, PartChecks, PartSummary};
use crate::disk::{Disk, NewFile, write_file};
use crate::error::Hint;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use encode::EncodedColumn;
use parquet::errors::ParquetError;
use parts::{Cut, Part, PartKey, ROWS_OF_A_GROUP, TRACKS_OF_A_PART};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use table_file::{TableFile, Written, descriptors};
use tracklet_kernel::rules::Rules;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::{State, Table};

pub use rejects::reject_batches;
pub use state::{PARTS_FILE, STATE, StoredParts};
pub use table_file::WRITER;

/// Name of the file of a table that is not cut into parts, and of those that are where there is no session.
pub const WHOLE: &str = "all";
/// What has a row a track, in the order of their session's parts.
const OF_TRACKS: [Place; 4] = [
    Place::Table(Table::MappedTracks),
    Place::Table(Table::TrackFacts),
    Place::Table(Table::TracksFlow),
    Place::State(State::Tracks),
];
/// What has a row a session and is cut into parts.
const OF_SESSIONS: [Place; 2] =
    [Place::Table(Table::SessionTrackFacts), Place::Table(Table::SessionDuration)];

/// A table, or state beside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// For readers.
    Table(Table),
    /// For the next run.
    State(State),
}

impl Place {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Table::ALL.into_iter().map(Self::Table).chain(State::ALL.into_iter().map(Self::State))
    }

    /// Its folder in a snapshot's.
    pub fn folder(self, snapshot: &Path) -> PathBuf {
        match self {
            Self::Table(table) => snapshot.join(table.name()),
            Self::State(state) => snapshot.join(STATE).join(state.name()),
        }
    }

    /// The file of its rows in a part, or of all with [`WHOLE`].
    pub fn file(self, snapshot: &Path, part: &str) -> PathBuf {
        self.folder(snapshot).join(format!("{part}.parquet"))
    }

    fn schema(self, rules: &Rules) -> SchemaRef {
        match self {
            Self::Table(table) => table.schema(rules),
            Self::State(state) => state.schema(),
        }
    }
}

/// A table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write `{}`", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: ParquetError,
}

impl WriteError {
    fn at(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

impl Hint for WriteError {
    fn hint(&self) -> Option<String> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&self.source);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                let full = error.kind() == std::io::ErrorKind::StorageFull;
                return full.then(|| {
                    "free some space; nothing was published, the tables are as they were".to_owned()
                });
            }
            cause = error.source();
        }
        None
    }
}

/// How the files are cut; the defaults but in tests.
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

/// What is to be written, and what stays from an earlier snapshot.
#[derive(Debug)]
pub struct Plan<'a> {
    /// How time is cut.
    pub cut: Cut,
    /// How the files are cut.
    pub layout: Layout,
    /// The snapshot whose parts stay, but for those that are written anew; without one all are written.
    pub stays: Option<Stays<'a>>,
    /// Rows read in all runs, less rejects and duplicates.
    pub sessionized: u64,
}

/// Parts that are as they were.
#[derive(Debug)]
pub struct Stays<'a> {
    /// The folder of the snapshot that has them.
    pub snapshot: &'a Path,
    /// What it says about them.
    pub parts: BTreeMap<PartKey, PartSummary>,
}

impl Plan<'_> {
    /// Everything is written.
    pub fn full(sessionized: &Sessionized, layout: Layout) -> Self {
        Self {
            cut: Cut::new(sessionized.all_sessions(), layout.tracks_of_a_part),
            layout,
            stays: None,
            sessionized: (sessionized.tracks().len() - sessionized.duplicate_rows()) as u64,
        }
    }

    /// Whether parts of an earlier snapshot may stay.
    pub fn is_incremental(&self) -> bool {
        self.stays.is_some()
    }

    fn stays(&self, part: PartKey) -> bool {
        self.stays.as_ref().is_some_and(|stays| stays.parts.contains_key(&part))
    }
}

/// What was written.
#[derive(Debug, Default)]
pub struct WrittenTables {
    /// Rows of each table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Bytes of all files written; links cost none.
    pub bytes: u64,
    /// Files of all tables and of the state.
    pub files: u64,
    /// Parts that were written.
    pub rewritten: u64,
    /// Parts that are links to those of the snapshot before.
    pub linked: u64,
    /// What came of the invariants.
    pub checks: Vec<Check>,
}

/// Writes or links every table of `sessionized`, the state and the rejects below `folder` of `disk`, which must exist and
/// hold no table yet.
///
/// Every file is safely on the disk when this returns. `advanced` hears of tracks as they are written.
/// # Errors
/// The first file that could not be written; what is there then is incomplete.
pub fn write_tables(
    sessionized: &Sessionized,
    rejects: &[RecordBatch],
    disk: &dyn Disk,
    folder: &Path,
    plan: &Plan<'_>,
    advanced: &(dyn Fn(u64) + Sync),
) -> Result<WrittenTables, WriteError> {
    let folders: Vec<PathBuf> =
        std::iter::once(folder.join(STATE)).chain(Place::all().map(|place| place.folder(folder))).collect();
    for path in &folders {
        disk.create_folder(path).map_err(|error| WriteError::at(path)(error.into()))?;
    }
    // Syncing waits for the disk: one thread does it while the others encode.
    std::thread::scope(|scope| {
        let (finished, to_sync) = channel::<(PathBuf, Box<dyn NewFile>)>();
        let syncing = scope.spawn(move || {
            for (path, mut file) in to_sync {
                file.sync().map_err(|error| WriteError::at(&path)(error.into()))?;
            }
            Ok(())
        });
        let writer = Writer { sessionized, disk, folder, plan, finished, advanced, seen: Mutex::default() };
        let written = writer.write(rejects);
        let seen = writer.into_seen();
        let synced = syncing.join().expect("syncing does not panic");
        written.and(synced)?;
        for path in &folders {
            disk.sync_folder(path).map_err(|error| WriteError::at(path)(error.into()))?;
        }
        Ok(seen)
    })
    .map(|seen| seen.written)
}

/// What the threads have written and seen.
#[derive(Default)]
struct Seen {
    written: WrittenTables,
    checks: Checks,
    parts: StoredParts,
}

struct Writer<'a> {
    sessionized: &'a Sessionized,
    disk: &'a dyn Disk,
    folder: &'a Path,
    plan: &'a Plan<'a>,
    finished: Sender<(PathBuf, Box<dyn NewFile>)>,
    advanced: &'a (dyn Fn(u64) + Sync),
    seen: Mutex<Seen>,
}

impl Writer<'_> {
    fn write(&self, rejects: &[RecordBatch]) -> Result<(), WriteError> {
        let parts = parts::parts(self.sessionized, &self.plan.cut, |part| !self.plan.stays(part));
        if self.plan.cut.parts().is_empty() {
            for place in OF_TRACKS.into_iter().chain(OF_SESSIONS) {
                self.close(self.create(place, WHOLE)?)?;
            }
        }
        parts.par_iter().try_for_each(|part| self.write_part(part))?;
        for part in self.plan.cut.parts() {
            if let Some(stays) = &self.plan.stays
                && let Some(summary) = stays.parts.get(&part)
            {
                self.link_part(stays.snapshot, part, summary)?;
            }
        }
        self.write_whole_tables(rejects)?;
        let mut seen = self.seen.lock().expect("no thread panicked");
        seen.written.checks = seen.checks.finish(self.sessionized.rules(), self.plan.sessionized);
        let path = self.folder.join(STATE).join(PARTS_FILE);
        let bytes = seen.parts.to_json();
        write_file(self.disk, &path, &bytes).map_err(|error| WriteError::at(&path)(error.into()))?;
        seen.written.bytes += bytes.len() as u64;
        Ok(())
    }

    fn into_seen(self) -> Seen {
        self.seen.into_inner().expect("no thread panicked")
    }

    /// What is cut into parts, of one part.
    fn write_part(&self, part: &Part) -> Result<(), WriteError> {
        let mut checks = PartChecks::default();
        let name = part.key.to_string();
        let rows_of_a_group = self.plan.layout.rows_of_a_group;
        let mut files = self.create_all(&OF_TRACKS, &name)?;
        let columns = self.columns_of(&OF_TRACKS);
        let groups = parts::row_groups(self.sessionized, part, rows_of_a_group);
        // As many groups in memory as there are threads.
        for groups in groups.chunks(rayon::current_num_threads()) {
            let encoded: Vec<_> = groups
                .par_iter()
                .map(|runs| {
                    let batch = self.sessionized.track_columns(runs);
                    encode_all(&batch, &columns).map(|encoded| (batch, encoded))
                })
                .collect::<Result<_, _>>()
                .map_err(WriteError::at(self.folder))?;
            for (batch, encoded) in encoded {
                checks.observe_tracks(&batch, self.sessionized.rules().timeout);
                append(&mut files, &encoded)?;
                (self.advanced)(batch.num_rows() as u64);
            }
        }
        self.close_all(files)?;

        let mut files = self.create_all(&OF_SESSIONS, &name)?;
        let columns = self.columns_of(&OF_SESSIONS);
        for sessions in part.sessions.chunks(rows_of_a_group) {
            let batch = self.sessionized.session_columns(&sessions.iter().map(|session| *session as usize));
            let encoded = encode_all(&batch, &columns).map_err(WriteError::at(self.folder))?;
            checks.observe_sessions(&batch);
            append(&mut files, &encoded)?;
        }
        self.close_all(files)?;
        let mut seen = self.seen.lock().expect("no thread panicked");
        seen.written.rewritten += 1;
        seen.add_part(part.key, checks.finish());
        Ok(())
    }

    /// Gives the files of a part that stays names in this snapshot.
    fn link_part(&self, from: &Path, part: PartKey, summary: &PartSummary) -> Result<(), WriteError> {
        let name = part.to_string();
        let mut seen = self.seen.lock().expect("no thread panicked");
        for (places, rows) in [(&OF_TRACKS[..], summary.tracks), (&OF_SESSIONS[..], summary.sessions())] {
            for place in places {
                let path = place.file(self.folder, &name);
                let linked = self.disk.link(&place.file(from, &name), &path);
                linked.map_err(|error| WriteError::at(&path)(error.into()))?;
                seen.count(*place, rows);
            }
        }
        seen.written.linked += 1;
        seen.add_part(part, *summary);
        Ok(())
    }

    fn write_whole_tables(&self, rejects: &[RecordBatch]) -> Result<(), WriteError> {
        let sessionized = self.sessionized;
        let timeout = sessionized.rules().timeout;
        self.write_whole(
            &[Place::Table(Table::SessionTracks), Place::State(State::Sessions)],
            sessionized.all_session_count(),
            |range| sessionized.timeline_columns(range),
            |checks, batch| checks.observe_session_tracks(batch, timeout),
        )?;
        self.write_whole(
            &[Place::Table(Table::AliasesMapping), Place::State(State::Aliases)],
            sessionized.alias_count(),
            |range| sessionized.alias_columns(range),
            Checks::observe_aliases,
        )?;
        self.write_whole(
            &[Place::Table(Table::UserSessionFacts)],
            sessionized.visitor_count(),
            |range| sessionized.visitor_columns(range),
            Checks::observe_visitors,
        )?;
        self.write_whole(
            &[Place::Table(Table::Duplicates)],
            sessionized.duplicate_rows(),
            |range| sessionized.duplicate_columns(range),
            |_, _| {},
        )?;
        let rejected = [Place::Table(Table::Rejects)];
        let mut files = self.create_all(&rejected, WHOLE)?;
        let columns = self.columns_of(&rejected);
        for batch in rejects {
            let encoded = encode_all(batch, &columns).map_err(WriteError::at(self.folder))?;
            append(&mut files, &encoded)?;
        }
        self.close_all(files)
    }

    /// What is in one file, its columns made and encoded in parallel and looked at in order.
    fn write_whole(
        &self,
        places: &[Place],
        rows: usize,
        columns: impl Fn(std::ops::Range<usize>) -> RecordBatch + Sync,
        observe: impl Fn(&mut Checks, &RecordBatch),
    ) -> Result<(), WriteError> {
        let mut files = self.create_all(places, WHOLE)?;
        let described = self.columns_of(places);
        let size = self.plan.layout.rows_of_a_group;
        let groups: Vec<usize> = (0..rows).step_by(size).collect();
        for starts in groups.chunks(rayon::current_num_threads()) {
            let encoded: Vec<_> = starts
                .par_iter()
                .map(|start| {
                    let batch = columns(*start..rows.min(start + size));
                    encode_all(&batch, &described).map(|encoded| (batch, encoded))
                })
                .collect::<Result<_, _>>()
                .map_err(WriteError::at(&files[0].path))?;
            for (batch, encoded) in encoded {
                observe(&mut self.seen.lock().expect("no thread panicked").checks, &batch);
                append(&mut files, &encoded)?;
            }
        }
        self.close_all(files)
    }

    fn create_all(&self, places: &[Place], part: &str) -> Result<Vec<OpenTable>, WriteError> {
        places.iter().map(|place| self.create(*place, part)).collect()
    }

    fn create(&self, place: Place, part: &str) -> Result<OpenTable, WriteError> {
        let schema = place.schema(self.sessionized.rules());
        let path = place.file(self.folder, part);
        let file = TableFile::create(self.disk, &path, &schema).map_err(WriteError::at(&path))?;
        Ok(OpenTable { place, schema, path, file })
    }

    fn close_all(&self, files: Vec<OpenTable>) -> Result<(), WriteError> {
        files.into_iter().try_for_each(|open| self.close(open))
    }

    fn close(&self, open: OpenTable) -> Result<(), WriteError> {
        let Written { file, rows, bytes } = open.file.finish().map_err(WriteError::at(&open.path))?;
        // A failed sync has ended the other side; its error is the one to report.
        let _ = self.finished.send((open.path, file));
        let mut seen = self.seen.lock().expect("no thread panicked");
        seen.count(open.place, rows);
        seen.written.bytes += bytes;
        seen.written.files += 1;
        Ok(())
    }

    /// The columns that any of the places has, each once.
    fn columns_of(&self, places: &[Place]) -> SchemaRef {
        let mut fields = Vec::new();
        for place in places {
            for field in place.schema(self.sessionized.rules()).fields() {
                if !fields.contains(field) {
                    fields.push(field.clone());
                }
            }
        }
        Arc::new(Schema::new(fields))
    }
}

impl Seen {
    /// Counts rows of a table.
    fn count(&mut self, place: Place, rows: u64) {
        if let Place::Table(table) = place {
            *self.written.rows.entry(table.name()).or_default() += rows;
        }
    }

    fn add_part(&mut self, part: PartKey, summary: PartSummary) {
        self.checks.add_part(&summary);
        self.parts.add(part, summary);
    }
}

struct OpenTable {
    place: Place,
    schema: SchemaRef,
    path: PathBuf,
    file: TableFile,
}

/// Appends a row group to every file, each of its own columns.
fn append(files: &mut [OpenTable], encoded: &EncodedColumns) -> Result<(), WriteError> {
    for open in files {
        let columns = open.schema.fields().iter().map(|field| &encoded[field.name()]);
        open.file.append(columns).map_err(WriteError::at(&open.path))?;
    }
    Ok(())
}

type EncodedColumns = BTreeMap<String, EncodedColumn>;

/// Encodes the columns that `schema` names.
fn encode_all(batch: &RecordBatch, schema: &SchemaRef) -> Result<EncodedColumns, ParquetError> {
    let descriptors = descriptors(schema)?;
    let encode = |descriptor: &parquet::schema::types::ColumnDescPtr| {
        let column = batch.column_by_name(descriptor.name()).ok_or_else(|| {
            ParquetError::General(format!("the batch has no column `{}`", descriptor.name()))
        })?;
        Ok((descriptor.name().to_owned(), encode::encode(column, descriptor)?))
    };
    descriptors.iter().map(encode).collect()
}
