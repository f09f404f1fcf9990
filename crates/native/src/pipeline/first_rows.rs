//! What the first rows of local files say against a configuration, before any run.

use super::RunRequest;
use super::error::FILES_NAMED;
use super::reading::{source_of, warning_of_calls, warning_of_times, warnings_of_columns, without_output};
use crate::read::inputs::discover;
use crate::read::{
    FirstRows, InputError, InputFile, Options, Quiet, Read, ReadError, RejectMemory, Rejects, is_url,
    read_all_with_tables,
};
use std::sync::Arc;
use tracklet_display::error::{Hint, with_causes};
use tracklet_kernel::tracks::TracksBuilder;

/// Rows of a file that are looked at.
const ROWS: u64 = 1000;
/// Files that are looked at.
const FILES: usize = 100;

/// What a run would refuse or warn of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The key of the configuration that it is about.
    pub key: Vec<String>,
    /// A sentence: what is so.
    pub message: String,
    /// A sentence: what helps.
    pub hint: Option<String>,
    /// Whether a run from here would fail; else it would warn, or rows that were not looked at may say otherwise.
    pub is_error: bool,
}

impl Doubt {
    fn new(key: &[&str], message: String, hint: Option<String>, is_error: bool) -> Self {
        Self { key: key.iter().map(|&part| part.to_owned()).collect(), message, hint, is_error }
    }

    fn warning(key: &[&str], message: String) -> Self {
        Self::new(key, message, None, false)
    }
}

/// Reads the first 1,000 rows of the first 100 local files as the run would: what it would refuse, and what it would warn of.
///
/// Objects of a store are not asked for. Where rows are left out, a name that the others may have is a warning.
pub fn doubts(request: &RunRequest) -> Vec<Doubt> {
    let (remote, local): (Vec<&String>, Vec<&String>) = request.paths.iter().partition(|path| is_url(path));
    let types = request.config.types_read();
    let mut found = Vec::new();
    let mut good = Vec::new();
    for path in local {
        match discover(std::slice::from_ref(path), request.format, types) {
            Ok(_) => good.push(path.clone()),
            Err(error) => found.push(of_paths(&error)),
        }
    }
    if good.is_empty() {
        return found;
    }
    let inputs = discover(&good, request.format, types);
    let inputs = match inputs.and_then(|inputs| without_output(inputs, &request.output)) {
        Ok(inputs) => inputs,
        Err(error) => {
            found.push(of_paths(&error));
            return found;
        }
    };
    let (looked_at, others) = inputs.files.split_at(inputs.files.len().min(FILES));
    let first_rows = FirstRows::new(ROWS);
    match read_first(request, looked_at, others, &first_rows) {
        Ok(read) => found.extend(of_rows(request, &read)),
        Err(error) => {
            let is_all = remote.is_empty() && others.is_empty() && !first_rows.has_left();
            found.push(of_read(request, &error, is_all));
        }
    }
    found
}

fn read_first(
    request: &RunRequest,
    files: &[InputFile],
    others: &[InputFile],
    first_rows: &FirstRows,
) -> Result<Read<Rejects>, ReadError> {
    let temporary = request.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let options = Options {
        threads: request.threads(),
        strictness: request.strictness,
        temporary: &temporary,
        filters: &*request.filters,
        first_rows: Some(first_rows),
    };
    let rejects = Arc::new(RejectMemory::new(temporary.clone(), None));
    read_all_with_tables(files, others, &source_of(request), &options, &Quiet, &rejects, None)
}

/// What is not here may be where the run will be.
fn of_paths(error: &InputError) -> Doubt {
    let may_be_elsewhere = error.is_of_nothing() || matches!(error, InputError::Io { .. });
    Doubt::new(&["source", "paths"], with_causes(error), error.hint(), !may_be_elsewhere)
}

fn of_read(request: &RunRequest, error: &ReadError, is_all: bool) -> Doubt {
    let message = with_causes(error);
    match error {
        ReadError::MappedColumn { file, column, .. } => {
            let key = ["source", "columns", column.name()];
            Doubt::new(&key, message, error.hint(), is_all || file.is_some())
        }
        ReadError::FilterColumn { .. } => Doubt::new(&["source", "where"], message, error.hint(), is_all),
        ReadError::Filter { .. } => Doubt::new(&["source", "where"], message, error.hint(), true),
        // It may be SQL of a warehouse.
        ReadError::FilterSyntax { .. } => {
            let is_for_files = request.config.targets.is_empty();
            Doubt::new(&["source", "where"], message, error.hint(), is_for_files)
        }
        _ => Doubt::new(&["source", "paths"], message, error.hint(), true),
    }
}

fn of_rows(request: &RunRequest, read: &Read<Rejects>) -> Vec<Doubt> {
    let unit = request.config.source.time_unit;
    let times = unit.and_then(|unit| warning_of_times(read.doubtful_times, unit));
    let tracks = read.tracks.iter().map(TracksBuilder::rows).sum();
    let calls = warning_of_calls(&read.other_calls.by_type(), tracks);
    let rejected = read.mostly_rejected.iter().take(FILES_NAMED);
    let said = times.map(|message| Doubt::warning(&["source", "time_unit"], message));
    let said = said.into_iter().chain(calls.map(|message| Doubt::warning(&["source", "types"], message)));
    let said = said.chain(warnings_of_columns(read).map(|message| Doubt::warning(&["columns"], message)));
    said.chain(rejected.map(|file| Doubt::warning(&["source", "paths"], file.to_string())))
        .map(|doubt| Doubt { message: format!("in the first rows: {}", doubt.message), ..doubt })
        .collect()
}
