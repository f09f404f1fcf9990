//! All tables as Parquet files below one folder.

pub(crate) mod encode;
pub(crate) mod packing;
pub mod parts;
mod rejects;
pub(crate) mod table_file;
#[cfg(test)]
mod tests;

use crate::checks::{Check, Checks, TrackChecks};
use crate::error::Hint;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use encode::EncodedColumn;
use parquet::errors::ParquetError;
use parts::{Part, ROWS_OF_A_GROUP, TRACKS_OF_A_PART};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use table_file::{TableFile, Written, descriptors};
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::Table;

pub use rejects::reject_batches;
pub use table_file::WRITER;

/// Name of the file of a table that is not cut into parts.
const WHOLE: &str = "all";
/// The tables whose rows are tracks, in the order of their session's parts.
const TRACK_TABLES: [Table; 3] = [Table::MappedTracks, Table::TrackFacts, Table::TracksFlow];
/// The tables of sessions that are cut into parts.
const SESSION_TABLES: [Table; 2] = [Table::SessionTrackFacts, Table::SessionDuration];

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
}

impl Default for Layout {
    fn default() -> Self {
        Self { tracks_of_a_part: TRACKS_OF_A_PART, rows_of_a_group: ROWS_OF_A_GROUP }
    }
}

/// What was written.
#[derive(Debug, Default)]
pub struct WrittenTables {
    /// Rows of each table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files of all tables.
    pub files: u64,
    /// What came of the invariants.
    pub checks: Vec<Check>,
}

/// Writes every table of `sessionized` and the rejects below `folder`, which must exist and hold no table yet.
///
/// Every file is safely on the disk when this returns. `advanced` hears of tracks as they are written.
/// # Errors
/// The first file that could not be written; what is there then is incomplete.
pub fn write_tables(
    sessionized: &Sessionized,
    rejects: &[RecordBatch],
    folder: &Path,
    layout: Layout,
    advanced: &(dyn Fn(u64) + Sync),
) -> Result<WrittenTables, WriteError> {
    for table in Table::ALL {
        let path = folder.join(table.name());
        std::fs::create_dir(&path).map_err(|error| WriteError::at(&path)(error.into()))?;
    }
    // Syncing waits for the disk: one thread does it while the others encode.
    std::thread::scope(|scope| {
        let (finished, to_sync) = channel::<(PathBuf, File)>();
        let syncing = scope.spawn(move || {
            for (path, file) in to_sync {
                file.sync_all().map_err(|error| WriteError::at(&path)(error.into()))?;
            }
            Ok(())
        });
        let writer = Writer { sessionized, folder, layout, finished, advanced, seen: Mutex::default() };
        let written = writer.write(rejects);
        let seen = writer.into_seen();
        let synced = syncing.join().expect("syncing does not panic");
        written.and(synced)?;
        for table in Table::ALL {
            let path = folder.join(table.name());
            File::open(&path)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| WriteError::at(&path)(error.into()))?;
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
}

struct Writer<'a> {
    sessionized: &'a Sessionized,
    folder: &'a Path,
    layout: Layout,
    finished: Sender<(PathBuf, File)>,
    advanced: &'a (dyn Fn(u64) + Sync),
    seen: Mutex<Seen>,
}

impl Writer<'_> {
    fn write(&self, rejects: &[RecordBatch]) -> Result<(), WriteError> {
        let parts = parts::parts(self.sessionized, self.layout.tracks_of_a_part);
        if parts.is_empty() {
            for table in TRACK_TABLES.into_iter().chain(SESSION_TABLES) {
                self.close(table, self.create(table, WHOLE)?)?;
            }
        }
        parts.par_iter().try_for_each(|part| self.write_part(part))?;
        self.write_whole_tables(rejects)?;
        let mut seen = self.seen.lock().expect("no thread panicked");
        let sessionized = self.sessionized.tracks().len() - self.sessionized.duplicate_rows();
        seen.written.checks = seen.checks.finish(self.sessionized.rules(), sessionized as u64);
        Ok(())
    }

    fn into_seen(self) -> Seen {
        self.seen.into_inner().expect("no thread panicked")
    }

    /// The five tables of one part.
    fn write_part(&self, part: &Part) -> Result<(), WriteError> {
        let mut checks = TrackChecks::default();
        let mut files = self.create_all(&TRACK_TABLES, &part.name)?;
        let columns = self.columns_of(&TRACK_TABLES);
        let groups = parts::row_groups(self.sessionized, part, self.layout.rows_of_a_group);
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
                checks.observe(&batch, self.sessionized.rules().timeout);
                append(&mut files, &encoded)?;
                (self.advanced)(batch.num_rows() as u64);
            }
        }
        self.close_all(files)?;

        let mut files = self.create_all(&SESSION_TABLES, &part.name)?;
        let columns = self.columns_of(&SESSION_TABLES);
        for sessions in part.sessions.chunks(self.layout.rows_of_a_group) {
            let batch = self.sessionized.session_columns(&sessions.iter().map(|session| *session as usize));
            let encoded = encode_all(&batch, &columns).map_err(WriteError::at(self.folder))?;
            self.seen.lock().expect("no thread panicked").checks.observe_part_sessions(&batch);
            append(&mut files, &encoded)?;
        }
        self.close_all(files)?;
        self.seen.lock().expect("no thread panicked").checks.add_tracks(&checks);
        Ok(())
    }

    fn write_whole_tables(&self, rejects: &[RecordBatch]) -> Result<(), WriteError> {
        let sessionized = self.sessionized;
        let timeout = sessionized.rules().timeout;
        self.write_whole(
            Table::SessionTracks,
            sessionized.session_count(),
            |range| sessionized.session_columns(&range),
            |checks, batch| checks.observe_session_tracks(batch, timeout),
        )?;
        self.write_whole(
            Table::AliasesMapping,
            sessionized.alias_count(),
            |range| sessionized.alias_columns(range),
            Checks::observe_aliases,
        )?;
        self.write_whole(
            Table::UserSessionFacts,
            sessionized.visitor_count(),
            |range| sessionized.visitor_columns(range),
            Checks::observe_visitors,
        )?;
        self.write_whole(
            Table::Duplicates,
            sessionized.duplicate_rows(),
            |range| sessionized.duplicate_columns(range),
            |_, _| {},
        )?;
        let mut file = self.create(Table::Rejects, WHOLE)?;
        let columns = self.columns_of(&[Table::Rejects]);
        for batch in rejects {
            let encoded = encode_all(batch, &columns).map_err(WriteError::at(self.folder))?;
            append(std::slice::from_mut(&mut file), &encoded)?;
        }
        self.close(Table::Rejects, file)
    }

    /// A table in one file, its columns made and encoded in parallel and looked at in order.
    fn write_whole(
        &self,
        table: Table,
        rows: usize,
        columns: impl Fn(std::ops::Range<usize>) -> RecordBatch + Sync,
        observe: impl Fn(&mut Checks, &RecordBatch),
    ) -> Result<(), WriteError> {
        let mut file = self.create(table, WHOLE)?;
        let described = self.columns_of(&[table]);
        let size = self.layout.rows_of_a_group;
        let groups: Vec<usize> = (0..rows).step_by(size).collect();
        for starts in groups.chunks(rayon::current_num_threads()) {
            let encoded: Vec<_> = starts
                .par_iter()
                .map(|start| {
                    let batch = columns(*start..rows.min(start + size));
                    encode_all(&batch, &described).map(|encoded| (batch, encoded))
                })
                .collect::<Result<_, _>>()
                .map_err(WriteError::at(&file.path))?;
            for (batch, encoded) in encoded {
                observe(&mut self.seen.lock().expect("no thread panicked").checks, &batch);
                append(std::slice::from_mut(&mut file), &encoded)?;
            }
        }
        self.close(table, file)
    }

    fn create_all(&self, tables: &[Table], part: &str) -> Result<Vec<OpenTable>, WriteError> {
        tables.iter().map(|table| self.create(*table, part)).collect()
    }

    fn create(&self, table: Table, part: &str) -> Result<OpenTable, WriteError> {
        let schema = table.schema(self.sessionized.rules());
        let path = self.folder.join(table.name()).join(format!("{part}.parquet"));
        let file = TableFile::create(&path, &schema).map_err(WriteError::at(&path))?;
        Ok(OpenTable { table, schema, path, file })
    }

    fn close_all(&self, files: Vec<OpenTable>) -> Result<(), WriteError> {
        files.into_iter().try_for_each(|open| self.close(open.table, open))
    }

    fn close(&self, table: Table, open: OpenTable) -> Result<(), WriteError> {
        let Written { file, rows, bytes } = open.file.finish().map_err(WriteError::at(&open.path))?;
        // A failed sync has ended the other side; its error is the one to report.
        let _ = self.finished.send((open.path, file));
        let mut seen = self.seen.lock().expect("no thread panicked");
        *seen.written.rows.entry(table.name()).or_default() += rows;
        seen.written.bytes += bytes;
        seen.written.files += 1;
        Ok(())
    }

    /// The columns that any of the tables has, each once.
    fn columns_of(&self, tables: &[Table]) -> SchemaRef {
        let mut fields = Vec::new();
        for table in tables {
            for field in table.schema(self.sessionized.rules()).fields() {
                if !fields.contains(field) {
                    fields.push(field.clone());
                }
            }
        }
        Arc::new(Schema::new(fields))
    }
}

struct OpenTable {
    table: Table,
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
