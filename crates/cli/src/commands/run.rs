//! `tracklet run`

use super::output_folder;
use crate::arguments::RunArguments;
use crate::failure::{Failure, Outcome};
use crate::logging::{Log, LogFormat};
use crate::progress::Progress;
use crate::status::Status;
use crate::summary::Summary;
use std::fmt;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tracklet_engine::config::{Config, FILE_NAME, Format};
use tracklet_engine::error::Hint;
use tracklet_engine::manifest::Manifest;
use tracklet_engine::observer::Observer;

pub fn run(arguments: &RunArguments, log: &Log) -> Outcome {
    let request = request(arguments)?;
    let report = engine(&request, &Progress::new(log))?;
    for warning in &report.manifest.warnings {
        tracing::warn!("{warning}");
    }
    Ok(finish(&Summary::new(&report.manifest, report.seconds, report.current), log))
}

/// What the engine says of a run.
struct Report {
    manifest: Manifest,
    /// Seconds from start to end.
    seconds: f64,
    /// Where its tables are for readers.
    current: PathBuf,
}

/// Hands the request to the engine.
fn engine(_request: &Request, _observer: &dyn Observer) -> Result<Report, Failure> {
    Err(Failure::new(NoEngine))
}

/// The engine's side of a run is not part of this build.
#[derive(Debug)]
struct NoEngine;

impl fmt::Display for NoEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build cannot run: it has no engine")
    }
}

impl std::error::Error for NoEngine {}

impl Hint for NoEngine {}

/// A run as the command line and the configuration have it, the command line first.
#[derive(Debug, PartialEq)]
struct Request {
    config: Config,
    output: PathBuf,
    paths: Vec<String>,
    format: Option<Format>,
    strictness: Strictness,
    threads: Option<NonZeroUsize>,
    max_line: NonZeroUsize,
    temp_dir: Option<PathBuf>,
}

/// What a row does that can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// It goes to `tracklet_rejects`.
    Reject,
    /// It stops the run.
    Stop,
}

fn request(arguments: &RunArguments) -> Result<Request, Failure> {
    let config = Config::load_or_default(arguments.place.config.as_deref())?;
    let paths = if arguments.paths.is_empty() { &config.source.paths } else { &arguments.paths }.clone();
    if paths.is_empty() {
        return Err(Failure::new(NoPaths));
    }
    Ok(Request {
        output: output_folder(&arguments.place)?,
        paths,
        format: arguments.format.map(Format::from).or(config.source.format),
        strictness: if arguments.strict { Strictness::Stop } else { Strictness::Reject },
        threads: arguments.threads,
        max_line: arguments.max_line,
        temp_dir: arguments.temp_dir.clone(),
        config,
    })
}

/// Tells what came of the run.
fn finish(summary: &Summary, log: &Log) -> Status {
    match log.format {
        LogFormat::Json => tracing::info!(
            files = summary.files,
            read = summary.read,
            sessionized = summary.sessionized,
            duplicates = summary.duplicates,
            rejected = summary.rejected,
            skipped = summary.skipped,
            sessions = summary.sessions,
            visitors = summary.visitors,
            failed_checks = summary.failed_checks.len(),
            seconds = summary.seconds,
            output = %summary.output.display(),
            "run finished"
        ),
        LogFormat::Text if !log.quiet => {
            // A closed stderr is no reason to call a published run a failure.
            let _ = std::io::stderr().lock().write_all(summary.render().as_bytes());
        }
        LogFormat::Text => {}
    }
    if summary.rejected > 0 || !summary.failed_checks.is_empty() { Status::CheckFailed } else { Status::Done }
}

/// Neither the command line nor the configuration names anything to read.
#[derive(Debug)]
struct NoPaths;

impl fmt::Display for NoPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is nothing to read: no path was given")
    }
}

impl std::error::Error for NoPaths {}

impl Hint for NoPaths {
    fn hint(&self) -> Option<String> {
        Some(format!("`tracklet run PATH`, or [source] paths = [\"PATH\"] in {FILE_NAME}"))
    }
}
