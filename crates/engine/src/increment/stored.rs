//! What a snapshot has stored: its tables and state, read back.

use super::error::StoredError;
use crate::checks::PartSummary;
use crate::disk::{Disk, is_missing};
use crate::read::Reject;
use crate::write::{PARTS_FILE, Place, STATE, StoredParts, WHOLE};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::increment::Past;
use tracklet_kernel::tables::{State, Table};
use tracklet_kernel::tracks::{Reason, TracksBuilder};

/// Rows that are decoded at once.
const ROWS_AT_ONCE: usize = 1 << 16;

/// What is read of a part's tracks, and of the state beside them.
const OF_TRACKS: [&str; 4] = ["event_id", "anonymous_id", "timestamp", "event"];
const BESIDE_TRACKS: [&str; 2] = ["user_id", "received_at"];

/// A snapshot whose state can be read.
#[derive(Debug)]
pub(crate) struct StoredSnapshot<'a> {
    disk: &'a dyn Disk,
    folder: PathBuf,
    parts: StoredParts,
    tables_read: AtomicU64,
    state_read: AtomicU64,
}

/// Compressed bytes of the columns that were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BytesRead {
    pub(crate) tables: u64,
    pub(crate) state: u64,
}

/// Some rows of a part, by their places in ascending order.
pub(crate) enum Rows<'r> {
    All,
    Only(&'r [u32]),
    Without(&'r [u32]),
}

impl Rows<'_> {
    fn selection(&self, rows: usize) -> Option<RowSelection> {
        let (named, skips_named) = match self {
            Self::All => return None,
            Self::Only(named) => (named, false),
            Self::Without(named) => (named, true),
        };
        let selector = |rows: usize, skips: bool| {
            if skips { RowSelector::skip(rows) } else { RowSelector::select(rows) }
        };
        let mut selectors = Vec::with_capacity(named.len() * 2 + 1);
        let mut from = 0;
        for row in *named {
            selectors.push(selector(*row as usize - from, !skips_named));
            selectors.push(selector(1, skips_named));
            from = *row as usize + 1;
        }
        selectors.push(selector(rows - from, !skips_named));
        selectors.retain(|selector| selector.row_count > 0);
        Some(selectors.into())
    }
}

/// Hashes to look for, with a quick test that most others fail.
pub(crate) struct Hashes {
    bits: Vec<u64>,
    all: HashSet<i64, foldhash::fast::FixedState>,
}

impl Hashes {
    pub(crate) fn new(hashes: Vec<i64>) -> Self {
        let words = (hashes.len() / 4).next_power_of_two().max(16);
        let mut found = Self { bits: vec![0; words], all: HashSet::default() };
        for hash in hashes {
            let (word, bit) = found.place(hash);
            found.bits[word] |= bit;
            found.all.insert(hash);
        }
        found
    }

    fn place(&self, hash: i64) -> (usize, u64) {
        let hash = hash.cast_unsigned();
        ((hash >> 6) as usize & (self.bits.len() - 1), 1 << (hash & 63))
    }

    fn contain(&self, hash: i64) -> bool {
        let (word, bit) = self.place(hash);
        self.bits[word] & bit != 0 && self.all.contains(&hash)
    }
}

/// A builder for stored tracks, whose names are as they shall be.
pub(crate) fn builder() -> TracksBuilder {
    TracksBuilder::new(EventNames::default())
}

impl<'a> StoredSnapshot<'a> {
    /// The snapshot in `folder`; `None` where its state is not of a version that can be read.
    pub(crate) fn open(disk: &'a dyn Disk, folder: &Path) -> Result<Option<Self>, StoredError> {
        let path = folder.join(STATE).join(PARTS_FILE);
        let file = match disk.open(&path) {
            Err(error) if is_missing(&error) => return Ok(None),
            file => file.map_err(StoredError::io(&path))?,
        };
        let bytes = file.bytes().map_err(StoredError::io(&path))?;
        let Ok(parts) = serde_json::from_slice::<StoredParts>(&bytes) else { return Ok(None) };
        let (tables_read, state_read) = (AtomicU64::new(0), AtomicU64::new(bytes.len() as u64));
        let snapshot = Self { disk, folder: folder.to_owned(), parts, tables_read, state_read };
        Ok(Some(snapshot).filter(|snapshot| snapshot.parts.is_readable()))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every part by its name.
    pub(crate) fn parts(&self) -> &BTreeMap<String, PartSummary> {
        self.parts.parts()
    }

    pub(crate) fn bytes_read(&self) -> BytesRead {
        BytesRead {
            tables: self.tables_read.load(Ordering::Relaxed),
            state: self.state_read.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn contradiction(&self, what: &str) -> StoredError {
        StoredError::Changed { path: self.folder.clone(), what: what.to_owned() }
    }

    /// Every alias and every session.
    pub(crate) fn past(&self) -> Result<Past, StoredError> {
        let (aliases, sessions) = rayon::join(
            || {
                let mapping = (Place::Table(Table::AliasesMapping), &["alias", "dbt_visitor_id"][..]);
                self.beside(WHOLE, mapping, (Place::State(State::Aliases), &["last_login_at"]), &Rows::All)
            },
            || {
                let sessions =
                    (Place::Table(Table::SessionTracks), &["dbt_visitor_id", "session_start_at"][..]);
                let state = (Place::State(State::Sessions), &["ended_at", "tracks"][..]);
                self.beside(WHOLE, sessions, state, &Rows::All)
            },
        );
        Past::new(&aliases?, &sessions?).map_err(|error| self.contradiction(&error.to_string()))
    }

    /// The aliases that belong to a visitor.
    pub(crate) fn aliases_of(&self, visitor: &str) -> Result<Vec<String>, StoredError> {
        let columns = ["alias", "dbt_visitor_id"];
        let mut found = Vec::new();
        for batch in self.batches(Place::Table(Table::AliasesMapping), WHOLE, &columns, &Rows::All)? {
            let (aliases, visitors) =
                (batch["alias"].as_string::<i32>(), batch["dbt_visitor_id"].as_string::<i32>());
            let of_visitor = aliases.iter().zip(visitors).filter(|(_, of)| *of == Some(visitor));
            found.extend(of_visitor.filter_map(|(alias, _)| Some(alias?.to_owned())));
        }
        Ok(found)
    }

    /// The rows of a part whose event ids have one of the hashes.
    pub(crate) fn rows_with_hash(&self, part: &str, hashes: &Hashes) -> Result<Vec<u32>, StoredError> {
        let mut rows = Vec::new();
        let mut before = 0;
        for batch in self.batches(Place::State(State::Tracks), part, &["event_id_hash"], &Rows::All)? {
            let stored = batch["event_id_hash"].as_primitive::<Int64Type>().values();
            let found = stored.iter().enumerate().filter(|(_, hash)| hashes.contain(**hash));
            rows.extend(found.map(|(row, _)| (before + row) as u32));
            before += batch.num_rows();
        }
        Ok(rows)
    }

    /// Tracks of a part, as they were read.
    pub(crate) fn tracks(&self, part: &str, rows: &Rows<'_>) -> Result<TracksBuilder, StoredError> {
        let mut tracks = builder();
        self.push_tracks(part, rows, &mut tracks)?;
        Ok(tracks)
    }

    /// [`StoredSnapshot::tracks`] into a builder.
    pub(crate) fn push_tracks(
        &self,
        part: &str,
        rows: &Rows<'_>,
        tracks: &mut TracksBuilder,
    ) -> Result<(), StoredError> {
        let place = Place::Table(Table::MappedTracks);
        let state = (Place::State(State::Tracks), &BESIDE_TRACKS[..]);
        for batch in self.beside(part, (place, &OF_TRACKS[..]), state, rows)? {
            push(&batch, tracks, &place.file(&self.folder, part))?;
        }
        Ok(())
    }

    /// Hands the tracks of a part to `take` in a builder, some at a time; what `take` leaves in it stays there.
    pub(crate) fn each_batch<E: From<StoredError>>(
        &self,
        part: &str,
        mut take: impl FnMut(&mut TracksBuilder) -> Result<(), E>,
    ) -> Result<(), E> {
        let place = Place::Table(Table::MappedTracks);
        let path = place.file(&self.folder, part);
        let mut table = self.reader(place, part, &OF_TRACKS, &Rows::All)?;
        let mut state = self.reader(Place::State(State::Tracks), part, &BESIDE_TRACKS, &Rows::All)?;
        let mut tracks = builder();
        loop {
            let next = |reader: &mut ParquetRecordBatchReader| {
                reader.next().transpose().map_err(|error| StoredError::parquet(&path)(error.into()))
            };
            let batch = match (next(&mut table)?, next(&mut state)?) {
                (None, None) => return Ok(()),
                (Some(left), Some(right)) => side_by_side(&left, &right).ok(),
                _ => None,
            };
            let batch = batch.ok_or_else(|| not_aligned(path.clone()))?;
            push(&batch, &mut tracks, &path)?;
            take(&mut tracks)?;
        }
    }

    /// The rows dropped as duplicates.
    pub(crate) fn duplicates(&self) -> Result<TracksBuilder, StoredError> {
        let place = Place::Table(Table::Duplicates);
        let columns = ["event_id", "anonymous_id", "user_id", "event", "timestamp", "received_at"];
        let mut tracks = builder();
        for batch in self.batches(place, WHOLE, &columns, &Rows::All)? {
            push(&batch, &mut tracks, &place.file(&self.folder, WHOLE))?;
        }
        Ok(tracks)
    }

    /// The rows that are no tracks, in their order.
    pub(crate) fn rejects(&self) -> Result<Vec<Reject>, StoredError> {
        let place = Place::Table(Table::Rejects);
        let schema = Table::Rejects.schema(&tracklet_kernel::rules::Rules::default());
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mut rejects = Vec::new();
        for batch in self.batches(place, WHOLE, &columns, &Rows::All)? {
            let text = |name: &str, row: usize| {
                let column = batch[name].as_string::<i32>();
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            let numbers = batch["row_number"].as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let named = text("reason", row).unwrap_or_default();
                let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == named);
                rejects.push(Reject {
                    source_file: text("source_file", row).unwrap_or_default(),
                    row_number: numbers.is_valid(row).then(|| numbers.value(row).cast_unsigned()),
                    reason: reason.ok_or_else(|| StoredError::Changed {
                        path: place.file(&self.folder, WHOLE),
                        what: format!("`{named}` is no reason to reject a row"),
                    })?,
                    event_id: text("event_id", row),
                    anonymous_id: text("anonymous_id", row),
                    user_id: text("user_id", row),
                    event: text("event", row),
                    timestamp: text("timestamp", row),
                    received_at: text("received_at", row),
                    raw: text("raw", row),
                });
            }
        }
        Ok(rejects)
    }

    /// Columns of a table and of the state aligned to it, side by side.
    fn beside(
        &self,
        part: &str,
        (table, columns): (Place, &[&str]),
        (state, state_columns): (Place, &[&str]),
        rows: &Rows<'_>,
    ) -> Result<Vec<RecordBatch>, StoredError> {
        let mut left = self.batches(table, part, columns, rows)?;
        let mut right = self.batches(state, part, state_columns, rows)?;
        let lengths = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>();
        let path = state.file(&self.folder, part);
        if lengths(&left) != lengths(&right) {
            (left, right) = (whole(left, &path)?, whole(right, &path)?);
        }
        let together = left.iter().zip(&right).map(|(left, right)| side_by_side(left, right));
        together.collect::<Result<_, _>>().map_err(|_| not_aligned(path))
    }

    /// Columns of a file.
    fn batches(
        &self,
        place: Place,
        part: &str,
        columns: &[&str],
        rows: &Rows<'_>,
    ) -> Result<Vec<RecordBatch>, StoredError> {
        let broken = |error: ArrowError| StoredError::parquet(&place.file(&self.folder, part))(error.into());
        self.reader(place, part, columns, rows)?.collect::<Result<_, _>>().map_err(broken)
    }

    /// The columns of a file, some rows at a time.
    fn reader(
        &self,
        place: Place,
        part: &str,
        columns: &[&str],
        rows: &Rows<'_>,
    ) -> Result<ParquetRecordBatchReader, StoredError> {
        let path = place.file(&self.folder, part);
        let broken = StoredError::parquet(&path);
        let file = self.disk.open(&path).map_err(StoredError::io(&path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(&broken)?;
        if let Some(missing) = columns.iter().find(|name| reader.schema().field_with_name(name).is_err()) {
            return Err(StoredError::Changed { path, what: format!("it has no column `{missing}`") });
        }
        let mask = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
        let groups = reader.metadata().row_groups();
        let of_columns = |column: usize| {
            let bytes = groups.iter().map(|group| group.column(column).compressed_size().cast_unsigned());
            bytes.sum::<u64>()
        };
        let leaves = 0..reader.parquet_schema().num_columns();
        let bytes = leaves.filter(|column| mask.leaf_included(*column)).map(of_columns).sum();
        let counter = if matches!(place, Place::State(_)) { &self.state_read } else { &self.tables_read };
        counter.fetch_add(bytes, Ordering::Relaxed);
        let selection = rows.selection(reader.metadata().file_metadata().num_rows() as usize);
        let mut reader = reader.with_projection(mask).with_batch_size(ROWS_AT_ONCE);
        if let Some(selection) = selection {
            reader = reader.with_row_selection(selection);
        }
        reader.build().map_err(&broken)
    }
}

/// Puts rows through the gate that all of them have passed before.
fn push(batch: &RecordBatch, tracks: &mut TracksBuilder, path: &Path) -> Result<(), StoredError> {
    match tracks.push(batch).first() {
        None => Ok(()),
        Some(rejected) => {
            let what = format!("a row of it is no track ({})", rejected.reason.as_str());
            Err(StoredError::Changed { path: path.to_owned(), what })
        }
    }
}

/// The columns of two batches of as many rows.
fn side_by_side(left: &RecordBatch, right: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<(String, ArrayRef, bool)> = Vec::new();
    for batch in [left, right] {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            columns.push((field.name().clone(), column.clone(), true));
        }
    }
    RecordBatch::try_from_iter_with_nullable(columns)
}

fn not_aligned(path: PathBuf) -> StoredError {
    StoredError::Changed { path, what: "it has not a row for every row of its table".to_owned() }
}

/// The batches in one.
fn whole(batches: Vec<RecordBatch>, path: &Path) -> Result<Vec<RecordBatch>, StoredError> {
    let Some(first) = batches.first() else { return Ok(batches) };
    let whole = concat_batches(&first.schema(), &batches);
    Ok(vec![whole.map_err(|error| StoredError::parquet(path)(error.into()))?])
}
