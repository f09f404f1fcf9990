//! What a snapshot has stored: its tables and state, read back.

use super::columns::{ChosenRows, SideBySide, StoredColumns};
use crate::checks::PartSummary;
use crate::digests::{DIGESTS_FILE, Digests, FileDigest, damage, seal};
use crate::disk::{Disk, Stored, is_missing};
use crate::known_inputs::damaged_segments;
use crate::manifest::{Manifest, RecordedColumn};
use crate::read::Reject;
use crate::stored_error::StoredError;
use crate::write::{
    OF_EVENTS, OF_SESSIONS, OF_TRACKS, OF_VISITORS, PARTS_FILE, STATE, StoredParts, TableOrState, WHOLE,
};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracklet_kernel::event_id::EventId;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::gate::{Gate, Reason};
use tracklet_kernel::identity::Identity;
use tracklet_kernel::ignored_ids::IgnoredIds;
use tracklet_kernel::past::{
    Contradiction, OwnedSessions, Past, PastAliases, PastIdentity, PastSessions, PastVisitors,
};
use tracklet_kernel::registry::{self, CarriedSpec};
use tracklet_kernel::secret_hash::SecretState;
use tracklet_kernel::tables::{PACKED_EVENT_IDS, State, Table};
use tracklet_kernel::tracks::TracksBuilder;

/// What is read of the state beside tracks.
const STATE_OF_TRACKS: [&str; 2] = ["user_id", "received_at"];
/// The same beside events, which have the rest in their table.
const STATE_OF_EVENTS: [&str; 1] = ["received_at"];

/// The last writer that kept event ids as texts where their table was left out.
const WRITER_OF_TEXTS: &str = "tracklet version 0.1.0 (build 3)";

/// Bytes of shared files that a run verifies, about: some milliseconds.
const VERIFIED_AT_MOST: u64 = 16 << 20;

/// A snapshot whose state can be read.
#[derive(Debug)]
pub(crate) struct StoredSnapshot<'a> {
    disk: &'a dyn Disk,
    folder: PathBuf,
    parts: StoredParts,
    /// None where an earlier version has written the snapshot.
    digests: Option<Digests>,
    /// The columns that its tracks carry, and those that they get when they are read.
    stored_carried: Vec<CarriedSpec>,
    carried: Vec<CarriedSpec>,
    /// Whether it has tables of events and sessions.
    has_events: bool,
    /// Whether event ids are packed where their table is left out.
    packs_event_ids: bool,
    /// Whether it may have evidence, and how many rows of it.
    has_evidence: bool,
    evidence_rows: u64,
    tables_read: AtomicU64,
    state_read: AtomicU64,
}

/// Compressed bytes of the columns that were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BytesRead {
    pub(crate) tables: u64,
    pub(crate) state: u64,
}

/// Hashes to look for, with a quick test that most others fail.
pub(crate) struct Hashes {
    bits: Vec<u64>,
    all: HashSet<i64, SecretState>,
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

impl<'a> StoredSnapshot<'a> {
    /// The snapshot in `folder` with this manifest; `None` where its state is not of a version that can be read.
    pub(crate) fn open(
        disk: &'a dyn Disk,
        folder: &Path,
        manifest: &Manifest,
    ) -> Result<Option<Self>, StoredError> {
        let carried = manifest.rules.iter().flat_map(|rules| &rules.carried);
        let carried: Vec<CarriedSpec> = carried.map(RecordedColumn::spec).collect();
        let stored = Self::open_sealed(disk, folder, manifest.digests.as_deref())?;
        let has_events = manifest.rules.as_ref().is_some_and(|rules| rules.events);
        let has_evidence = manifest.rules.as_ref().is_some_and(|rules| !rules.evidence.is_empty());
        let evidence_rows = manifest.rows.evidence;
        Ok(stored.map(|stored| Self {
            stored_carried: carried.clone(),
            carried,
            has_events,
            packs_event_ids: manifest.versions.writer != WRITER_OF_TEXTS,
            has_evidence,
            evidence_rows,
            ..stored
        }))
    }

    /// The snapshot for a run whose tracks carry these columns: those that it does not have are null.
    pub(crate) fn carrying(self, carried: &[CarriedSpec]) -> Self {
        Self { carried: carried.to_vec(), ..self }
    }

    /// The snapshot in `folder`, which may have no manifest yet; `seal` is the digest of its file of digests. What its tracks
    /// carry is not known.
    pub(crate) fn open_sealed(
        disk: &'a dyn Disk,
        folder: &Path,
        seal: Option<&str>,
    ) -> Result<Option<Self>, StoredError> {
        let digests = seal.map(|seal| read_digests(disk, folder, seal)).transpose()?;
        if digests.as_ref().is_some_and(|digests| !digests.is_readable()) {
            return Ok(None);
        }
        let name = Path::new(STATE).join(PARTS_FILE);
        let path = folder.join(&name);
        let file = match disk.open(&path) {
            Err(error) if is_missing(&error) && digests.is_none() => return Ok(None),
            file => file.map_err(StoredError::io(&path))?,
        };
        let bytes = file.bytes().map_err(StoredError::io(&path))?;
        if let Some(digests) = &digests
            && !digests.get(&name.to_string_lossy()).is_some_and(|digest| digest.is_of(&bytes))
        {
            let what = "its bytes are not those that were written".to_owned();
            return Err(StoredError::Damaged { path, what });
        }
        let Ok(parts) = serde_json::from_slice::<StoredParts>(&bytes) else { return Ok(None) };
        let (tables_read, state_read) = (AtomicU64::new(0), AtomicU64::new(bytes.len() as u64));
        let (folder, stored_carried, carried) = (folder.to_owned(), Vec::new(), Vec::new());
        let snapshot = Self {
            disk,
            folder,
            parts,
            digests,
            stored_carried,
            carried,
            has_events: false,
            packs_event_ids: true,
            has_evidence: false,
            evidence_rows: 0,
            tables_read,
            state_read,
        };
        Ok(Some(snapshot).filter(|snapshot| snapshot.parts.is_readable()))
    }

    /// Where it has the rows of a table in a part, which may be left out for readers.
    fn place(&self, table: Table, part: &str) -> TableOrState {
        let kept = TableOrState::Kept(table);
        let has = |digests: &Digests| digests.get(&kept.name(part)).is_some();
        if self.digests.as_ref().is_some_and(has) { kept } else { TableOrState::Table(table) }
    }

    /// The digests of its files.
    /// # Errors
    /// There are none: an earlier version has written the snapshot.
    pub(crate) fn digests(&self) -> Result<&Digests, StoredError> {
        self.digests.as_ref().ok_or_else(|| self.contradiction("it has no digests"))
    }

    /// Verifies some of the files that the next snapshot shares with this one, without being read: each run others, so that
    /// damage to what no run reads does not stay unseen for long.
    pub(crate) fn verify_in_turn(&self, shared: &[String]) -> Result<(), StoredError> {
        let Some(digests) = self.digests.as_ref().filter(|_| !shared.is_empty()) else { return Ok(()) };
        let number = self.folder.file_name().and_then(|name| name.to_str()?.parse::<usize>().ok());
        let first = number.unwrap_or_default() % shared.len();
        let mut bytes = 0;
        let mut in_turn: Vec<&String> = Vec::new();
        for name in shared[first..].iter().chain(&shared[..first]) {
            bytes += digests.get(name).map_or(0, FileDigest::bytes);
            if bytes > VERIFIED_AT_MOST && !in_turn.is_empty() {
                break;
            }
            in_turn.push(name);
        }
        in_turn.par_iter().try_for_each(|name| self.verify(name, digests))
    }

    fn verify(&self, name: &str, digests: &Digests) -> Result<(), StoredError> {
        let path = self.folder.join(name);
        match damage(self.disk, &self.folder, name, digests).map_err(StoredError::io(&path))? {
            None => Ok(()),
            Some(what) => Err(StoredError::Damaged { path, what }),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The columns that its tracks carry once they are read.
    pub(crate) fn carried(&self) -> &[CarriedSpec] {
        &self.carried
    }

    /// How many rows are evidence.
    pub(crate) fn evidence_rows(&self) -> u64 {
        self.evidence_rows
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

    /// Every alias and every session; so many ids may come beside the aliases.
    pub(crate) fn past(&self, new_ids: usize) -> Result<Past, StoredError> {
        let (aliases, sessions) = rayon::join(|| self.past_aliases(new_ids), || self.past_sessions());
        let (aliases, sessions) = (aliases?, sessions?);
        let (identity, sessions) =
            rayon::join(|| self.past_identity(&aliases), || self.past_visitors(&aliases, sessions));
        Ok(Past::new(aliases, identity?, sessions?))
    }

    fn past_aliases(&self, new_ids: usize) -> Result<PastAliases, StoredError> {
        let columns =
            self.columns(self.place(Table::AliasesMapping, WHOLE), WHOLE, &["alias"], &ChosenRows::All)?;
        let mut aliases = PastAliases::with_capacity(columns.rows(), new_ids);
        for batch in columns {
            aliases.push(&batch?).map_err(|error| self.contradicting(error))?;
        }
        Ok(aliases)
    }

    fn past_identity(&self, aliases: &PastAliases) -> Result<Identity, StoredError> {
        let mut identity = PastIdentity::new(aliases);
        let mapping = (self.place(Table::AliasesMapping, WHOLE), &["dbt_visitor_id"][..]);
        for batch in self.side_by_side(
            WHOLE,
            mapping,
            (TableOrState::State(State::Aliases), &["last_login_at"]),
            &ChosenRows::All,
        )? {
            identity.push(&batch?).map_err(|error| self.contradicting(error))?;
        }
        identity.finish().map_err(|error| self.contradicting(error))
    }

    fn past_sessions(&self) -> Result<PastSessions, StoredError> {
        let table = (self.place(Table::SessionTracks, WHOLE), &OF_SESSIONS[..]);
        let state = (TableOrState::State(State::Sessions), &["ended_at", "tracks"][..]);
        let columns = self.side_by_side(WHOLE, table, state, &ChosenRows::All)?;
        let mut sessions = PastSessions::with_capacity(columns.rows());
        for batch in columns {
            sessions.push(&batch?);
        }
        Ok(sessions)
    }

    fn past_visitors(
        &self,
        aliases: &PastAliases,
        sessions: PastSessions,
    ) -> Result<OwnedSessions, StoredError> {
        let mut visitors = PastVisitors::new(aliases, sessions);
        let place = self.place(Table::UserSessionFacts, WHOLE);
        for batch in self.columns(place, WHOLE, &OF_VISITORS, &ChosenRows::All)? {
            visitors.push(&batch?).map_err(|error| self.contradicting(error))?;
        }
        visitors.finish().map_err(|error| self.contradicting(error))
    }

    fn contradicting(&self, error: Contradiction) -> StoredError {
        self.contradiction(&error.to_string())
    }

    /// Whether a row that was accepted has an id that `ignored` takes for none.
    pub(crate) fn has_ignored(&self, ignored: &IgnoredIds) -> Result<bool, StoredError> {
        let aliases = self.place(Table::AliasesMapping, WHOLE);
        for batch in self.columns(aliases, WHOLE, &["alias"], &ChosenRows::All)? {
            if batch?["alias"].as_string::<i32>().iter().flatten().any(|alias| ignored.has(alias)) {
                return Ok(true);
            }
        }
        let duplicates = (self.place(Table::Duplicates, WHOLE), ["anonymous_id", "user_id"]);
        for batch in self.columns(duplicates.0, WHOLE, &duplicates.1, &ChosenRows::All)? {
            let batch = batch?;
            let mut ids =
                duplicates.1.iter().flat_map(|name| batch[*name].as_string::<i32>().iter().flatten());
            if ids.any(|id| ignored.has(id)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The aliases that belong to a visitor.
    pub(crate) fn aliases_of(&self, visitor: &str) -> Result<Vec<String>, StoredError> {
        let columns = ["alias", "dbt_visitor_id"];
        let mut found = Vec::new();
        for batch in
            self.columns(self.place(Table::AliasesMapping, WHOLE), WHOLE, &columns, &ChosenRows::All)?
        {
            let batch = batch?;
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
        for batch in
            self.columns(TableOrState::State(State::Tracks), part, &["event_id_hash"], &ChosenRows::All)?
        {
            let batch = batch?;
            let stored = batch["event_id_hash"].as_primitive::<Int64Type>().values();
            let found = stored.iter().enumerate().filter(|(_, hash)| hashes.contain(**hash));
            rows.extend(found.map(|(row, _)| (before + row) as u32));
            before += batch.num_rows();
        }
        Ok(rows)
    }

    /// Hands on the tracks of each of these parts, as they were read, with the part's place. As many are read at once as there
    /// are threads: each has tables of its ids until it is taken in.
    pub(crate) fn each_part(
        &self,
        parts: &[(String, ChosenRows<'_>)],
        mut take: impl FnMut(usize, TracksBuilder),
    ) -> Result<(), StoredError> {
        let at_once = rayon::current_num_threads();
        for (number, parts) in parts.chunks(at_once).enumerate() {
            let read = parts.par_iter().map(|(part, rows)| self.tracks(part, rows));
            let read: Vec<TracksBuilder> = read.collect::<Result<_, _>>()?;
            for (place, tracks) in read.into_iter().enumerate() {
                take(number * at_once + place, tracks);
            }
        }
        Ok(())
    }

    /// Tracks of a part, as they were read.
    pub(crate) fn tracks(&self, part: &str, rows: &ChosenRows<'_>) -> Result<TracksBuilder, StoredError> {
        let mut tracks = self.builder();
        self.push_tracks(part, rows, &mut tracks)?;
        Ok(tracks)
    }

    /// [`StoredSnapshot::tracks`] into a builder.
    pub(crate) fn push_tracks(
        &self,
        part: &str,
        rows: &ChosenRows<'_>,
        tracks: &mut TracksBuilder,
    ) -> Result<(), StoredError> {
        for batch in self.columns_of_tracks(part, rows)? {
            self.push(part, &batch?, tracks)?;
        }
        Ok(())
    }

    /// Hands the tracks of a part to `take` in a builder, some at a time; what `take` leaves in it stays there.
    pub(crate) fn each_batch<E: From<StoredError>>(
        &self,
        part: &str,
        mut take: impl FnMut(&mut TracksBuilder) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut tracks = self.builder();
        for batch in self.columns_of_tracks(part, &ChosenRows::All)? {
            self.push(part, &batch?, &mut tracks)?;
            take(&mut tracks)?;
        }
        Ok(())
    }

    /// What is kept of a part's tracks.
    fn columns_of_tracks(&self, part: &str, rows: &ChosenRows<'_>) -> Result<SideBySide, StoredError> {
        let carried = self.carried_names();
        let (table, mut columns, state) = if self.has_events {
            (Table::Events, [&OF_EVENTS, &carried[..]].concat(), STATE_OF_EVENTS.to_vec())
        } else {
            (Table::MappedTracks, OF_TRACKS.to_vec(), [&STATE_OF_TRACKS, &carried[..]].concat())
        };
        let place = self.place(table, part);
        if self.packs_event_ids && matches!(place, TableOrState::Kept(_)) {
            columns.retain(|name| *name != registry::EVENT_ID.name);
            columns.extend(PACKED_EVENT_IDS);
        }
        self.side_by_side(part, (place, &columns), (TableOrState::State(State::Tracks), &state), rows)
    }

    /// The columns to read.
    fn carried_names(&self) -> Vec<&str> {
        let names = self.stored_carried.iter().map(|column| column.name.as_str());
        names.filter(|name| self.carried.iter().any(|column| column.name == *name)).collect()
    }

    /// A builder for stored tracks: their names stay as they are.
    pub(crate) fn builder(&self) -> TracksBuilder {
        TracksBuilder::new(Gate::again(&self.carried))
    }

    /// The rows dropped as duplicates.
    pub(crate) fn duplicates(&self) -> Result<TracksBuilder, StoredError> {
        let (place, names) = (self.place(Table::Duplicates, WHOLE), &registry::NAMES[..]);
        let mut tracks = self.builder();
        let mut add =
            |batch: RecordBatch| push(&self.typed(&batch), &mut tracks, &place.file(&self.folder, WHOLE));
        let carried = self.carried_names();
        if carried.is_empty() {
            self.columns(place, WHOLE, names, &ChosenRows::All)?.try_for_each(|batch| add(batch?))?;
        } else {
            let state = (TableOrState::State(State::Duplicates), &carried[..]);
            self.side_by_side(WHOLE, (place, names), state, &ChosenRows::All)?
                .try_for_each(|batch| add(batch?))?;
        }
        Ok(tracks)
    }

    /// The rows that are evidence.
    pub(crate) fn evidence(&self) -> Result<TracksBuilder, StoredError> {
        self.each_evidence(|_| Ok(()))
    }

    /// Hands the rows that are evidence to `take` in a builder, some at a time; returns it with what `take` leaves in it.
    pub(crate) fn each_evidence<E: From<StoredError>>(
        &self,
        mut take: impl FnMut(&mut TracksBuilder) -> Result<(), E>,
    ) -> Result<TracksBuilder, E> {
        let mut tracks = self.builder();
        if self.has_evidence {
            let place = TableOrState::State(State::Evidence);
            let is_asked = self.carried.iter().any(|column| column.name == registry::EVENT_TYPE);
            let columns =
                [&registry::NAMES[..], if is_asked { &[registry::EVENT_TYPE] } else { &[] }].concat();
            for batch in self.columns(place, WHOLE, &columns, &ChosenRows::All)? {
                push(&batch?, &mut tracks, &place.file(&self.folder, WHOLE))?;
                take(&mut tracks)?;
            }
        }
        Ok(tracks)
    }

    /// Hands on the rows that are no tracks, in their order.
    ///
    /// # Errors
    /// A file that can't be read, and what `take` says.
    pub(crate) fn each_reject<E: From<StoredError>>(
        &self,
        mut take: impl FnMut(Reject) -> Result<(), E>,
    ) -> Result<(), E> {
        let place = self.place(Table::Rejects, WHOLE);
        let schema = Table::Rejects.schema(&tracklet_kernel::rules::Rules::default());
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        for batch in self.columns(place, WHOLE, &columns, &ChosenRows::All)? {
            let batch = batch?;
            let text = |name: &str, row: usize| {
                let column = batch[name].as_string::<i32>();
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            let numbers = batch["row_number"].as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let named = text("reason", row).unwrap_or_default();
                let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == named);
                take(Reject {
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
                })?;
            }
        }
        Ok(())
    }

    fn push(&self, part: &str, batch: &RecordBatch, tracks: &mut TracksBuilder) -> Result<(), StoredError> {
        push(
            &self.typed(&unpacked(batch)),
            tracks,
            &self.place(Table::MappedTracks, part).file(&self.folder, part),
        )
    }

    /// The rows with their type, where they have none: they were read when tracks alone were events.
    fn typed(&self, batch: &RecordBatch) -> RecordBatch {
        let is_type = |column: &CarriedSpec| column.name == registry::EVENT_TYPE;
        if !self.carried.iter().any(is_type) || self.stored_carried.iter().any(is_type) {
            return batch.clone();
        }
        let types: ArrayRef = Arc::new(StringArray::from(vec![EventType::Track.name(); batch.num_rows()]));
        let schema = batch.schema();
        let named =
            schema.fields().iter().map(|field| field.name().as_str()).zip(batch.columns().iter().cloned());
        let columns = named.chain([(registry::EVENT_TYPE, types)]).map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("as many values in each column")
    }

    /// Columns of a table and of the state aligned to it, side by side.
    fn side_by_side(
        &self,
        part: &str,
        (table, columns): (TableOrState, &[&str]),
        (state, state_columns): (TableOrState, &[&str]),
        rows: &ChosenRows<'_>,
    ) -> Result<SideBySide, StoredError> {
        let left = self.columns(table, part, columns, rows)?;
        Ok(SideBySide::new(left, self.columns(state, part, state_columns, rows)?))
    }

    /// Columns of a file.
    fn columns(
        &self,
        place: TableOrState,
        part: &str,
        columns: &[&str],
        rows: &ChosenRows<'_>,
    ) -> Result<StoredColumns, StoredError> {
        let path = place.file(&self.folder, part);
        let digest = match &self.digests {
            None => None,
            Some(digests) => Some(digests.get(&place.name(part)).ok_or_else(|| StoredError::Damaged {
                path: path.clone(),
                what: "it has no digest".to_owned(),
            })?),
        };
        let (columns, bytes) = StoredColumns::open(self.disk, path, digest, columns, rows)?;
        let counter =
            if matches!(place, TableOrState::Table(_)) { &self.tables_read } else { &self.state_read };
        counter.fetch_add(bytes, Ordering::Relaxed);
        Ok(columns)
    }
}

/// The rows with their event ids as texts, where they are packed.
fn unpacked(batch: &RecordBatch) -> RecordBatch {
    let [Some(uuids), Some(texts)] = PACKED_EVENT_IDS.map(|name| batch.column_by_name(name)) else {
        return batch.clone();
    };
    let (uuids, texts) = (uuids.as_fixed_size_binary(), texts.as_string::<i32>());
    let id = |(uuid, text): (Option<&[u8]>, Option<&str>)| match uuid.and_then(|uuid| uuid.try_into().ok()) {
        Some(uuid) => Some(EventId::Uuid(u128::from_be_bytes(uuid)).to_string()),
        None => text.map(str::to_owned),
    };
    let ids: ArrayRef = Arc::new(uuids.iter().zip(texts).map(id).collect::<StringArray>());
    let schema = batch.schema();
    let others = schema.fields().iter().zip(batch.columns());
    let others = others.filter(|(field, _)| !PACKED_EVENT_IDS.contains(&field.name().as_str()));
    let others = others.map(|(field, column)| (field.name().as_str(), ArrayRef::clone(column), true));
    RecordBatch::try_from_iter_with_nullable(others.chain([(registry::EVENT_ID.name, ids, true)]))
        .expect("as many values in each column")
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

/// The digests of a snapshot's files, which have this digest themselves.
fn read_digests(disk: &dyn Disk, folder: &Path, digest: &str) -> Result<Digests, StoredError> {
    let path = folder.join(STATE).join(DIGESTS_FILE);
    let bytes = disk.open(&path).and_then(Stored::bytes).map_err(StoredError::io(&path))?;
    let damaged = |what: String| StoredError::Damaged { path: path.clone(), what };
    if seal(&bytes) != digest {
        return Err(damaged("its bytes are not those that were written".to_owned()));
    }
    serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
}

/// The files of a snapshot that are not what was written, each with what is wrong; none where an earlier version has written
/// it, without digests.
/// # Errors
/// The digests can't be read.
/// # Cost
/// All files are read.
pub fn damaged_files(
    disk: &dyn Disk,
    folder: &Path,
    manifest: &Manifest,
) -> Result<Vec<(String, String)>, StoredError> {
    let mut all = damaged_segments(disk, folder, &manifest.inputs)?;
    let Some(digest) = &manifest.digests else { return Ok(all) };
    let digests = read_digests(disk, folder, digest)?;
    if !digests.is_readable() {
        return Ok(all);
    }
    let names: Vec<&String> = digests.files().keys().collect();
    let look = |name: &&String| {
        let found = damage(disk, folder, name, &digests).map_err(StoredError::io(&folder.join(name)))?;
        Ok(found.map(|what| ((*name).clone(), what)))
    };
    let found: Result<Vec<_>, StoredError> = names.par_iter().map(look).collect();
    all.extend(found?.into_iter().flatten());
    Ok(all)
}
