//! `tracklet explain`

use super::with_tables;
use crate::arguments::{ExplainArguments, ExplainFormat, ExplainSubject};
use crate::failure::{Failure, Outcome};
use crate::status::Status;
use std::io::Write;
use tracklet_analysis::explain::{Subject, explain as ask};

pub fn explain(arguments: &ExplainArguments) -> Outcome {
    let subject = match arguments.subject {
        ExplainSubject::Event => Subject::Event,
        ExplainSubject::Session => Subject::Session,
        ExplainSubject::Visitor => Subject::Visitor,
    };
    let most = Some(arguments.limit).filter(|limit| *limit > 0);
    let explanation = with_tables(&arguments.tables, |tables, _, rules| {
        ask(tables, rules, subject, &arguments.id, most).map_err(Failure::new)
    })?;
    let mut out = std::io::stdout().lock();
    match arguments.format {
        ExplainFormat::Text => write!(out, "{explanation}")?,
        ExplainFormat::Json => {
            serde_json::to_writer(&mut out, &explanation).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(Status::Done)
}
