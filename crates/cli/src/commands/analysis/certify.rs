//! `tracklet certify`

use crate::arguments::CertifyArguments;
use crate::commands::warehouse::{ChosenTarget, WarehouseLines};
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::status::Status;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use tracklet_analysis::certify::{self as engine, Certificate, SetResult};
use tracklet_display::error::Hint;
use tracklet_display::numbers::{duration, grouped};
use tracklet_warehouse::WarehouseError;

pub fn certify(arguments: &CertifyArguments, log: &Log) -> Outcome {
    let place = ChosenTarget::of(&arguments.target)?;
    let warehouse = place.connect()?;
    let lines = WarehouseLines(log);
    lines.say("making the tables with the native engine");
    let sets = engine::prepare().map_err(Failure::new)?;
    let now = std::time::SystemTime::now();
    let at: chrono::DateTime<chrono::Utc> = now.into();
    let target = engine::scratch(&place.target);
    let results = place.work(&*warehouse, None, async |job| {
        // An earlier one may have been killed.
        for left in engine::left_behind(&place.target, job.warehouse).await? {
            lines.say(&format!("taking away {}, which an earlier one has left", left.names.schema()));
            engine::clean_up(&left, job.warehouse, job.compiled, job.stop).await?;
        }
        let mut results = Vec::new();
        let mut failure = None;
        for set in &sets {
            match engine::certify(&target, job.warehouse, set, job.compiled, job.stop).await {
                Ok(result) => {
                    lines.say(&line(&result));
                    results.push(result);
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        engine::clean_up(&target, job.warehouse, job.compiled, job.stop).await?;
        failure.map_or(Ok::<_, WarehouseError>(results), Err)
    })??;
    let certificate = Certificate {
        at,
        tracklet: env!("CARGO_PKG_VERSION"),
        target: place.target.name.clone(),
        dialect: place.target.dialect.name(),
        agrees: results.iter().all(SetResult::agrees),
        sets: results,
    };
    let file = arguments.result.clone().unwrap_or_else(|| {
        PathBuf::from(format!("certified-{}-{}.json", place.target.name, at.format("%Y-%m-%d")))
    });
    write(&file, &certificate)?;
    lines.say(&format!("written to {}", file.display()));
    Ok(if certificate.agrees { Status::Done } else { Status::CheckFailed })
}

fn line(result: &SetResult) -> String {
    let mut line = format!(
        "{}  {}: {} rows in, {} rows compared, {}",
        if result.agrees() { "ok    " } else { "FAILED" },
        result.name,
        grouped(result.rows as u64),
        grouped(result.compared as u64),
        duration(result.seconds)
    );
    for difference in &result.differences {
        let _ = write!(
            line,
            "\n  {}: {} rows missing, {} not expected, such as {}",
            difference.table,
            difference.missing,
            difference.unexpected,
            difference.examples.join(", ")
        );
    }
    for test in &result.failed_tests {
        let _ = write!(line, "\n  the data test {test} fails");
    }
    line
}

fn write(file: &Path, certificate: &Certificate) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(certificate).expect("a certificate is JSON");
    std::fs::write(file, text + "\n")
        .map_err(|source| Failure::new(CannotWrite { file: file.to_owned(), source }))
}

/// The result can't be kept.
#[derive(Debug)]
struct CannotWrite {
    file: PathBuf,
    source: std::io::Error,
}

impl fmt::Display for CannotWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write `{}`", self.file.display())
    }
}

impl std::error::Error for CannotWrite {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Hint for CannotWrite {
    fn hint(&self) -> Option<String> {
        Some("name another file with --result".to_owned())
    }
}
