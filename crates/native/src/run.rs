//! A run of the native engine: from files to a published snapshot.

pub(crate) mod plan;

use crate::advance::{Before, NewBatch, RunMode, Settings, advance};
use crate::checks::Check;
use crate::forget::{Current, ForgetError, settle};
use crate::increment::{Forgotten, StoredError};
use crate::manifest::{Input, Manifest, modified};
use crate::observer::{Observer, Step};
use crate::publish::{CURRENT, OutputFolder, PublishError};
use crate::read::inputs::{discover, discover_beside};
use crate::read::{
    self, Column, Format, InputError, InputFile, Inputs, NoRowFilters, Options, Overflow, Read, ReadError,
    RejectMemory, Rejects, RowFilters, Source, Strictness,
};
use crate::spill::{Gathered, Gatherer, Limit, SpillError, Spilling};
use crate::write::{Layout, WriteError};
use plan::{Earlier, Plan};
use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tracklet_config::Config;
pub use tracklet_config::Refresh;
use tracklet_display::error::{Hint, listed};
use tracklet_kernel::tracks::Tracks;

pub use plan::Changed;

/// What to run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// What the tables mean and how the source is read.
    pub config: Config,
    /// The output folder.
    pub output: PathBuf,
    /// Files, folders, patterns and URLs to read.
    pub paths: Vec<String>,
    /// The format of every file; `None` tells by extension.
    pub format: Option<Format>,
    /// What becomes of bad rows.
    pub strictness: Strictness,
    /// How many threads work; `None` takes one a core.
    pub threads: Option<NonZeroUsize>,
    /// The longest line that is read, in bytes.
    pub max_line: usize,
    /// Where objects from a store lie while they are read, and tracks that don't fit into memory; `None` takes the system's
    /// folder for objects and the output folder for tracks.
    pub temp_dir: Option<PathBuf>,
    /// Bytes of memory that the run may take; `None` takes what it needs.
    pub memory_limit: Option<NonZeroU64>,
    /// What counts of the runs before.
    pub refresh: Refresh,
    /// What becomes of files that were read and have other content now.
    pub changed: Changed,
    /// Whether a full refresh may drop rows.
    pub dropping: Dropping,
    /// What parses `[source] where`.
    pub filters: Arc<dyn RowFilters>,
}

/// Whether a full refresh may drop rows of files that it does not find.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dropping {
    /// That is an error, which says what would be dropped.
    #[default]
    Refused,
    /// It may.
    Allowed,
}

impl RunRequest {
    /// A run of what the configuration says.
    pub fn new(config: Config) -> Self {
        Self {
            output: config.output.dir.clone(),
            paths: config.source.paths.clone(),
            format: config.source.format,
            strictness: Strictness::Lenient,
            threads: None,
            max_line: read::DEFAULT_MAX_LINE,
            temp_dir: None,
            memory_limit: None,
            refresh: Refresh::default(),
            changed: Changed::default(),
            dropping: Dropping::default(),
            filters: Arc::new(NoRowFilters),
            config,
        }
    }
}

/// Files that were read and not yet sessionized.
#[derive(Debug)]
pub struct ReadFiles {
    /// The rows that are tracks, duplicates included.
    pub tracks: Tracks,
    /// The rows that are none.
    pub rejects: Vec<read::Reject>,
}

/// Reads the files of a request, for who does something else with them.
///
/// # Errors
/// [`RunError::Input`] and [`RunError::Read`].
pub fn read(request: &RunRequest, observer: &dyn Observer) -> Result<ReadFiles, RunError> {
    let threads =
        request.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let inputs = discover(&request.paths, request.format)?;
    let bytes = inputs.files.iter().map(|file| file.size).sum();
    let mut steps = Steps { observer, timings: BTreeMap::new() };
    let folder = request.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let rejects = Arc::new(RejectMemory::new(folder, None));
    let read = steps.step(Step::Read, Some(bytes), || {
        read_files(request, &inputs, &[], threads, observer, &rejects, None)
    })?;
    let rejects = read.rejects.rows().collect::<Result<_, _>>()?;
    Ok(ReadFiles { tracks: Tracks::merge(read.tracks), rejects })
}

/// What came of a run.
#[derive(Debug)]
pub struct RunReport {
    /// All about it.
    pub manifest: Manifest,
    /// Where its tables are for readers.
    pub current: PathBuf,
    /// Seconds from start to end.
    pub seconds: f64,
    /// Whether there is a new snapshot; without new files there is none, and the manifest is that of the last.
    pub published: bool,
    /// How many of the files that were read are gone.
    pub gone: u64,
    /// The files that this run has read.
    pub inputs: Vec<Input>,
}

/// A run that published nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The paths name nothing to read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The files could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tables could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output folder could not be used.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Files that were read have other content now.
    #[error("{} changed since {} read", first_of(files), were(files))]
    Changed {
        /// Their names.
        files: Vec<String>,
    },
    /// All files must be read again, and some can't be.
    #[error("{why}, and {} can't be read again as {} read", first_of(files), were(files))]
    Lost {
        /// Why they must be read again.
        why: String,
        /// Their names.
        files: Vec<String>,
    },
    /// A full refresh would drop rows.
    #[error("--full-refresh would drop {}", dropped(files))]
    WouldDrop {
        /// Files that are not found any more, each with the rows that were read from it.
        files: Vec<(String, u64)>,
    },
    /// The tables that were made contradict each other.
    #[error("{} of the tables {} not hold: {}", invariants(failed.len()), does(failed.len()), named(failed))]
    Invariants {
        /// What does not hold.
        failed: Vec<Check>,
        /// Where the tables are kept; `None` where that failed as well.
        kept: Option<PathBuf>,
    },
    /// The snapshot before can't be read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// The run could not keep to its limit of memory.
    #[error(transparent)]
    Spill(#[from] SpillError),
    /// An erasure that was begun can't be ended, or the list of forgotten ids is damaged.
    #[error(transparent)]
    Forget(#[from] ForgetError),
    /// The operating system gives no threads.
    #[error("could not start the worker threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Hint for RunError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Input(error) => error.hint(),
            Self::Read(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Stored(error) => error.hint(),
            Self::Spill(error) => error.hint(),
            Self::Forget(error) => error.hint(),
            Self::Changed { .. } => Some(
                "`--changed reread` reads it again as a new delivery: its rows are added, repeated events are dropped as duplicates; \
                 `--changed keep` keeps the rows that were read and goes on from the file as it is now"
                    .to_owned(),
            ),
            Self::Lost { .. } => Some(
                "put the files back, or drop their rows with `tracklet run --full-refresh --yes`".to_owned(),
            ),
            Self::WouldDrop { .. } => Some(
                "`--yes` drops them; without `--full-refresh` the rows of files that are gone stay".to_owned(),
            ),
            Self::Invariants { kept, .. } => Some(match kept {
                Some(kept) => format!(
                    "nothing was published; what was made is kept in `{}`; `tracklet run --full-refresh` makes everything \
                     again from the files. If the invariant fails there too, please report it",
                    kept.display()
                ),
                None => "nothing was published; `tracklet run --full-refresh` makes everything again from the files".to_owned(),
            }),
            Self::Threads(_) => Some("take fewer with --threads".to_owned()),
        }
    }
}

fn invariants(count: usize) -> String {
    if count == 1 { "an invariant".to_owned() } else { format!("{count} invariants") }
}

fn does(count: usize) -> &'static str {
    if count == 1 { "does" } else { "do" }
}

fn named(failed: &[Check]) -> String {
    let failed: Vec<String> =
        failed.iter().map(|check| format!("{} ({})", check.invariant, check.found)).collect();
    failed.join("; ")
}

/// Names the files; of many the first few.
fn first_of(files: &[String]) -> String {
    let shown = listed(files.iter().take(FILES_NAMED).map(String::as_str));
    let more = files.len().saturating_sub(FILES_NAMED);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn were(files: &[String]) -> &'static str {
    if files.len() == 1 { "it was" } else { "they were" }
}

/// The files with their rows; of many those with the most.
fn dropped(files: &[(String, u64)]) -> String {
    let rows: u64 = files.iter().map(|(_, rows)| rows).sum();
    let mut most: Vec<&(String, u64)> = files.iter().collect();
    most.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let shown: Vec<String> = (most.iter().take(FILES_DROPPED))
        .map(|(name, rows)| format!("`{name}` ({rows} row{})", if *rows == 1 { "" } else { "s" }))
        .collect();
    let more = files.len().saturating_sub(FILES_DROPPED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (s, of) = (if rows == 1 { "" } else { "s" }, if files.len() == 1 { "" } else { "s" });
    format!(
        "{rows} row{s} of {} file{of} that {} not found as read: {}{more}",
        files.len(),
        if files.len() == 1 { "is" } else { "are" },
        shown.join(", ")
    )
}

/// Files that a message about dropped rows names.
const FILES_DROPPED: usize = 10;

/// Files that a message names.
const FILES_NAMED: usize = 3;

/// Reads the files that were not read before, brings all tables up to date and publishes them as a new snapshot.
///
/// The tables and the state are, to the byte, those of one run over all files ever read. Without a new file nothing is
/// published. Bad rows are rejected, not fatal, unless the request is strict.
/// # Errors
/// See [`RunError`]; after any of them the tables are as they were.
pub fn run(request: &RunRequest, observer: &dyn Observer) -> Result<RunReport, RunError> {
    let started = Instant::now();
    let threads =
        request.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build()?;
    let mut steps = Steps { observer, timings: BTreeMap::new() };

    let found = match discover(&request.paths, request.format) {
        // An inbox that is empty since its files were read is no mistake.
        Err(error) if error.is_of_nothing() && request.refresh == Refresh::Incremental => {
            let names = names_read_before(&request.output)?;
            discover_beside(&request.paths, request.format, |path| had_files(path, &names))?
        }
        found => found?,
    };
    let folder = OutputFolder::open(&request.output)?;
    let found = without_output(found, &request.output)?;
    let settled = settle(&folder, Current::Replaced, Layout::default())?;
    let before = Before::find(&folder, request.refresh)?;
    let current_stays = settled.current_stays.is_some();
    // Else the run takes nothing of it.
    if let (Some(error), Some(true)) = (settled.current_stays, before.as_ref().map(Before::is_readable)) {
        return Err(error.into());
    }
    if request.refresh == Refresh::Full && request.dropping == Dropping::Refused {
        refuse_to_drop(request, &folder, &found.files)?;
    }
    let Plan { mode, files, earlier, warnings, older, tables } =
        plan::plan(request, &folder, before.as_ref(), found.files)?;
    let current = request.output.join(CURRENT);
    if let (RunMode::Incremental, Some(before)) = (&mode, &before)
        && files.is_empty()
        && !earlier.is_decided(request.changed)
    {
        let seconds = started.elapsed().as_secs_f64();
        let gone = earlier.gone;
        let (manifest, inputs) = (before.manifest.clone(), Vec::new());
        return Ok(RunReport { manifest, current, seconds, published: false, gone, inputs });
    }

    let inputs = Inputs { files, ignored: found.ignored, notes: found.notes };
    let bytes = inputs.files.iter().map(|file| file.size).sum();
    let spill_folder = request.temp_dir.clone().unwrap_or_else(|| request.output.clone());
    let spilling = request
        .memory_limit
        .map(|limit| Spilling { limit: Limit::Bytes(limit.get()), folder: spill_folder.clone() });
    let of_rejects = spilling.as_ref().map(|spilling| spilling.limit.rejects());
    let rejects = Arc::new(RejectMemory::new(spill_folder.clone(), of_rejects));
    let mut new_batch = steps.step(Step::Read, Some(bytes), || {
        let Some(spilling) = &spilling else {
            let mut read = read_files(request, &inputs, &tables, threads, observer, &rejects, None)?;
            let tracks = std::mem::take(&mut read.tracks);
            return Ok(NewBatch::new(&inputs, read, Gathered::InMemory(tracks), 0));
        };
        let forgotten = Forgotten::load(&**folder.disk(), folder.root())?;
        let gatherer =
            Gatherer::new(spilling, &forgotten, &rejects, &request.config.rules.carried, threads.get());
        if let (RunMode::Incremental, Some(before)) = (&mode, &before) {
            gatherer.expect(&before.manifest);
        }
        let mut read = read_files(request, &inputs, &tables, threads, observer, &rejects, Some(&gatherer))?;
        let tracks = gatherer.finish(std::mem::take(&mut read.tracks))?;
        if let Gathered::Spilled(_) = tracks {
            let folder = spilling.folder.display();
            tracing::info!(
                tracks = tracks.rows(),
                "over the limit of memory: tracks were spilled to `{folder}`"
            );
        }
        let forgotten = tracks.forgotten();
        Ok::<_, RunError>(NewBatch::new(&inputs, read, tracks, forgotten))
    })?;
    if rejects.is_spilled() {
        tracing::info!("rejected rows were spilled to disk in `{}`", spill_folder.display());
    }
    let gone = earlier.gone;
    new_batch.earlier = earlier;
    new_batch.older = older;
    new_batch.warnings.extend(warnings);
    let inputs = new_batch.inputs.clone();
    let settings = Settings {
        rules: request.config.rules.clone(),
        layout: Layout::default(),
        fingerprint: request.config.fingerprint(),
        source_fingerprint: request.config.source_fingerprint(),
        ignored_ids: request.config.gate().ignored_ids,
        keep: request.config.output.keep,
        spilling,
    };
    let manifest =
        pool.install(|| advance(&folder, before.as_ref(), mode, new_batch, &settings, &mut steps, started))?;
    if current_stays {
        // It is not the current one any more, and goes.
        settle(&folder, Current::Rewritten, Layout::default())?;
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(RunReport { manifest, current, seconds, published: true, gone, inputs })
}

/// The names of all files that the current snapshot has read; none without one.
fn names_read_before(output: &Path) -> Result<Vec<String>, RunError> {
    if !output.join(CURRENT).exists() {
        return Ok(Vec::new());
    }
    let folder = OutputFolder::open(output)?;
    let before = Before::find(&folder, Refresh::Incremental)?;
    let inputs = before.map(|before| before.known.inputs).unwrap_or_default();
    Ok(inputs.into_iter().map(|input| input.path).collect())
}

/// Whether files that `path` names, itself a file, a folder, a pattern or a URL, are among those with these names.
fn had_files(path: &str, names: &[String]) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    let pattern = glob::Pattern::new(path).ok();
    names.iter().any(|name| {
        name == path
            || name.starts_with(&folder)
            || pattern.as_ref().is_some_and(|pattern| pattern.matches(name))
    })
}

/// Ends a full refresh that would lose rows.
fn refuse_to_drop(request: &RunRequest, folder: &OutputFolder, found: &[InputFile]) -> Result<(), RunError> {
    let Some(before) = Before::find(folder, Refresh::Incremental)? else { return Ok(()) };
    let files = plan::dropped(request, &before, found)?;
    if files.iter().all(|(_, rows)| *rows == 0) {
        return Ok(());
    }
    Err(RunError::WouldDrop { files })
}

/// Runs steps one after the other, and times them.
pub(crate) struct Steps<'a> {
    pub(crate) observer: &'a dyn Observer,
    pub(crate) timings: BTreeMap<String, f64>,
}

impl Steps<'_> {
    pub(crate) fn step<T>(&mut self, step: Step, total: Option<u64>, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        self.observer.step_started(step, total);
        let result = work();
        self.observer.step_finished(step);
        self.timings.insert(step.as_str().to_owned(), started.elapsed().as_secs_f64());
        result
    }
}

/// Hands what is read on to the observer of the run.
struct Advance<'a>(&'a dyn Observer);

impl read::Progress for Advance<'_> {
    fn advance(&self, rows: u64, bytes: u64) {
        self.0.advanced(rows, bytes);
    }
}

fn read_files(
    request: &RunRequest,
    inputs: &Inputs,
    tables: &[InputFile],
    threads: NonZeroUsize,
    observer: &dyn Observer,
    rejects: &Arc<RejectMemory>,
    overflow: Option<&dyn Overflow>,
) -> Result<Read<Rejects>, ReadError> {
    let config = &request.config.source;
    let source = Source {
        columns: mapped_columns(request),
        where_: config.filter.clone(),
        gate: request.config.gate(),
        format: request.format,
        csv: config.csv.clone(),
        max_line: request.max_line,
    };
    let temporary = request.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let options = Options {
        threads,
        strictness: request.strictness,
        temporary: &temporary,
        filters: &*request.filters,
    };
    read::read_all_beside(&inputs.files, tables, &source, &options, &Advance(observer), rejects, overflow)
}

/// The columns that the configuration names otherwise.
fn mapped_columns(request: &RunRequest) -> BTreeMap<Column, String> {
    let mapped = request.config.source.columns.mapped().into_iter();
    mapped.filter_map(|(name, own)| Some((Column::from_name(name)?, own?.to_owned()))).collect()
}

/// A run over a folder that holds its own output must not read that.
fn without_output(mut inputs: Inputs, output: &Path) -> Result<Inputs, InputError> {
    let Ok(output) = output.canonicalize() else { return Ok(inputs) };
    let before = inputs.files.len();
    inputs
        .files
        .retain(|file| !Path::new(&file.name).canonicalize().is_ok_and(|path| path.starts_with(&output)));
    let left_out = before - inputs.files.len();
    if left_out > 0 {
        tracing::warn!(files = left_out, output = %output.display(), "passed over: files of the output folder");
    }
    if inputs.files.is_empty() && left_out > 0 {
        let (path, ignored) = (output.display().to_string(), inputs.ignored.len());
        return Err(InputError::Empty { path, ignored, rows: None });
    }
    Ok(inputs)
}

impl NewBatch {
    fn new(inputs: &Inputs, read: Read<Rejects>, tracks: Gathered, forgotten: u64) -> Self {
        Self {
            inputs: inputs_of(inputs, &read.files),
            earlier: Earlier::default(),
            older: Vec::new(),
            warnings: warnings_of(inputs, &read, tracks.rows()),
            mostly_rejected: read.mostly_rejected.len() as u64,
            tracks,
            rejects: read.rejects,
            skipped: read.skipped + forgotten,
            ignored_ids: read.ignored_ids,
            other_calls: read.other_calls.by_type(),
        }
    }
}

fn inputs_of(inputs: &Inputs, summaries: &[read::FileSummary]) -> Vec<Input> {
    let input = |(file, summary): (&InputFile, &read::FileSummary)| Input {
        path: summary.name.clone(),
        bytes: summary.content.map_or(file.size, |content| content.bytes),
        digest: summary.content.map(|content| content.digest),
        modified: modified(file),
        etag: file.etag.clone(),
        rows: summary.rows,
        rejected: summary.rejected,
        skipped: summary.skipped,
    };
    inputs.files.iter().zip(summaries).map(input).collect()
}

/// Calls that are no tracks, where there are more of them than tracks: perhaps the sessions should have them.
fn warning_of_calls(calls: &BTreeMap<String, u64>, tracks: u64) -> Option<String> {
    let total: u64 = calls.values().sum();
    (total > tracks).then(|| {
        let calls: Vec<String> = calls.iter().map(|(name, calls)| format!("{calls} {name}")).collect();
        format!(
            "{} calls are not counted, more than the {tracks} tracks: sessions are made of track calls alone",
            calls.join(", ")
        )
    })
}

/// Files passed over, and those that are mostly rejected.
fn warnings_of(inputs: &Inputs, read: &Read<Rejects>, tracks: u64) -> Vec<String> {
    let mut warnings = inputs.notes.clone();
    warnings.extend(warning_of_calls(&read.other_calls.by_type(), tracks));
    warnings.extend(read.mostly_rejected.iter().take(FILES_NAMED).map(ToString::to_string));
    if let more @ 1.. = read.mostly_rejected.len().saturating_sub(FILES_NAMED) {
        warnings.push(format!("more than half of the rows of {more} more files are rejected for one reason"));
    }
    let [first, others @ ..] = inputs.ignored.as_slice() else { return warnings };
    let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    warnings.push(format!("passed over for its unknown extension: {first}{others}"));
    warnings
}
