//! `tracklet debug`

use super::warehouse::ChosenTarget;
use crate::arguments::{DebugArguments, ReportFormat};
use crate::failure::Outcome;
use crate::status::Status;
use std::io::Write as _;
use tracklet_display::visible::visible_lines;
use tracklet_warehouse::debug::{self, Finding};

pub fn debug(arguments: &DebugArguments) -> Outcome {
    let place = ChosenTarget::of(&arguments.target)?;
    let findings = match place.connect() {
        Err(error) => vec![debug::connection(&place.target, Some(&error))],
        Ok(warehouse) => {
            let mut findings = vec![debug::connection(&place.target, None)];
            findings.extend(place.work(&*warehouse, None, async |job| debug::debug(job).await)?);
            findings
        }
    };
    let mut out = std::io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{}", line(finding, arguments.format))?;
    }
    let is_wrong = findings.iter().any(|finding| finding.found.is_err());
    Ok(if is_wrong { Status::CheckFailed } else { Status::Done })
}

fn line(finding: &Finding, format: ReportFormat) -> String {
    match (format, &finding.found) {
        (ReportFormat::Json, found) => serde_json::json!({
            "what": finding.what,
            "ok": found.is_ok(),
            "found": found.as_ref().ok(),
            "problem": found.as_ref().err().map(|problem| &problem.message),
            "hint": found.as_ref().err().and_then(|problem| problem.hint.as_ref()),
        })
        .to_string(),
        (ReportFormat::Text, Ok(found)) => {
            visible_lines(&format!("ok     {}: {found}", finding.what)).into_owned()
        }
        (ReportFormat::Text, Err(problem)) => {
            let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            visible_lines(&format!("WRONG  {}: {}{hint}", finding.what, problem.message)).into_owned()
        }
    }
}
