//! `tracklet report`

use super::with_tables;
use crate::arguments::LogFormat;
use crate::arguments::ReportArguments;
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::progress::Busy;
use crate::status::Status;
use std::io;
use std::path::PathBuf;
use tracklet_analysis::figures::Choice;
use tracklet_analysis::report::{Report, Request};
use tracklet_display::error::Hint;
use tracklet_display::numbers::{counted, size};

pub fn report(arguments: &ReportArguments, log: &Log) -> Outcome {
    let choice = Choice::from(&arguments.chosen);
    let (zone, selection) = choice.meant()?;
    let request = Request { title: arguments.title.clone(), selection, chosen: choice.words(), zone };
    let busy = Busy::new(log, "report");
    let report = with_tables(&arguments.tables, |tables, manifest, rules| {
        choice.verify(tables, &request.selection, None)?;
        Ok(Report::of(tables, manifest, rules, &request)?)
    })?;
    drop(busy);
    let page = report.page();
    std::fs::write(&arguments.file, &page)
        .map_err(|source| Failure::new(ReportNotWritten { file: arguments.file.clone(), source }))?;
    let sessions = report.totals.sessions;
    match log.format {
        LogFormat::Json => {
            tracing::info!(file = %arguments.file.display(), sessions, bytes = page.len(), "report written");
        }
        LogFormat::Text => log.say(&format!(
            "{}: {}, {}; open it in a browser",
            arguments.file.display(),
            counted(sessions, "session"),
            size(page.len() as u64)
        )),
    }
    Ok(Status::Done)
}

/// The page could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", file.display())]
struct ReportNotWritten {
    file: PathBuf,
    source: io::Error,
}

impl Hint for ReportNotWritten {}
