//! `tracklet docs`

use super::with_tables;
use crate::arguments::DocsArguments;
use crate::arguments::LogFormat;
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::status::Status;
use std::io;
use std::path::PathBuf;
use tracklet_analysis::reference::Reference;
use tracklet_display::error::Hint;

pub fn docs(arguments: &DocsArguments, log: &Log) -> Outcome {
    let reference = with_tables(&arguments.tables, |tables, manifest, rules| {
        Ok(Reference::of(tables, manifest, rules)?)
    })?;
    let folder = &arguments.to;
    let failed = |file: PathBuf| move |source| Failure::new(DocsNotWritten { file, source });
    std::fs::create_dir_all(folder).map_err(failed(folder.clone()))?;
    for (name, page) in [("tables.md", reference.markdown()), ("tables.html", reference.html())] {
        let file = folder.join(name);
        std::fs::write(&file, page).map_err(failed(file.clone()))?;
    }
    match log.format {
        LogFormat::Json => tracing::info!(folder = %folder.display(), "reference written"),
        LogFormat::Text => log.say(&format!("wrote tables.md and tables.html in {}", folder.display())),
    }
    Ok(Status::Done)
}

/// A page could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", file.display())]
struct DocsNotWritten {
    file: PathBuf,
    source: io::Error,
}

impl Hint for DocsNotWritten {}
