//! The files of a snapshot under construction, filled row group by row group.

use super::encode::{self, EncodedColumn};
use super::join::join;
use super::parts::{self, Part, PartKey};
use super::table_file::{CompleteFile, TableFile, descriptors};
use super::{
    Layout, Stays, StoredParts, TableOrState, WHOLE, WriteError, WritePlan, WrittenTables, of_sessions,
    of_tracks,
};
use crate::checks::{
    AliasesSeen, PartChecks, PartSummary, Repeated, SessionsSeen, TableChecks, VisitorsSeen,
};
use crate::digests::Digests;
use crate::disk::{Disk, NewFile, copy_file, has_no_links};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use parquet::errors::ParquetError;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard};
use tracklet_kernel::rules::Rules;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::{State, Table};

/// How much is written side by side; it changes no byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtOnce {
    /// Parts.
    pub(crate) parts: usize,
    /// Row groups of each.
    pub(crate) groups: usize,
}

/// Where the tables go, and how.
#[derive(Clone, Copy)]
pub(crate) struct WriteTarget<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) folder: &'a Path,
    pub(crate) rules: &'a Rules,
    pub(crate) layout: Layout,
    pub(crate) at_once: AtOnce,
    /// Hears of tracks as they are written.
    pub(crate) advanced: &'a (dyn Fn(u64) + Sync),
}

/// What the threads have written and seen.
#[derive(Default)]
pub(super) struct WriterSeen {
    pub(super) written: WrittenTables,
    pub(super) checks: TableChecks,
    pub(super) parts: StoredParts,
    pub(super) digests: Digests,
}

/// Writes the files of one snapshot.
pub(crate) struct Writer<'a> {
    target: WriteTarget<'a>,
    finished: SyncSender<(PathBuf, Box<dyn NewFile>)>,
    seen: Mutex<WriterSeen>,
}

impl<'a> Writer<'a> {
    /// A writer that hands complete files to `finished`, to be synced.
    pub(super) fn new(target: WriteTarget<'a>, finished: SyncSender<(PathBuf, Box<dyn NewFile>)>) -> Self {
        Self { target, finished, seen: Mutex::default() }
    }

    pub(super) fn into_seen(self) -> WriterSeen {
        self.seen.into_inner().expect("no thread panicked")
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, WriterSeen> {
        self.seen.lock().expect("no thread panicked")
    }

    /// The same writer with so much side by side.
    pub(crate) fn at_once(&mut self, at_once: AtOnce) {
        self.target.at_once = at_once;
    }

    fn of_tracks(&self) -> Vec<TableOrState> {
        of_tracks(self.target.rules)
    }

    fn of_sessions(&self) -> Vec<TableOrState> {
        of_sessions(self.target.rules)
    }

    /// Where a table is written that the next run needs, in any selection of tables.
    fn needed(&self, table: Table) -> TableOrState {
        TableOrState::of(table, self.target.rules).expect("the next run needs it")
    }

    /// What is cut into parts, where there is no session.
    pub(crate) fn write_no_parts(&self) -> Result<(), WriteError> {
        let mut places = self.of_tracks().into_iter().chain(self.of_sessions());
        places.try_for_each(|place| OpenTables::new(self, &[place], WHOLE)?.finish())
    }

    /// What is cut into parts, of these parts, whose sessions are all in memory.
    pub(crate) fn write_parts(&self, sessionized: &Sessionized, parts: &[Part]) -> Result<(), WriteError> {
        let at_once = self.target.at_once.parts.clamp(1, parts.len().max(1));
        let next = AtomicUsize::new(0);
        // Each takes the next part when it has written one. A thread that waits for row groups may begin another part, so
        // without a number of them every part could be open.
        (0..at_once).into_par_iter().try_for_each(|_| {
            while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.write_part(sessionized, part)?;
            }
            Ok(())
        })
    }

    fn write_part(&self, sessionized: &Sessionized, part: &Part) -> Result<(), WriteError> {
        let name = part.key.to_string();
        let mut checks = PartChecks::default();
        let mut tracks = OpenTables::new(self, &self.of_tracks(), &name)?;
        tracks.put_tracks(sessionized, part, Followed::No, &mut checks)?;
        tracks.finish()?;
        let mut sessions = OpenTables::new(self, &self.of_sessions(), &name)?;
        sessions.put_sessions(sessionized, part, Followed::No, &mut checks)?;
        sessions.finish()?;
        self.add_part(part.key, checks);
        Ok(())
    }

    /// Begins a part whose sessions come one after the other.
    pub(crate) fn begin_part(&self, key: PartKey) -> Result<GrowingPart<'_>, WriteError> {
        let name = key.to_string();
        Ok(GrowingPart {
            writer: self,
            key,
            checks: PartChecks::default(),
            tracks: OpenTables::new(self, &self.of_tracks(), &name)?,
            sessions: OpenTables::new(self, &self.of_sessions(), &name)?,
        })
    }

    fn add_part(&self, key: PartKey, checks: PartChecks) {
        let mut seen = self.seen();
        seen.written.rewritten += 1;
        seen.add_part(key, checks.finish());
    }

    /// Gives the files of parts that stay names in this snapshot.
    pub(super) fn link_parts(&self, plan: &WritePlan<'_>) -> Result<(), WriteError> {
        let Some(stays) = &plan.stays else { return Ok(()) };
        for part in plan.cut.parts() {
            if let Some(summary) = stays.parts.get(&part) {
                self.link_part(stays, part, summary)?;
            }
        }
        Ok(())
    }

    fn link_part(&self, stays: &Stays<'_>, part: PartKey, summary: &PartSummary) -> Result<(), WriteError> {
        let name = part.to_string();
        let mut seen = self.seen();
        for (places, rows) in [(self.of_tracks(), summary.tracks), (self.of_sessions(), summary.sessions())] {
            for place in places {
                let path = place.file(self.target.folder, &name);
                let stored = place.file(stays.snapshot, &name);
                match self.target.disk.link(&stored, &path) {
                    Err(error) if has_no_links(&error) => {
                        let copied = copy_file(self.target.disk, &stored, &path);
                        seen.written.bytes += copied.map_err(|error| WriteError::at(&path)(error.into()))?;
                        seen.written.files += 1;
                        seen.written.copied += 1;
                    }
                    linked => linked.map_err(|error| WriteError::at(&path)(error.into()))?,
                }
                seen.count(place, rows);
                seen.digests.copy(&place.name(&name), stays.digests);
            }
        }
        seen.written.linked += 1;
        seen.add_part(part, *summary);
        Ok(())
    }

    /// The tables of all sessions and visitors, both in one file; the aliases must be written before.
    pub(crate) fn timeline(&self) -> Result<WholeTimeline<'_>, WriteError> {
        Ok(WholeTimeline {
            sessions: OpenTables::new(
                self,
                &[self.needed(Table::SessionTracks), TableOrState::State(State::Sessions)],
                WHOLE,
            )?,
            visitors: OpenTables::new(self, &[self.needed(Table::UserSessionFacts)], WHOLE)?,
        })
    }

    /// The evidence, where the rules have some.
    pub(crate) fn evidence(&self) -> Result<WholeEvidence<'_>, WriteError> {
        let has_evidence = State::all(self.target.rules).any(|state| state == State::Evidence);
        let rows =
            has_evidence.then(|| OpenTables::new(self, &[TableOrState::State(State::Evidence)], WHOLE));
        Ok(WholeEvidence { rows: rows.transpose()? })
    }

    /// `dbt_aliases_mapping` and the state beside it.
    pub(crate) fn write_aliases(&self, sessionized: &Sessionized) -> Result<(), WriteError> {
        let mut rows = OpenTables::new(
            self,
            &[self.needed(Table::AliasesMapping), TableOrState::State(State::Aliases)],
            WHOLE,
        )?;
        let groups = rows.groups(sessionized.alias_count());
        let add = |seen| self.seen().checks.add_aliases(seen);
        rows.put(
            &groups,
            |range| sessionized.alias_columns(range.clone()),
            Followed::No,
            AliasesSeen::of,
            add,
        )?;
        rows.finish()
    }

    /// The duplicates, of these row groups.
    pub(crate) fn write_duplicates<E: From<WriteError>>(
        &self,
        batches: impl Iterator<Item = Result<RecordBatch, E>>,
    ) -> Result<(), E> {
        let mut rows = OpenTables::new(self, &self.places_of_duplicates(), WHOLE)?;
        for batch in batches {
            let add = |seen| self.seen().checks.add_duplicates(seen);
            rows.put(&[batch?], Clone::clone, Followed::No, Repeated::of, add)?;
        }
        Ok(rows.finish()?)
    }

    /// A table that is in one file, needed and not looked at, of these row groups. Their columns are made and encoded one after
    /// the other, so that no two of a group are in memory.
    pub(super) fn write_columns<G, X, E: From<WriteError> + From<X>>(
        &self,
        table: Table,
        groups: impl Iterator<Item = Result<G, X>>,
        column: impl Fn(&G, &str) -> Result<ArrayRef, X>,
    ) -> Result<(), E> {
        let mut rows = OpenTables::new(self, &[self.needed(table)], WHOLE)?;
        let path = rows.files[0].path.clone();
        for group in groups {
            let group = group?;
            let mut encoded = EncodedColumns::new();
            for descriptor in descriptors(&rows.columns).map_err(WriteError::at(&path))? {
                let column = column(&group, descriptor.name())?;
                let column = encode::encode(&column, &descriptor).map_err(WriteError::at(&path))?;
                encoded.insert(descriptor.name().to_owned(), column);
            }
            append(&mut rows.files, &encoded)?;
        }
        Ok(rows.finish()?)
    }

    pub(super) fn write_whole_tables(&self, sessionized: &Sessionized) -> Result<(), WriteError> {
        let WholeTimeline { mut sessions, mut visitors } = self.timeline()?;
        // Side by side: a table with few row groups leaves threads without work.
        let (of_visitors, of_sessions) = rayon::join(
            || {
                self.write_aliases(sessionized)?;
                visitors.put_visitors(sessionized, Followed::No)?;
                visitors.finish()
            },
            || {
                sessions.put_timeline(sessionized, Followed::No)?;
                sessions.finish()
            },
        );
        of_visitors.and(of_sessions)?;
        let mut rows = OpenTables::new(self, &self.places_of_duplicates(), WHOLE)?;
        let groups = rows.groups(sessionized.duplicate_rows());
        rows.put(
            &groups,
            |range| sessionized.duplicate_columns(range.clone()),
            Followed::No,
            Repeated::of,
            |seen| self.seen().checks.add_duplicates(seen),
        )?;
        rows.finish()?;
        let mut evidence = self.evidence()?;
        evidence.put(sessionized, Followed::No)?;
        evidence.finish()
    }

    /// `tracklet_duplicates`, and the state of what its rows carry.
    fn places_of_duplicates(&self) -> Vec<TableOrState> {
        let state = State::all(self.target.rules).filter(|state| *state == State::Duplicates);
        std::iter::once(self.needed(Table::Duplicates)).chain(state.map(TableOrState::State)).collect()
    }

    /// The columns that any of the places has, each once.
    fn columns_of(&self, places: &[TableOrState]) -> SchemaRef {
        let mut fields = Vec::new();
        for place in places {
            for field in place.schema(self.target.rules).fields() {
                if !fields.contains(field) {
                    fields.push(field.clone());
                }
            }
        }
        Arc::new(Schema::new(fields))
    }
}

impl WriterSeen {
    /// Counts rows of a table.
    fn count(&mut self, place: TableOrState, rows: u64) {
        match place {
            TableOrState::Table(table) => *self.written.rows.entry(table.name()).or_default() += rows,
            TableOrState::Kept(table) => *self.written.kept.entry(table.name()).or_default() += rows,
            TableOrState::State(_) => {}
        }
    }

    fn add_part(&mut self, part: PartKey, summary: PartSummary) {
        self.checks.add_part(&summary);
        self.parts.add(part, summary);
    }
}

/// Whether more rows follow in the same files: then a row group that is not full waits for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    Yes,
    No,
}

/// A part whose sessions come one after the other.
pub(crate) struct GrowingPart<'w> {
    writer: &'w Writer<'w>,
    key: PartKey,
    checks: PartChecks,
    tracks: OpenTables<'w>,
    sessions: OpenTables<'w>,
}

impl GrowingPart<'_> {
    /// Adds all sessions of `sessionized`, which are of this part.
    pub(crate) fn put(&mut self, sessionized: &Sessionized, followed: Followed) -> Result<(), WriteError> {
        let sessions = (0..sessionized.session_count() as u32).collect();
        let part = Part { key: self.key, sessions };
        self.tracks.put_tracks(sessionized, &part, followed, &mut self.checks)?;
        self.sessions.put_sessions(sessionized, &part, followed, &mut self.checks)
    }

    /// Ends the part, after rows that none follow.
    pub(crate) fn finish(self) -> Result<(), WriteError> {
        self.tracks.finish()?;
        self.sessions.finish()?;
        self.writer.add_part(self.key, self.checks);
        Ok(())
    }
}

/// `dbt_session_tracks` with the state beside it, and `dbt_user_session_facts`.
pub(crate) struct WholeTimeline<'w> {
    sessions: OpenTables<'w>,
    visitors: OpenTables<'w>,
}

impl WholeTimeline<'_> {
    /// Adds all sessions and visitors of `sessionized`.
    pub(crate) fn put(&mut self, sessionized: &Sessionized, followed: Followed) -> Result<(), WriteError> {
        self.sessions.put_timeline(sessionized, followed)?;
        self.visitors.put_visitors(sessionized, followed)
    }

    /// Ends the files, after rows that none follow.
    pub(crate) fn finish(self) -> Result<(), WriteError> {
        self.sessions.finish()?;
        self.visitors.finish()
    }
}

/// The rows that are evidence, whole.
pub(crate) struct WholeEvidence<'w> {
    /// None where the rules have no evidence.
    rows: Option<OpenTables<'w>>,
}

impl WholeEvidence<'_> {
    /// Adds all evidence of `sessionized`.
    pub(crate) fn put(&mut self, sessionized: &Sessionized, followed: Followed) -> Result<(), WriteError> {
        let Some(rows) = &mut self.rows else { return Ok(()) };
        let advanced = rows.writer.target.advanced;
        let groups = rows.groups(sessionized.evidence_rows());
        let columns = |range: &Range<usize>| sessionized.evidence_columns(range.clone());
        rows.put(&groups, columns, followed, RecordBatch::num_rows, |rows| advanced(rows as u64))
    }

    /// Ends the file, after rows that none follow.
    pub(crate) fn finish(self) -> Result<(), WriteError> {
        self.rows.map_or(Ok(()), OpenTables::finish)
    }
}

/// Files that get the same rows, each its own columns of them.
struct OpenTables<'w> {
    writer: &'w Writer<'w>,
    files: Vec<OpenTable>,
    columns: SchemaRef,
    /// The last row group, while it is not full.
    waiting: Option<RecordBatch>,
}

impl<'w> OpenTables<'w> {
    fn new(writer: &'w Writer<'w>, places: &[TableOrState], part: &str) -> Result<Self, WriteError> {
        let create = |place: &TableOrState| {
            let schema = place.schema(writer.target.rules);
            let path = place.file(writer.target.folder, part);
            let file =
                TableFile::create(writer.target.disk, &path, &schema).map_err(WriteError::at(&path))?;
            Ok(OpenTable { place: *place, schema, name: place.name(part), path, file })
        };
        let files = places.iter().map(create).collect::<Result<_, _>>()?;
        Ok(Self { writer, files, columns: writer.columns_of(places), waiting: None })
    }

    /// Rows that the row group under construction can take.
    fn capacity(&self) -> usize {
        let waiting = self.waiting.as_ref().map_or(0, RecordBatch::num_rows);
        self.writer.target.layout.rows_of_a_group - waiting
    }

    /// The next rows cut into row groups.
    fn groups(&self, rows: usize) -> Vec<Range<usize>> {
        let size = self.writer.target.layout.rows_of_a_group;
        let first = rows.min(self.capacity());
        let others = (first..rows).step_by(size).map(|start| start..rows.min(start + size));
        std::iter::once(0..first).filter(|range| !range.is_empty()).chain(others).collect()
    }

    fn put_tracks(
        &mut self,
        sessionized: &Sessionized,
        part: &Part,
        followed: Followed,
        checks: &mut PartChecks,
    ) -> Result<(), WriteError> {
        let WriteTarget { rules, advanced, layout, .. } = self.writer.target;
        let groups = parts::row_groups(sessionized, part, self.capacity(), layout.rows_of_a_group);
        let written: BTreeSet<String> =
            self.columns.fields().iter().map(|field| field.name().clone()).collect();
        let wanted = |name: &str| written.contains(name) || PartChecks::OF_TRACKS.contains(&name);
        self.put(
            &groups,
            |runs| sessionized.track_columns(runs, wanted),
            followed,
            RecordBatch::clone,
            |batch| {
                checks.observe_tracks(&batch, rules);
                advanced(batch.num_rows() as u64);
            },
        )
    }

    fn put_sessions(
        &mut self,
        sessionized: &Sessionized,
        part: &Part,
        followed: Followed,
        checks: &mut PartChecks,
    ) -> Result<(), WriteError> {
        let groups = self.groups(part.sessions.len());
        let columns = |range: &Range<usize>| {
            let sessions = part.sessions[range.clone()].iter();
            sessionized.session_columns(&sessions.map(|session| *session as usize))
        };
        self.put(&groups, columns, followed, RecordBatch::clone, |batch| checks.observe_sessions(&batch))
    }

    /// Adds all sessions, for `dbt_session_tracks` and the state beside it.
    fn put_timeline(&mut self, sessionized: &Sessionized, followed: Followed) -> Result<(), WriteError> {
        let writer = self.writer;
        let rules = writer.target.rules;
        let groups = self.groups(sessionized.all_session_count());
        let columns = |range: &Range<usize>| sessionized.timeline_columns(range.clone());
        let look = |batch: &RecordBatch| SessionsSeen::of(batch, rules);
        let add = |seen| writer.seen().checks.add_sessions(seen);
        self.put(&groups, columns, followed, look, add)
    }

    /// Adds all visitors, for `dbt_user_session_facts`. They are looked up among the aliases, which must be written before.
    fn put_visitors(&mut self, sessionized: &Sessionized, followed: Followed) -> Result<(), WriteError> {
        let writer = self.writer;
        let groups = self.groups(sessionized.visitor_count());
        let columns = |range: &Range<usize>| sessionized.visitor_columns(range.clone());
        let add = |seen| writer.seen().checks.add_visitors(seen);
        self.put(&groups, columns, followed, VisitorsSeen::of, add)
    }

    /// Adds the rows of these groups, of which the first may complete the one that waits. They are made, looked at and
    /// encoded in parallel; what was seen of each is handed on, and they are written, in order.
    fn put<G: Sync, S: Send>(
        &mut self,
        groups: &[G],
        columns: impl Fn(&G) -> RecordBatch + Sync,
        followed: Followed,
        look: impl Fn(&RecordBatch) -> S + Sync,
        mut observe: impl FnMut(S),
    ) -> Result<(), WriteError> {
        let size = self.writer.target.layout.rows_of_a_group;
        // Where all tables of these rows are left out they are only looked at.
        let first = self.files.first().map(|file| file.path.clone());
        let path = first.unwrap_or_else(|| self.writer.target.folder.to_owned());
        let described = &self.columns;
        let finished = |batch: &RecordBatch| Ok((look(batch), encode_all(batch, described)?));
        let prepare = |(group, before): (&G, Option<RecordBatch>)| {
            let batch = columns(group);
            let batch = before.map_or(Ok(batch.clone()), |before| join(&before, &batch))?;
            let is_ready = batch.num_rows() == size || followed == Followed::No;
            if is_ready { finished(&batch).map(Prepared::Finished) } else { Ok(Prepared::Waits(batch)) }
        };
        // As many groups in memory as there are threads, or fewer.
        for groups in groups.chunks(self.writer.target.at_once.groups.max(1)) {
            let mut groups: Vec<(&G, Option<RecordBatch>)> =
                groups.iter().map(|group| (group, None)).collect();
            groups[0].1 = self.waiting.take();
            let prepared: Result<Vec<Prepared<S>>, ParquetError> =
                groups.into_par_iter().map(prepare).collect();
            for prepared in prepared.map_err(WriteError::at(&path))? {
                match prepared {
                    Prepared::Finished((seen, encoded)) => {
                        observe(seen);
                        append(&mut self.files, &encoded)?;
                    }
                    Prepared::Waits(batch) => self.waiting = Some(batch),
                }
            }
        }
        // What waits is followed by nothing after all.
        if let Some(batch) = self.waiting.take_if(|_| followed == Followed::No) {
            let (seen, encoded) = finished(&batch).map_err(WriteError::at(&path))?;
            observe(seen);
            append(&mut self.files, &encoded)?;
        }
        Ok(())
    }

    /// Ends the files.
    fn finish(self) -> Result<(), WriteError> {
        assert!(self.waiting.is_none(), "the last rows are not followed");
        for open in self.files {
            let CompleteFile { file, rows, bytes, digest } =
                open.file.finish().map_err(WriteError::at(&open.path))?;
            // A failed sync has ended the other side; its error is the one to report.
            let _ = self.writer.finished.send((open.path, file));
            let mut seen = self.writer.seen();
            seen.count(open.place, rows);
            seen.digests.insert(open.name, digest);
            seen.written.bytes += bytes;
            seen.written.files += 1;
        }
        Ok(())
    }
}

/// A row group.
enum Prepared<S> {
    /// Looked at and encoded.
    Finished((S, EncodedColumns)),
    /// Not full; more rows follow.
    Waits(RecordBatch),
}

struct OpenTable {
    place: TableOrState,
    schema: SchemaRef,
    /// The path from the snapshot's folder.
    name: String,
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
