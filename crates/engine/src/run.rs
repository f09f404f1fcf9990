//! A run of the native engine: from files to a published snapshot.

use crate::config::Config;
use crate::error::{Hint, nearest};
use crate::manifest::{FORMAT, Input, Manifest, Rows, Versions, Written};
use crate::observer::{Observer, Step};
use crate::publish::{CURRENT, OutputFolder, PublishError};
use crate::read::inputs::discover;
use crate::read::{self, Column, Format, InputError, Inputs, Options, Read, ReadError, Source, Strictness};
use crate::write::{Layout, WRITER, WriteError, WrittenTables, reject_batches, write_tables};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tracks::{Tracks, TracksBuilder};

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
    /// Where objects from a store lie while they are read; `None` takes the system's folder.
    pub temp_dir: Option<PathBuf>,
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
    let read = steps.step(Step::Read, Some(bytes), || read_files(request, &inputs, threads, observer))?;
    Ok(ReadFiles { tracks: Tracks::merge(read.tracks), rejects: read.rejects })
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
            Self::Threads(_) => Some("take fewer with --threads".to_owned()),
        }
    }
}

/// Reads the files, makes all tables and publishes them as a new snapshot.
///
/// Bad rows are rejected, not fatal, unless the request is strict.
/// # Errors
/// See [`RunError`]; after any of them the tables are as they were.
pub fn run(request: &RunRequest, observer: &dyn Observer) -> Result<RunReport, RunError> {
    let started = Instant::now();
    let threads =
        request.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build()?;
    let mut steps = Steps { observer, timings: BTreeMap::new() };

    let inputs = discover(&request.paths, request.format)?;
    let folder = OutputFolder::open(&request.output)?;
    let inputs = without_output(inputs, &request.output)?;
    let bytes = inputs.files.iter().map(|file| file.size).sum();
    let read = steps.step(Step::Read, Some(bytes), || read_files(request, &inputs, threads, observer))?;

    let Read { tracks, rejects, skipped, files } = read;
    let rules = request.config.rules.clone();
    let rows_in: u64 = tracks.iter().map(TracksBuilder::rows).sum();
    let sessionized = steps.step(Step::Sessionize, Some(rows_in), || {
        pool.install(|| Sessionized::new(Tracks::merge(tracks), rules))
    });

    let building = folder.begin()?;
    let layout = Layout::default();
    let kept = sessionized.sessionized_rows() as u64;
    let written = steps.step(Step::Write, Some(kept), || {
        let rejects = reject_batches(&rejects, layout.rows_of_a_group);
        let advanced = |rows| observer.advanced(rows, 0);
        pool.install(|| write_tables(&sessionized, &rejects, building.path(), layout, &advanced))
    })?;

    let mut by_reason = BTreeMap::new();
    for reject in &rejects {
        *by_reason.entry(reject.reason.as_str().to_owned()).or_insert(0) += 1;
    }
    let rows = Rows {
        read: rows_in + rejects.len() as u64,
        sessionized: kept,
        duplicates: sessionized.duplicate_rows() as u64,
        rejected: rejects.len() as u64,
        skipped,
    };
    let WrittenTables { rows: tables, bytes, files: written_files, checks } = written;
    let mut manifest = Manifest {
        format: FORMAT,
        snapshot: building.name().to_owned(),
        created_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        versions: Versions { tracklet: env!("CARGO_PKG_VERSION").to_owned(), writer: WRITER.to_owned() },
        config_fingerprint: request.config.fingerprint(),
        rows,
        rejects: by_reason,
        tables: tables.into_iter().map(|(table, rows)| (table.to_owned(), rows)).collect(),
        sessions: sessionized.session_count() as u64,
        visitors: sessionized.visitor_count() as u64,
        inputs: inputs_of(&inputs, files),
        warnings: warnings(&inputs, &sessionized),
        checks,
        written: Written { files: written_files, bytes },
        timings: BTreeMap::new(),
    };
    manifest.timings = std::mem::take(&mut steps.timings);
    manifest.timings.insert("total".to_owned(), started.elapsed().as_secs_f64());
    steps.step(Step::Publish, None, || building.publish(&manifest, request.config.output.keep))?;
    Ok(RunReport {
        manifest,
        current: request.output.join(CURRENT),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Runs steps one after the other, and times them.
struct Steps<'a> {
    observer: &'a dyn Observer,
    timings: BTreeMap<String, f64>,
}

impl Steps<'_> {
    fn step<T>(&mut self, step: Step, total: Option<u64>, work: impl FnOnce() -> T) -> T {
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
    threads: NonZeroUsize,
    observer: &dyn Observer,
) -> Result<Read, ReadError> {
    let config = &request.config.source;
    let source = Source {
        columns: mapped_columns(request),
        where_: config.filter.clone(),
        event_names: config.event_names,
        format: request.format,
        max_line: request.max_line,
    };
    let temporary = request.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let options = Options { threads, strictness: request.strictness, temporary: &temporary };
    read::read_all(&inputs.files, &source, &options, &Advance(observer))
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
    if inputs.files.is_empty() {
        return Err(InputError::Empty { path: output.display().to_string(), ignored: inputs.ignored.len() });
    }
    Ok(inputs)
}

fn inputs_of(inputs: &Inputs, summaries: Vec<read::FileSummary>) -> Vec<Input> {
    let modified = |micros: i64| {
        DateTime::from_timestamp_micros(micros).map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
    };
    inputs
        .files
        .iter()
        .zip(summaries)
        .map(|(file, summary)| Input {
            path: summary.name,
            bytes: file.size,
            modified: file.modified.and_then(modified),
            etag: file.etag.clone(),
            rows: summary.rows,
            rejected: summary.rejected,
            skipped: summary.skipped,
        })
        .collect()
}

/// What a person should look at: files passed over, counts of events that never happen.
fn warnings(inputs: &Inputs, sessionized: &Sessionized) -> Vec<String> {
    let mut warnings = Vec::new();
    if let [first, others @ ..] = inputs.ignored.as_slice() {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        warnings.push(format!("passed over for its unknown extension: {first}{others}"));
    }
    let events = sessionized.events_by_name();
    let happens = |name: &str| events.iter().any(|(event, rows)| *event == name && *rows > 0);
    if events.is_empty() {
        return warnings;
    }
    for count in &sessionized.rules().counts {
        for event in count.events.iter().filter(|event| !happens(event)) {
            let known = events.iter().filter(|(_, rows)| *rows > 0).map(|(event, _)| *event);
            let nearest =
                nearest(event, known).map(|name| format!("; there is `{name}`")).unwrap_or_default();
            warnings.push(format!("{} counts `{event}`, and no event is called that{nearest}", count.column));
        }
    }
    warnings
}
