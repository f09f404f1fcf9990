//! `tracklet run`

use super::analysis::row_filters;
use super::{build, output_folder};
use crate::arguments::LogFormat;
use crate::arguments::RunArguments;
use crate::failure::{Failure, Outcome};
use crate::interrupt::Interruptible;
use crate::logging::Log;
use crate::progress::Progress;
use crate::status::Status;
use crate::summary::{self, Summary};
use std::fmt;
use std::io::{self, IsTerminal as _};
use tracklet_config::{Config, FILE_NAME};
use tracklet_display::error::Hint;
use tracklet_display::numbers::grouped;
use tracklet_native::pipeline::{
    self as engine, Changed, Dropping, Refresh, RunError, RunReport, RunRequest,
};
use tracklet_native::read::Strictness;

pub fn run(arguments: &RunArguments, log: &Log) -> Outcome {
    if let Some(target) = &arguments.target {
        return build::in_warehouse(arguments, target, log);
    }
    if !arguments.selection.select.is_empty() || !arguments.selection.exclude.is_empty() {
        return Err(Failure::new(NoSelection));
    }
    let mut request = request(arguments)?;
    let mut report = run_once(&request, log)?;
    if let Err(error @ RunError::WouldDrop { .. }) = &report
        && asked_to_drop(error, log)?
    {
        request.dropping = Dropping::Allowed;
        report = run_once(&request, log)?;
    }
    let report = report?;
    if !report.published {
        for older in &report.manifest.older_settings {
            tracing::warn!("{older}");
        }
        return Ok(nothing_new(&report, log));
    }
    if let Some(reason) = &report.manifest.reason {
        tracing::info!("full rebuild: {reason}");
    }
    tell_details(&report);
    for warning in &report.manifest.warnings {
        tracing::warn!("{warning}");
    }
    Ok(finish(&Summary::new(&report.manifest, report.seconds, report.current), log))
}

fn run_once(request: &RunRequest, log: &Log) -> Result<Result<RunReport, RunError>, Failure> {
    let progress = Progress::new(log);
    let watched = Interruptible::new(&progress, log)?;
    Ok(engine::run(request, &watched))
}

/// Asks on a terminal whether rows may be dropped; without one the answer is no.
fn asked_to_drop(error: &RunError, log: &Log) -> io::Result<bool> {
    let is_seen = log.format == LogFormat::Text && !log.quiet && io::stderr().is_terminal();
    if !is_seen || !io::stdin().is_terminal() {
        return Ok(false);
    }
    log.say(&format!("{error}\ndrop them? [y/N]"));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn request(arguments: &RunArguments) -> Result<RunRequest, Failure> {
    let config = Config::load_or_default(arguments.place.config.as_deref())?;
    let paths = if arguments.paths.is_empty() { &config.source.paths } else { &arguments.paths }.clone();
    if paths.is_empty() {
        return Err(Failure::new(NoPaths));
    }
    Ok(RunRequest {
        output: output_folder(&arguments.place)?,
        paths,
        format: arguments.format.or(config.source.format),
        strictness: if arguments.strict { Strictness::Strict } else { Strictness::Lenient },
        threads: arguments.threads,
        max_line: arguments.max_line.get(),
        temp_dir: arguments.temp_dir.clone(),
        memory_limit: arguments.memory_limit,
        refresh: if arguments.full_refresh { Refresh::Full } else { Refresh::Incremental },
        changed: arguments.changed.map(Changed::from).unwrap_or_default(),
        dropping: if arguments.yes { Dropping::Allowed } else { Dropping::Refused },
        filters: row_filters(),
        config,
    })
}

/// What each file of the run gave and each check found, for who asks twice.
fn tell_details(report: &RunReport) {
    for input in &report.inputs {
        tracing::debug!(
            rows = input.rows,
            rejected = input.rejected,
            skipped = input.skipped,
            "read `{}`",
            input.path
        );
    }
    for check in &report.manifest.checks {
        let outcome = if check.passed { "holds" } else { "DOES NOT HOLD" };
        tracing::debug!("{outcome}: {} ({})", check.invariant, check.found);
    }
}

/// Tells that there was nothing to do.
fn nothing_new(report: &RunReport, log: &Log) -> Status {
    let (files, current) = (report.manifest.inputs.files(), report.current.display());
    match log.format {
        LogFormat::Json => tracing::info!(files, gone = report.gone, output = %current, "no new files"),
        LogFormat::Text => {
            log.say(&format!("no new files; {current} is that of the {} read before", grouped(files)));
            if let Some(gone) = summary::gone_line(report.gone) {
                log.say(&gone);
            }
        }
    }
    Status::Done
}

/// Reports the outcome of the run.
fn finish(summary: &Summary, log: &Log) -> Status {
    match log.format {
        LogFormat::Json => tracing::info!(
            mode = summary.mode,
            files = summary.files,
            read = summary.read,
            sessionized = summary.sessionized,
            evidence = summary.evidence,
            duplicates = summary.duplicates,
            rejected = summary.rejected,
            skipped = summary.skipped,
            sessions = summary.sessions,
            visitors = summary.visitors,
            gone = summary.gone,
            failed_checks = summary.failed_checks.len(),
            seconds = summary.seconds,
            output = %summary.output.display(),
            "run finished"
        ),
        LogFormat::Text => summary.render().lines().for_each(|line| log.say(line)),
    }
    let is_doubtful = summary.mostly_rejected > 0 || summary.doubtful_times > 0;
    if summary.damaged_rows() > 0 || is_doubtful || !summary.failed_checks.is_empty() {
        Status::CheckFailed
    } else {
        Status::Done
    }
}

/// The native engine makes all tables in one pass.
#[derive(Debug)]
struct NoSelection;

impl fmt::Display for NoSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("--select and --exclude are for warehouses: from files all tables are made at once")
    }
}

impl std::error::Error for NoSelection {}

impl Hint for NoSelection {
    fn hint(&self) -> Option<String> {
        Some("name a warehouse with --target NAME".to_owned())
    }
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
