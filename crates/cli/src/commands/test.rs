//! `tracklet test`

use super::warehouse::{Lines, Place};
use crate::arguments::{ReportFormat, TestArguments};
use crate::failure::Outcome;
use crate::logging::Log;
use crate::status::Status;
use std::io::Write as _;
use tracklet_engine::warehouse::checks::{self, CheckResult};

pub fn test(arguments: &TestArguments, log: &Log) -> Outcome {
    let place = Place::of(&arguments.target)?;
    let warehouse = place.connect()?;
    let threads = arguments.threads.unwrap_or(place.target.threads);
    let lines = Lines(log);
    let report = place.work(&*warehouse, Some(&arguments.selection), async |job| {
        checks::test(job, threads, &lines).await
    })??;
    if arguments.format == ReportFormat::Json {
        let mut out = std::io::stdout().lock();
        for result in &report.results {
            let error = result.failures.as_ref().err().map(ToString::to_string);
            let line = serde_json::json!({
                "test": result.name,
                "passed": result.passed(),
                "failures": result.failures.as_ref().ok(),
                "error": error,
                "seconds": result.seconds,
            });
            writeln!(out, "{line}")?;
        }
    }
    let status = tell_tests(&report.results, &lines);
    if report.of_runs > 0 {
        lines.say(&format!(
            "{} more look at what is only there while a run lasts: `tracklet build` runs them too",
            report.of_runs
        ));
    }
    Ok(status)
}

/// The sum of the tests, and the status that it means.
pub fn tell_tests(results: &[CheckResult], lines: &Lines<'_>) -> Status {
    let passed = results.iter().filter(|result| result.passed()).count();
    let failed = results.len() - passed;
    lines.say(&format!("{passed} data tests passed, {failed} failed"));
    if failed == 0 { Status::Done } else { Status::CheckFailed }
}
