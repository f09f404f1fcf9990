//! `tracklet init`

use super::warehouse::ChosenTarget;
use crate::arguments::InitArguments;
use crate::arguments::LogFormat;
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::status::Status;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;
use tracklet_config::{Config, FILE_NAME};
use tracklet_display::error::Hint;
use tracklet_display::numbers::grouped;
use tracklet_display::visible::visible;
use tracklet_kernel::event_type::EventType;
use tracklet_native::read::inputs::discover;
use tracklet_native::read::{CallTable, FormatColumns, Inspection, inspect, inspect_tables};
use tracklet_native::starter::{
    CallSource, differing_times, missing_columns, proposed, sections_for, starter, substitute_time,
};
use tracklet_warehouse::{SampledTable, sampled_tables};

/// Event names that are printed; the file lists more.
const EVENTS: usize = 5;

pub fn init(arguments: &InitArguments, log: &Log) -> Outcome {
    let file = arguments.config.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
    if let (Some(target), Some(schema)) = (&arguments.target, &arguments.schema) {
        return of_warehouse(arguments, &file, target, schema, log);
    }
    if !arguments.force && file.exists() {
        return Err(Failure::new(InitError::Exists { path: file }));
    }
    // Calls of every type are looked at, to say which there are.
    let types = EventType::ALL.into_iter().collect();
    let inputs = discover(&arguments.paths, None, types).map_err(Failure::new)?;
    for note in &inputs.notes {
        tracing::warn!("{note}");
    }
    let inspection = inspect(&inputs.files, &std::env::temp_dir()).map_err(Failure::new)?;
    let paths = paths_for(&file, &arguments.paths)?;
    write(&file, &starter(&inspection, &CallSource::Paths(&paths)), arguments.force)?;
    warn(&file, &inspection);
    tell(&file, &inspection, None, log);
    Ok(Status::Done)
}

/// Looks at the tables of a schema.
fn of_warehouse(arguments: &InitArguments, file: &Path, name: &str, schema: &str, log: &Log) -> Outcome {
    let written = if file.exists() { Some(fs::read_to_string(file)?) } else { None };
    let is_there =
        |section: &str| written.as_ref().is_some_and(|text| Config::spot(text, file, &[section]).is_some());
    let config = match &written {
        Some(_) if is_there("source") || is_there("columns") => {
            return Err(Failure::new(InitError::Chosen { path: file.to_owned() }));
        }
        Some(_) if arguments.profile.is_some() => {
            return Err(Failure::new(InitError::Exists { path: file.to_owned() }));
        }
        Some(_) => Config::load_or_default(Some(file))?,
        None => Config { profile: arguments.profile.clone(), ..Config::default() },
    };
    let place = ChosenTarget::of_config(config, Some(name), arguments.profiles_dir.as_deref())?;
    let warehouse = place.connect().map_err(Failure::new)?;
    let tracks = format!("{schema}.{}", EventType::Track.table());
    let looked = place
        .work(&*warehouse, None, async |job| sampled_tables(job.warehouse, job.target, &tracks).await)?;
    let tables = looked.map_err(Failure::new)?.into_iter();
    let tables =
        tables.map(|SampledTable { event_type, columns, rows }| CallTable { event_type, columns, rows });
    let inspection = inspect_tables(tables.collect());
    let tables = [tracks];
    let origin = CallSource::Tables(&tables, arguments.profile.as_deref());
    match &written {
        None => write(file, &starter(&inspection, &origin), false)?,
        Some(text) => {
            let top = |section: &str| is_there(section.split('.').next().unwrap_or(section));
            let more = sections_for(&inspection, &origin, top);
            write(file, &format!("{}\n{more}", text.trim_end()), true)?;
        }
    }
    warn(file, &inspection);
    tell(file, &inspection, Some(name), log);
    Ok(Status::Done)
}

/// Says what a run would lack.
fn warn(file: &Path, inspection: &Inspection) {
    for column in missing_columns(inspection) {
        tracing::warn!("no column was found for {column}: name it in [source.columns] of {}", file.display());
    }
    if let Some(name) = substitute_time(inspection) {
        tracing::warn!(
            "no column was found for timestamp: {} is read in its place, the device's own clock",
            visible(&name)
        );
    }
    if let Some(differing) = differing_times(inspection) {
        tracing::warn!("{}", visible(&differing));
    }
}

/// The paths as the file must have them: relative ones start at its folder.
fn paths_for(file: &Path, paths: &[String]) -> Result<Vec<String>, Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let beside = folder.as_os_str().is_empty() || folder == Path::new(".");
    paths
        .iter()
        .map(|path| {
            if beside || path.contains("://") || Path::new(path).is_absolute() {
                return Ok(path.clone());
            }
            let absolute = std::path::absolute(path)
                .map_err(|source| Failure::new(InitError::Write { path: file.to_owned(), source }))?;
            Ok(absolute.to_string_lossy().into_owned())
        })
        .collect()
}

fn write(file: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let failed = |source: io::Error| {
        Failure::new(match source.kind() {
            io::ErrorKind::AlreadyExists => InitError::Exists { path: file.to_owned() },
            _ => InitError::Write { path: file.to_owned(), source },
        })
    };
    let mut options = OpenOptions::new();
    options.write(true);
    // A file that has come since we looked is not overwritten either.
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    options.open(file).and_then(|mut opened| opened.write_all(text.as_bytes())).map_err(failed)
}

/// The command that uses the file just written, as a shell takes it.
fn next_command(file: &Path, target: Option<&str>) -> String {
    let target = target.map_or_else(String::new, |name| format!(" --target {name}"));
    if file == Path::new(FILE_NAME) {
        return format!("tracklet run{target}");
    }
    let name = file.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    if name.chars().all(is_plain) {
        format!("tracklet run --config {name}{target}")
    } else {
        format!("tracklet run --config '{}'{target}", name.replace('\'', "'\\''"))
    }
}

fn tell(file: &Path, inspection: &Inspection, target: Option<&str>, log: &Log) {
    let found: Vec<String> = inspection.formats.iter().map(FormatColumns::label).collect();
    let sample = inspection.sample();
    let calls: Vec<String> =
        sample.calls().iter().map(|(name, rows)| format!("{} {name}", grouped(*rows))).collect();
    let all_events = sample.events();
    let shown = all_events.iter().take(EVENTS);
    let mut events: Vec<String> =
        shown.map(|(name, rows)| format!("{} {}", grouped(*rows), visible(name))).collect();
    if all_events.len() > EVENTS {
        events.push(format!("and {} more", all_events.len() - EVENTS));
    }
    let (calls, events) = (calls.join(", "), events.join(", "));
    let sets = proposed(inspection).join(", ");
    match log.format {
        LogFormat::Json => {
            tracing::info!(file = %file.display(), found = found.join(", "), calls, events, sets, "configuration written");
        }
        LogFormat::Text => {
            log.say(&format!("looked at {}", found.join(", ")));
            for (what, found) in [("calls", calls), ("events", events)] {
                if !found.is_empty() {
                    log.say(&format!("{what} in the first rows: {found}"));
                }
            }
            if !sets.is_empty() {
                log.say(&format!("what was found sets {sets}"));
            }
            log.say(&format!("wrote {}: edit it, then `{}`", file.display(), next_command(file, target)));
        }
    }
}

/// Why no configuration was written.
#[derive(Debug, Error)]
enum InitError {
    #[error("`{}` already exists", path.display())]
    Exists { path: PathBuf },
    #[error("`{}` says already what is read", path.display())]
    Chosen { path: PathBuf },
    #[error("could not write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Hint for InitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("--force replaces it; --config FILE writes another one".to_owned()),
            Self::Chosen { .. } => Some(
                "init adds to a file that has [targets.NAME] and neither [source] nor [columns]; --config FILE names another one"
                    .to_owned(),
            ),
            Self::Write { .. } => Some("check that the folder exists and may be written to".to_owned()),
        }
    }
}
