//! `tracklet test`

use super::analysis;
use super::warehouse::{ChosenTarget, WarehouseLines};
use crate::arguments::{ReportFormat, TestArguments};
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::progress::Busy;
use crate::status::Status;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tracklet_config::FILE_NAME;
use tracklet_display::error::Hint;
use tracklet_warehouse::checks;
use tracklet_warehouse::testing::{CheckResult, Severity, Verdict, junit, user};

pub fn test(arguments: &TestArguments, log: &Log) -> Outcome {
    let own = own_tests(arguments.place.config.as_deref())?;
    let lines = WarehouseLines(log);
    let busy = Busy::new(log, "test");
    let (results, of_runs) = match &arguments.target {
        Some(target) => in_warehouse(arguments, target, &own, &lines)?,
        None => (analysis::test_files(arguments, &own, &lines)?, 0),
    };
    drop(busy);
    if arguments.format == ReportFormat::Json {
        let mut out = std::io::stdout().lock();
        for result in &results {
            writeln!(out, "{}", json(result))?;
        }
    }
    if let Some(file) = &arguments.junit {
        std::fs::write(file, junit(&results))
            .map_err(|source| Failure::new(JunitNotWritten { file: file.clone(), source }))?;
    }
    let status = tell_tests(&results, &lines);
    if of_runs > 0 {
        lines.say(&format!(
            "{of_runs} more look at what is only there while a run lasts: `tracklet build` runs them too"
        ));
    }
    Ok(status)
}

/// The user's tests, beside the configuration file, be it there or not.
pub fn own_tests(config: Option<&Path>) -> Result<Vec<user::UserTest>, Failure> {
    user::find(config.unwrap_or(Path::new(FILE_NAME))).map_err(Failure::new)
}

fn in_warehouse(
    arguments: &TestArguments,
    target: &str,
    own: &[user::UserTest],
    lines: &WarehouseLines<'_>,
) -> Result<(Vec<CheckResult>, usize), Failure> {
    let config = arguments.place.config.as_deref();
    let place = ChosenTarget::new(Some(target), config, arguments.profiles_dir.as_deref())?;
    let warehouse = place.connect()?;
    let threads = arguments.threads.unwrap_or(place.target.threads);
    let report = place.work(&*warehouse, Some(&arguments.selection), async |job| {
        checks::test(job, own, threads, lines).await
    })??;
    Ok((report.results, report.of_runs))
}

fn json(result: &CheckResult) -> serde_json::Value {
    serde_json::json!({
        "test": result.name,
        "of": result.of,
        "severity": match result.severity {
            Severity::Warn => "warn",
            Severity::Error => "error",
        },
        "passed": result.passed(),
        "failures": result.failures.as_ref().ok(),
        "error": result.failures.as_ref().err().map(ToString::to_string),
        "rows": result.stored,
        "seconds": result.seconds,
    })
}

/// The sum of the tests, and the status that it means.
pub fn tell_tests(results: &[CheckResult], lines: &WarehouseLines<'_>) -> Status {
    let warned = results.iter().filter(|result| result.verdict() == Verdict::Warned).count();
    let passed = results.iter().filter(|result| result.passed()).count() - warned;
    let failed = results.len() - passed - warned;
    let warnings = if warned > 0 { format!(", {warned} warned") } else { String::new() };
    lines.say(&format!("{passed} data tests passed{warnings}, {failed} failed"));
    if failed == 0 { Status::Done } else { Status::CheckFailed }
}

/// The report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", file.display())]
struct JunitNotWritten {
    file: PathBuf,
    source: std::io::Error,
}

impl Hint for JunitNotWritten {}
