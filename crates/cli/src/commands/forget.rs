//! `tracklet forget`

use super::output_folder;
use crate::arguments::ForgetArguments;
use crate::failure::{Failure, Outcome};
use crate::logging::{Log, LogFormat};
use crate::progress::grouped;
use crate::status::Status;
use std::collections::BTreeSet;
use tracklet_engine::config::Config;
use tracklet_engine::forget::{Subject, forget_below};
use tracklet_engine::publish;
use tracklet_engine::results::ResultsError;

pub fn forget(arguments: &ForgetArguments, log: &Log) -> Outcome {
    let config = Config::load_or_default(arguments.place.config.as_deref())?;
    let out = output_folder(&arguments.place)?;
    // Opening the folder for a change would make it.
    if publish::list(&out)?.is_empty() {
        return Err(ResultsError::NoResults { out }.into());
    }
    let visitors = arguments.visitor.iter().cloned().map(Subject::Visitor);
    let users = arguments.user_id.iter().cloned().map(Subject::UserId);
    let devices = arguments.anonymous_id.iter().cloned().map(Subject::AnonymousId);
    let subjects: BTreeSet<Subject> = visitors.chain(users).chain(devices).collect();
    let erased = forget_below(&out, &subjects, &config.rules, &config.fingerprint()).map_err(Failure::new)?;
    match log.format {
        LogFormat::Json => tracing::info!(rows = erased.rows, snapshots = erased.snapshots, "forgotten"),
        LogFormat::Text if !log.quiet => eprintln!(
            "{} rows erased from the tables, {} snapshots written anew or removed",
            grouped(erased.rows),
            erased.snapshots
        ),
        LogFormat::Text => {}
    }
    Ok(Status::Done)
}
