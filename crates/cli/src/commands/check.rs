//! `tracklet check`

use super::analysis::row_filters;
use crate::arguments::{CheckArguments, ReportFormat};
use crate::examine::{Finding, Severity, examine};
use crate::failure::Outcome;
use crate::status::Status;
use std::io::Write;
use std::path::{Path, PathBuf};
use tracklet_config::{FILE_NAME, json_schema};
use tracklet_display::visible::{visible, visible_lines};

pub fn check(arguments: &CheckArguments) -> Outcome {
    let mut out = std::io::stdout().lock();
    if arguments.schema {
        writeln!(out, "{:#}", json_schema())?;
        return Ok(Status::Done);
    }
    let file = arguments.config.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
    let findings = examine(&file, arguments.profiles_dir.as_deref(), &row_filters())?;
    for finding in &findings {
        match arguments.format {
            ReportFormat::Text => out.write_all(visible_lines(&text(finding)).as_bytes())?,
            ReportFormat::Json => writeln!(out, "{}", json(finding))?,
        }
    }
    if arguments.format == ReportFormat::Text {
        writeln!(out, "{}", visible(&sum(&file, &findings)))?;
    }
    out.flush()?;
    let is_wrong = findings.iter().any(|finding| finding.severity == Severity::Error);
    Ok(if is_wrong { Status::CheckFailed } else { Status::Done })
}

fn text(finding: &Finding) -> String {
    let hint = finding.hint.as_ref().map(|hint| format!("  hint: {hint}\n")).unwrap_or_default();
    format!("{}: {}: {}\n{hint}", finding.place, word(finding.severity), finding.message)
}

fn json(finding: &Finding) -> serde_json::Value {
    serde_json::json!({
        "severity": word(finding.severity),
        "file": finding.place.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "key": finding.key,
        "value": finding.value,
        "message": finding.message,
        "hint": finding.hint,
    })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn sum(file: &Path, findings: &[Finding]) -> String {
    let of = |severity| match findings.iter().filter(|finding| finding.severity == severity).count() {
        1 => format!("1 {}", word(severity)),
        number => format!("{number} {}s", word(severity)),
    };
    match findings {
        [] => format!("{}: nothing is wrong", file.display()),
        _ => format!("{}: {}, {}", file.display(), of(Severity::Error), of(Severity::Warning)),
    }
}
