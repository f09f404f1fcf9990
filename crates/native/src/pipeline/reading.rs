//! From files found to a batch of new rows.

use super::RunRequest;
use super::error::FILES_NAMED;
use super::publish::NewBatch;
use crate::known_inputs::Earlier;
use crate::manifest::{Input, RecordedFindings, modified};
use crate::observer::{Observer, Step};
use crate::read::{
    self, Column, ColumnFindings, InputError, InputFile, Inputs, Options, Overflow, Read, ReadError,
    RejectMemory, Rejects, Source,
};
use crate::spill::Gathered;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tracklet_display::error::listed;
use tracklet_display::numbers::counted;
use tracklet_display::visible::visible;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::time::Unit;
use tracklet_kernel::tracks::DoubtfulTimes;

/// Runs steps one after the other, and times them.
pub(crate) struct TimedSteps<'a> {
    pub(crate) observer: &'a dyn Observer,
    pub(crate) timings: BTreeMap<String, f64>,
}

impl TimedSteps<'_> {
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

impl read::ReadProgress for Advance<'_> {
    fn advance(&self, rows: u64, bytes: u64) {
        self.0.advanced(rows, bytes);
    }
}

pub(super) fn read_files(
    request: &RunRequest,
    inputs: &Inputs,
    tables: &[InputFile],
    threads: NonZeroUsize,
    observer: &dyn Observer,
    rejects: &Arc<RejectMemory>,
    overflow: Option<&dyn Overflow>,
) -> Result<Read<Rejects>, ReadError> {
    let source = source_of(request);
    let temporary = request.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let options = Options {
        threads,
        strictness: request.strictness,
        temporary: &temporary,
        filters: &*request.filters,
        first_rows: None,
    };
    read::read_all_with_tables(
        &inputs.files,
        tables,
        &source,
        &options,
        &Advance(observer),
        rejects,
        overflow,
    )
}

/// How the request has rows read.
pub(super) fn source_of(request: &RunRequest) -> Source {
    let config = &request.config.source;
    Source {
        columns: mapped_columns(request),
        where_: config.filter.clone(),
        gate: request.config.gate(),
        format: request.format,
        types: request.config.types_read(),
        event_columns: request.config.columns_read().cloned().collect(),
        csv: config.csv.clone(),
        max_line: request.max_line,
    }
}

/// The columns that the configuration names otherwise.
fn mapped_columns(request: &RunRequest) -> BTreeMap<Column, String> {
    let mapped = request.config.source.columns.of_source();
    mapped.filter_map(|(name, own)| Some((Column::from_name(name)?, own.to_owned()))).collect()
}

/// A run over a folder that holds its own output must not read that.
pub(super) fn without_output(mut inputs: Inputs, output: &Path) -> Result<Inputs, InputError> {
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
        return Err(InputError::Empty { path, ignored, held: None });
    }
    Ok(inputs)
}

impl NewBatch {
    pub(super) fn new(
        inputs: &Inputs,
        read: Read<Rejects>,
        tracks: Gathered,
        forgotten: u64,
        time_unit: Option<Unit>,
    ) -> Self {
        Self {
            inputs: inputs_of(inputs, &read.files),
            earlier: Earlier::default(),
            older: Vec::new(),
            warnings: warnings_of(inputs, &read, tracks.rows(), time_unit),
            doubtful_times: read.doubtful_times.tracks,
            mostly_rejected: read.mostly_rejected.len() as u64,
            columns: findings_of(&read),
            tracks,
            rejects: read.rejects,
            skipped: read.skipped + forgotten,
            ignored_ids: read.ignored_ids,
            other_calls: read.other_calls.by_type(),
        }
    }
}

/// What is worth to be kept of what was found of the columns of events.
fn findings_of(read: &Read<Rejects>) -> BTreeMap<String, RecordedFindings> {
    let recorded = |found: &ColumnFindings| RecordedFindings {
        files_without: found.files_without,
        unread: found.unread.values,
        examples: found.unread.examples.iter().cloned().collect(),
    };
    read.event_columns.iter().map(|(name, found)| (name.clone(), recorded(found))).collect()
}

/// Columns of events that no file has, and those of numbers with values that are none.
pub(super) fn warnings_of_columns(read: &Read<Rejects>) -> impl Iterator<Item = String> {
    let (of_preset, own): (Vec<_>, Vec<_>) =
        read.absent_columns.iter().partition(|column| column.is_of_preset);
    let absent = own.into_iter().map(|column| {
        let near = column.near.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let sources: Vec<String> =
            column.sources.iter().map(|source| format!("`{}`", visible(source))).collect();
        let lost = match &column.read_for {
            Some(derived) => format!("nothing is derived from it for `{derived}`"),
            None => format!("the column `{}` is null", column.name),
        };
        format!("no file of this run has {}: {lost}{near}", sources.join(" or "))
    });
    let absent = absent.chain((!of_preset.is_empty()).then(|| {
        let names = listed(of_preset.iter().map(|column| column.name.as_str()));
        format!("no file of this run has what the preset reads for {names}: these columns are null")
    }));
    let unread = read.event_columns.iter().filter(|(_, found)| found.unread.values > 0);
    let unread = unread.map(|(name, found)| {
        let values = if found.unread.values == 1 { "value is no number" } else { "values are no numbers" };
        let examples = found.unread.examples.iter().map(|example| visible(example));
        let examples = listed(examples.collect::<Vec<_>>().iter().map(|example| &**example));
        format!("{} {values} and null in the column `{name}`: {examples}", found.unread.values)
    });
    absent.chain(unread)
}

fn inputs_of(inputs: &Inputs, summaries: &[read::FileSummary]) -> Vec<Input> {
    let input = |(file, summary): (&InputFile, &read::FileSummary)| Input {
        path: summary.name.clone(),
        bytes: summary.content.map_or(file.size, |content| content.bytes),
        digest: summary.content.map(|content| content.digest),
        modified: modified(file),
        etag: file.etag.clone(),
        event_type: (file.event_type != EventType::Track).then(|| file.event_type.name().to_owned()),
        rows: summary.rows,
        rejected: summary.rejected,
        skipped: summary.skipped,
    };
    inputs.files.iter().zip(summaries).map(input).collect()
}

/// Calls that are no tracks, where there are more of them than tracks: perhaps the sessions should have them.
pub(super) fn warning_of_calls(calls: &BTreeMap<String, u64>, tracks: u64) -> Option<String> {
    let total: u64 = calls.values().sum();
    let can_be_events = calls.keys().any(|name| EventType::of_call(name).is_some());
    (total > tracks && can_be_events).then(|| {
        let calls: Vec<String> = calls.iter().map(|(name, calls)| format!("{calls} {name}")).collect();
        format!(
            "{} calls are not counted, more than the {tracks} events of sessions: [source] types takes calls in",
            calls.join(", ")
        )
    })
}

/// Numbers of another magnitude than the unit of times has: followed, a hint for other rows would put them into 1970 without a word.
pub(super) fn warning_of_times(found: DoubtfulTimes, unit: Unit) -> Option<String> {
    let example = found.example?;
    let unit = unit.name();
    let help = match Unit::likely(example) {
        Some(likely) => format!(
            "`{example}` counts {likely}: set [source] time_unit = \"{likely}\" where all numbers do; a run has one unit, so bring \
             the times of other files to it first",
            likely = likely.name()
        ),
        None => format!("`{example}` is no time since 2001 in any unit"),
    };
    Some(format!(
        "the times of {} are numbers too small for {unit}, and were read as times of 1970 or soon after: {help}",
        counted(found.tracks, "event")
    ))
}

/// Files passed over, and those that are mostly rejected.
fn warnings_of(inputs: &Inputs, read: &Read<Rejects>, tracks: u64, time_unit: Option<Unit>) -> Vec<String> {
    let mut warnings = inputs.notes.clone();
    warnings.extend(time_unit.and_then(|unit| warning_of_times(read.doubtful_times, unit)));
    warnings.extend(warning_of_calls(&read.other_calls.by_type(), tracks));
    warnings.extend(warnings_of_columns(read));
    warnings.extend(read.mostly_rejected.iter().take(FILES_NAMED).map(ToString::to_string));
    if let more @ 1.. = read.mostly_rejected.len().saturating_sub(FILES_NAMED) {
        warnings.push(format!("more than half of the rows of {more} more files are rejected for one reason"));
    }
    let [first, others @ ..] = inputs.ignored.as_slice() else { return warnings };
    let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    warnings.push(format!("passed over for its unknown extension: {first}{others}"));
    warnings
}
