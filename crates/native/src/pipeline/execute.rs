//! A run, put together.

use super::facts::{OnDisk, ReadBefore};
use super::plan::{self, RunPlan};
use super::publish::{Before, NewBatch, RunSettings, advance};
use super::reading::{TimedSteps, read_files, without_output};
use super::{Dropping, RunError, RunRequest};
use crate::forget::{Current, settle};
use crate::increment::Forgotten;
use crate::manifest::{Input, Manifest};
use crate::observer::{Observer, Step};
use crate::publish::{CURRENT, OutputFolder};
use crate::read::inputs::{discover, discover_with_known};
use crate::read::{self, InputFile, Inputs, RejectMemory};
use crate::spill::{Gathered, Gatherer, Limit, Spilling};
use crate::write::Layout;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tracklet_config::{Refresh, RunMode};
use tracklet_kernel::tracks::Tracks;

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
    let threads = request.threads();
    let inputs = discover(&request.paths, request.format, request.config.types_read())?;
    let bytes = inputs.files.iter().map(|file| file.size).sum();
    let mut steps = TimedSteps { observer, timings: BTreeMap::new() };
    let folder = request.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let rejects = Arc::new(RejectMemory::new(folder, None));
    let read = steps.step(Step::Read, Some(bytes), || {
        read_files(request, &inputs, &[], threads, observer, &rejects, None)
    })?;
    let rejects = read.rejects.rows().collect::<Result<_, _>>()?;
    Ok(ReadFiles { tracks: Tracks::merge(read.tracks), rejects })
}

/// The outcome of a run.
#[derive(Debug)]
pub struct RunReport {
    /// The manifest of the published snapshot.
    pub manifest: Manifest,
    /// The path of `current`, where readers find the tables.
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

/// Reads the files that were not read before, brings all tables up to date and publishes them as a new snapshot.
///
/// The tables and the state are, to the byte, those of one run over all files ever read. Without a new file nothing is
/// published. Bad rows are rejected, not fatal, unless the request is strict.
/// # Errors
/// See [`RunError`]; after any of them the tables are as they were.
pub fn run(request: &RunRequest, observer: &dyn Observer) -> Result<RunReport, RunError> {
    let started = Instant::now();
    let threads = request.threads();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build()?;
    let mut steps = TimedSteps { observer, timings: BTreeMap::new() };

    let types = request.config.types_read();
    let found = match discover(&request.paths, request.format, types) {
        // An inbox that is empty since its files were read is no mistake.
        Err(error) if error.is_of_nothing() && request.refresh == Refresh::Incremental => {
            let names = names_read_before(&request.output)?;
            discover_with_known(&request.paths, request.format, types, |path| had_files(path, &names))?
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
    let facts = OnDisk::new(request, &folder, before.as_ref());
    let read_before = before.as_ref().map(ReadBefore::of);
    let RunPlan { mode, files, copies, earlier, warnings, older, tables } =
        plan::plan(request, read_before.as_ref(), found.files, &facts)?;
    warn_of_copies(&copies);
    let current = request.output.join(CURRENT);
    if let (RunMode::Incremental, Some(before)) = (mode.mode, &before)
        && files.is_empty()
        && !plan::is_decided(&earlier, request.changed)
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
    let time_unit = request.config.source.time_unit;
    let mut new_batch = steps.step(Step::Read, Some(bytes), || {
        let Some(spilling) = &spilling else {
            let mut read = read_files(request, &inputs, &tables, threads, observer, &rejects, None)?;
            let tracks = std::mem::take(&mut read.tracks);
            return Ok(NewBatch::new(&inputs, read, Gathered::InMemory(tracks), 0, time_unit));
        };
        let forgotten = Forgotten::load(&**folder.disk(), folder.root())?;
        let gatherer =
            Gatherer::new(spilling, &forgotten, &rejects, &request.config.rules.carried, threads.get());
        if let (RunMode::Incremental, Some(before)) = (mode.mode, &before) {
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
        Ok::<_, RunError>(NewBatch::new(&inputs, read, tracks, forgotten, time_unit))
    })?;
    if rejects.is_spilled() {
        tracing::info!("rejected rows were spilled to disk in `{}`", spill_folder.display());
    }
    let gone = earlier.gone;
    new_batch.earlier = earlier;
    new_batch.older = older;
    new_batch.warnings.extend(warnings);
    let inputs = new_batch.inputs.clone();
    let settings = RunSettings {
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

fn warn_of_copies(copies: &[String]) {
    if let [first, others @ ..] = copies {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        tracing::warn!("not read: `{first}`{others}, with the same content as another file");
    }
}

/// Ends a full refresh that would lose rows.
fn refuse_to_drop(request: &RunRequest, folder: &OutputFolder, found: &[InputFile]) -> Result<(), RunError> {
    let Some(before) = Before::find(folder, Refresh::Incremental)? else { return Ok(()) };
    let facts = OnDisk::new(request, folder, Some(&before));
    let files = plan::dropped(request, &before.known.inputs, found, &facts)?;
    if files.iter().all(|(_, rows)| *rows == 0) {
        return Ok(());
    }
    Err(RunError::WouldDrop { files })
}
