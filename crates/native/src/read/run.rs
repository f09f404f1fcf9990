//! All files, read by a number of threads.

use super::columns::ColumnsSeen;
use super::content::{Content, of_file};
use super::event_columns::AbsentColumn;
use super::filter::{Filter, RowFilters};
use super::formats::csv::Headers;
use super::formats::{CutPart, FilePart, Holds, Split};
use super::inputs::{Format, InputFile, Location};
use super::limits::Limits;
use super::mostly_rejected::{self, MostlyRejected};
use super::other_calls::OtherCalls;
use super::rejects::{Reject, RejectMemory, Rejects};
use super::remote::FetchError;
use super::sink::{Counts, Overflow, Shared, Sink};
use super::{ReadError, Source, fence, first_bytes, inspect};
use crate::read::formats::HasReader as _;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use tracklet_display::numbers::grouped;
use tracklet_kernel::carried::UnreadNumbers;
use tracklet_kernel::tracks::{DoubtfulTimes, TracksBuilder};

/// Whether bad rows are rejected or end the read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Bad rows are rejected, all others count.
    #[default]
    Lenient,
    /// The first one ends the read.
    Strict,
}

/// Follows how far a read is. All threads call it, about once a thousand rows.
pub trait ReadProgress: Sync {
    /// `rows` and `bytes` (as stored) were read since the last call.
    fn advance(&self, rows: u64, bytes: u64);
}

/// A [`ReadProgress`] that ignores all calls.
pub struct Quiet;

impl ReadProgress for Quiet {
    fn advance(&self, _: u64, _: u64) {}
}

/// How to read: threads, strictness, where to put objects, and what parses the filter.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// How many threads read.
    pub threads: NonZeroUsize,
    /// Whether bad rows are rejected or end the read.
    pub strictness: Strictness,
    /// The folder for objects on their way, one a thread at a time.
    pub temporary: &'a Path,
    /// The parser of [`Source::where_`].
    pub filters: &'a dyn RowFilters,
    /// Where only the first rows of every file are wanted, how many.
    pub first_rows: Option<&'a FirstRows>,
}

/// A read of the first rows of every file. What a file holds is not hashed then.
#[derive(Debug)]
pub struct FirstRows {
    /// Rows after which a file is left. What was decoded with the last of them is read as well.
    pub(crate) most: u64,
    /// Whether a file was left before its end.
    pub(super) has_left: AtomicBool,
}

impl FirstRows {
    /// A read of about `most` rows of every file.
    pub fn new(most: u64) -> Self {
        Self { most, has_left: AtomicBool::new(false) }
    }

    /// Whether the read has left a file before its end, or at it.
    pub fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Relaxed)
    }
}

/// The numbers of one file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    /// The file's name.
    pub name: String,
    /// The format of the file's rows.
    pub format: Format,
    /// The file's size as stored.
    pub bytes: u64,
    /// The file's rows, but for the skipped ones.
    pub rows: u64,
    /// How many of the file's rows were rejected.
    pub rejected: u64,
    /// Rows that are not tracks, or that the filter leaves out.
    pub skipped: u64,
    /// What it holds.
    pub(crate) content: Option<Content>,
}

/// What was read of all files. `R` are the rejects: listed, or packed where there may be many.
#[derive(Debug)]
pub struct Read<R = Vec<Reject>> {
    /// The tracks, in one builder a thread.
    pub tracks: Vec<TracksBuilder>,
    /// The rows that are no tracks, ordered by file and row.
    pub rejects: R,
    /// How many rows were no tracks by type, or left out by the filter.
    pub skipped: u64,
    /// How many ids were taken for none, by the word that they are.
    pub ignored_ids: BTreeMap<String, u64>,
    /// How many of the skipped rows are calls of other types, by type.
    pub other_calls: OtherCalls,
    /// The numbers of each file, in the order given.
    pub files: Vec<FileSummary>,
    /// Files of which one reason rejects most rows.
    pub mostly_rejected: Vec<MostlyRejected>,
    /// Tracks whose time is a number of another magnitude than [`Source`] has the unit of.
    pub doubtful_times: DoubtfulTimes,
    /// Columns of events that no file has.
    pub absent_columns: Vec<AbsentColumn>,
    /// By column of events, in how many files it is not, where it is in some; and which values are no numbers.
    pub event_columns: BTreeMap<String, ColumnFindings>,
}

/// Findings about a column of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnFindings {
    /// Files that do not have it.
    pub files_without: u64,
    /// Values that are not of its type.
    pub unread: UnreadNumbers,
}

/// A part of a file that one thread reads.
struct Unit<'a> {
    /// The file's place among all.
    position: usize,
    file: &'a InputFile,
    part: UnitPart,
    /// About how much work it is.
    bytes: u64,
}

enum UnitPart {
    Whole,
    /// All of it, in a way that the file does not say itself.
    WholeAs(Box<dyn FilePart>),
    Cut(Box<dyn FilePart>),
    /// Of a file whose rows are read elsewhere only what it holds.
    Content,
}

/// Reads all files.
///
/// Bad rows and files become rejects. The result is the same for any number of threads, but for the way the tracks
/// are spread over builders.
///
/// # Errors
/// A file that can't be opened or fetched, columns that no file has, a filter that does not fit, and with
/// [`Strictness::Strict`] the first row that is no track.
///
/// # Cost
/// Memory: the tracks and rejects, and a thread a block of some MB and its longest line.
pub fn read_all(
    files: &[InputFile],
    source: &Source,
    options: &Options<'_>,
    progress: &dyn ReadProgress,
) -> Result<Read, ReadError> {
    let rejects = Arc::new(RejectMemory::new(options.temporary.to_owned(), None));
    let read = read_all_with_tables(files, &[], source, options, progress, &rejects, None)?;
    let rejects = read.rejects.rows().collect::<Result<_, _>>()?;
    Ok(Read {
        rejects,
        tracks: read.tracks,
        skipped: read.skipped,
        ignored_ids: read.ignored_ids,
        other_calls: read.other_calls,
        files: read.files,
        mostly_rejected: read.mostly_rejected,
        doubtful_times: read.doubtful_times,
        absent_columns: read.absent_columns,
        event_columns: read.event_columns,
    })
}

/// [`read_all`], where rejects stay packed within a memory budget, and `overflow` may take tracks away from the
/// builders; they are not among the result then. CSV files without a header may be parts of the `tables`, which are not read.
pub(crate) fn read_all_with_tables(
    files: &[InputFile],
    tables: &[InputFile],
    source: &Source,
    options: &Options<'_>,
    progress: &dyn ReadProgress,
    rejects: &Arc<RejectMemory>,
    overflow: Option<&dyn Overflow>,
) -> Result<Read<Rejects>, ReadError> {
    let filter =
        source.where_.as_deref().map(|expression| Filter::new(options.filters, expression)).transpose()?;
    let shared = Shared {
        source,
        filter: filter.as_ref(),
        strictness: options.strictness,
        progress,
        stop: AtomicBool::new(false),
        seen: Mutex::new(ColumnsSeen::default()),
        overflow,
        rejects: Arc::clone(rejects),
        limits: Limits::default(),
        first_rows: options.first_rows,
    };
    // The columns of local tables are known before any row is read, so a wrong name shows at once.
    let (units, planned) = plan(files, tables, options.threads, &shared)?;
    let is_table = |file: &InputFile| file.format.reader().holds() == Holds::Tracks;
    let is_local = |file: &InputFile| matches!(file.location, Location::Local(_));
    let filter_columns = filter.as_ref().map_or(&[][..], Filter::columns);
    if files.iter().filter(|file| is_table(file)).all(is_local) {
        let seen = lock(&shared.seen);
        seen.check_ids(source)?;
        if !seen.tables.is_empty() && files.iter().all(is_table) {
            seen.check_configured(source, filter_columns, BTreeSet::new)?;
        }
    }

    let results = in_threads(&units, options.threads, |sink, unit| read_unit(unit, options, sink), &shared);
    let mut read = Read {
        tracks: Vec::new(),
        rejects: Rejects::new(Arc::clone(rejects)),
        skipped: 0,
        ignored_ids: BTreeMap::new(),
        other_calls: OtherCalls::default(),
        files: Vec::new(),
        mostly_rejected: Vec::new(),
        doubtful_times: DoubtfulTimes::default(),
        absent_columns: Vec::new(),
        event_columns: BTreeMap::new(),
    };
    let mut counts = vec![Counts::default(); files.len()];
    let mut errors = Vec::new();
    let mut all_rejects = Vec::new();
    for worker in planned.into_iter().chain(results) {
        for (word, ids) in worker.tracks.ignored_ids() {
            *read.ignored_ids.entry(word).or_insert(0) += ids;
        }
        for (column, unread) in worker.tracks.unread_numbers() {
            read.event_columns.entry(column).or_default().unread.merge(unread);
        }
        read.doubtful_times.merge(worker.tracks.doubtful_times());
        read.tracks.push(worker.tracks);
        all_rejects.extend(worker.rejects);
        errors.extend(worker.error);
        for (position, of_unit) in worker.counts {
            let total = &mut counts[position];
            total.tracks += of_unit.tracks;
            total.rejected += of_unit.rejected;
            total.skipped += of_unit.skipped;
            total.other_calls.merge(&of_unit.other_calls);
            total.nulled += of_unit.nulled;
            total.content = of_unit.content.or(total.content);
        }
    }
    // Threads may fail at once: the first place in the order of the files is reported.
    if let Some((_, error)) = errors.into_iter().min_by_key(|(position, error)| (*position, row_of(error))) {
        return Err(error);
    }
    shared.limits.check_ids(read.tracks.iter().map(|tracks| tracks.ids() as u64).sum())?;
    let seen = shared.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    seen.check_ids(source)?;
    let has_rows = counts.iter().any(|counts| counts.tracks + counts.rejected + counts.skipped > 0);
    if has_rows {
        seen.check_configured(source, filter_columns, || inspect::names_of_calls(files))?;
        read.absent_columns = seen.absent(source, || inspect::names_of_calls(files));
        for column in &source.event_columns {
            let without = (files.len() as u64).saturating_sub(seen.files_with.of(column));
            if without > 0 {
                read.event_columns.entry(column.spec.name.clone()).or_default().files_without = without;
            }
        }
    }

    warn_of_nulled(counts.iter().map(|counts| counts.nulled).sum());
    read.tracks.retain(|tracks| tracks.rows() > 0);
    read.rejects = Rejects::merge(rejects, all_rejects);
    for (file, counts) in files.iter().zip(counts) {
        read.skipped += counts.skipped;
        read.other_calls.merge(&counts.other_calls);
        read.files.push(FileSummary {
            name: file.name.clone(),
            format: file.format,
            bytes: file.size,
            rows: counts.tracks + counts.rejected,
            rejected: counts.rejected,
            skipped: counts.skipped,
            content: counts.content,
        });
    }
    read.mostly_rejected = mostly_rejected::find(&read.files, &read.rejects, source, |name| {
        let named = files.iter().find(|file| file.name == name);
        inspect::names_of_calls(named.map_or(&[], std::slice::from_ref))
    })?;
    Ok(read)
}

fn warn_of_nulled(rows: u64) {
    if rows > 0 {
        let have = if rows == 1 { "row has" } else { "rows have" };
        tracing::warn!(
            "{} {have} an array or an object as `event` or `anonymousId`: null, as in RudderStack's warehouse tables",
            grouped(rows)
        );
    }
}

fn row_of(error: &ReadError) -> Option<u64> {
    match error {
        ReadError::Rejected { row, .. } => *row,
        _ => None,
    }
}

/// What one thread has to show.
struct Worker {
    tracks: TracksBuilder,
    /// `None` where they could not be spilled to disk, which is the error then.
    rejects: Option<Rejects>,
    counts: Vec<(usize, Counts)>,
    error: Option<(usize, ReadError)>,
}

/// Runs `work` on all units, each on the next free thread.
fn in_threads<'a, U: Sync>(
    units: &[(usize, U)],
    threads: NonZeroUsize,
    work: impl Fn(&mut Sink<'a>, &U) -> Result<(), ReadError> + Sync,
    shared: &'a Shared<'a>,
) -> Vec<Worker> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut sink = Sink::new(shared);
        let mut counts = Vec::new();
        let mut error = None;
        while !sink.is_stopped() {
            let Some((position, unit)) = units.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let result = work(&mut sink, unit);
            counts.push((*position, std::mem::take(&mut sink.counts)));
            if let Err(failure) = result {
                shared.stop.store(true, Ordering::Relaxed);
                error = Some((*position, failure));
            }
        }
        let rejects = match sink.rejects.finish() {
            Ok(rejects) => Some(rejects),
            Err(failure) => {
                error.get_or_insert((usize::MAX, failure.into()));
                None
            }
        };
        Worker { tracks: sink.tracks, rejects, counts, error }
    };
    let threads = threads.get().min(units.len());
    thread::scope(|scope| {
        // Where the system refuses a thread, those that it has granted do the work, or else this one.
        let handles: Vec<_> =
            (0..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok()).collect();
        if handles.is_empty() {
            return vec![run()];
        }
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Units with the place of their file, and the rejects found on the way.
type UnitPlan<'a> = (Vec<(usize, Unit<'a>)>, Vec<Worker>);

/// A local table: its place among all files, itself, and where it is.
type LocalTable<'a> = (usize, &'a InputFile, &'a PathBuf);

/// Cuts the files into units of work, the largest first, and takes note of the columns of local tables.
fn plan<'a>(
    files: &'a [InputFile],
    beside: &[InputFile],
    threads: NonZeroUsize,
    shared: &'a Shared<'a>,
) -> Result<UnitPlan<'a>, ReadError> {
    let whole =
        |position, file: &'a InputFile| Unit { position, file, part: UnitPart::Whole, bytes: file.size };
    let mut units = Vec::new();
    let mut tables = Vec::new();
    for (position, file) in files.iter().enumerate() {
        match (file.format.reader().holds(), &file.location) {
            (Holds::Tracks, Location::Local(path)) => tables.push((position, (position, file, path))),
            _ => units.push(whole(position, file)),
        }
    }
    let found = Mutex::new(Vec::new());
    let look = |sink: &mut Sink<'a>, (position, file, path): &LocalTable<'a>| {
        let split = file.format.reader().split(file, path, sink)?;
        not_refused(file)?;
        lock(&found).push((*position, *file, split));
        Ok(())
    };
    let mut workers = in_threads(&tables, threads, look, shared);
    let errors = workers.iter_mut().filter_map(|worker| worker.error.take());
    if let Some((_, error)) = errors.min_by_key(|(position, _)| *position) {
        return Err(error);
    }
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(position, ..)| *position);
    let starts = found.iter().filter_map(|(_, file, split): &(usize, &InputFile, Split)| match split {
        Split::Header(start) => Some((*file, start.as_ref()?)),
        Split::Whole | Split::Parts(_) => None,
    });
    let headers = Headers::new(starts, beside, shared.source);
    for (position, file, split) in found {
        match split {
            Split::Whole => units.push(whole(position, file)),
            Split::Header(start) => {
                let part = headers.part(file, start)?.map_or(UnitPart::Whole, UnitPart::WholeAs);
                units.push(Unit { position, file, part, bytes: file.size });
            }
            Split::Parts(mut parts) => {
                if let Some(first_rows) = shared.first_rows {
                    first_rows.has_left.fetch_or(parts.len() > 1, Ordering::Relaxed);
                    parts.truncate(1);
                }
                units.extend(parts.into_iter().map(|CutPart { bytes, part }| Unit {
                    position,
                    file,
                    part: UnitPart::Cut(part),
                    bytes,
                }));
                // Hashing is quick beside decoding.
                units.push(Unit { position, file, part: UnitPart::Content, bytes: file.size / 16 });
            }
        }
    }
    lock(&shared.seen).tables.extend(headers.names());
    units.sort_by_key(|unit| std::cmp::Reverse(unit.bytes));
    Ok((units.into_iter().map(|unit| (unit.position, unit)).collect(), workers))
}

fn read_unit(unit: &Unit<'_>, options: &Options<'_>, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    // What was refused to an earlier look at other files on this thread is not this file's.
    fence::take_refused();
    let read = read_part(unit, options, sink);
    not_refused(unit.file)?;
    read
}

/// # Errors
/// [`ReadError::Memory`] where the system refused memory to a decoder on this thread.
fn not_refused(file: &InputFile) -> Result<(), ReadError> {
    if fence::take_refused() { Err(ReadError::Memory { file: file.name.clone() }) } else { Ok(()) }
}

fn read_part(unit: &Unit<'_>, options: &Options<'_>, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let file = unit.file;
    match (&unit.part, &file.location) {
        (_, Location::Unreachable) => sink.unreadable(file, None, &[]),
        (UnitPart::Cut(part), Location::Local(path)) => part.read(file, path, sink),
        (UnitPart::Content, Location::Local(path)) => note_content(file, path, sink),
        (UnitPart::WholeAs(part), Location::Local(path)) => {
            part.read(file, path, sink)?;
            if sink.counts.content.is_none() { note_content(file, path, sink) } else { Ok(()) }
        }
        (_, Location::Local(path)) => read_whole(file, path, sink),
        (_, Location::Remote(object)) => {
            let fetched = object.fetch(options.temporary).map_err(|error| match error {
                FetchError::Remote(source) => ReadError::Fetch { file: file.name.clone(), source },
                FetchError::Temporary(source) => {
                    ReadError::Temporary { folder: options.temporary.display().to_string(), source }
                }
            })?;
            let file = first_bytes::looked_into(file, fetched.path(), sink.shared.source.format);
            read_whole(&file, fetched.path(), sink)
        }
    }
}

fn read_whole(file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    file.format.reader().read(file, path, sink)?;
    if sink.counts.content.is_none() { note_content(file, path, sink) } else { Ok(()) }
}

fn note_content(file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    if sink.shared.first_rows.is_some() {
        return Ok(());
    }
    let content = of_file(path).map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
    sink.counts.content = Some(content);
    Ok(())
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
