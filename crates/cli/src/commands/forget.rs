//! `tracklet forget`

use super::output_folder;
use super::warehouse::{Lines, Place};
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
use tracklet_engine::warehouse::{self, forget::Erased};

pub fn forget(arguments: &ForgetArguments, log: &Log) -> Outcome {
    match &arguments.target {
        Some(target) => in_warehouse(arguments, target, log),
        None => in_folder(arguments, log),
    }
}

fn subjects(arguments: &ForgetArguments) -> BTreeSet<Subject> {
    let visitors = arguments.visitor.iter().cloned().map(Subject::Visitor);
    let users = arguments.user_id.iter().cloned().map(Subject::UserId);
    let devices = arguments.anonymous_id.iter().cloned().map(Subject::AnonymousId);
    visitors.chain(users).chain(devices).collect()
}

fn in_warehouse(arguments: &ForgetArguments, target: &str, log: &Log) -> Outcome {
    let place =
        Place::new(Some(target), arguments.place.config.as_deref(), arguments.profiles_dir.as_deref())?;
    let warehouse = place.connect()?;
    let subjects = subjects(arguments);
    let threads = place.target.threads;
    let erased = place.work(&*warehouse, None, async |job| {
        warehouse::forget::forget(job, &subjects, threads, &Lines(log)).await
    })??;
    tell(&erased, log);
    Ok(Status::Done)
}

/// Tells what was erased.
fn tell(erased: &Erased, log: &Log) {
    if log.format == LogFormat::Json {
        tracing::info!(
            run = erased.run_id,
            rows = erased.gone.map(|gone| gone.rows()),
            rebuilt = erased.rebuilt.is_some(),
            seconds = erased.seconds,
            "forgotten"
        );
    }
    let lines = Lines(log);
    let number = |number: Option<u64>| number.map_or("?".to_owned(), grouped);
    for changed in &erased.changed {
        if log.format == LogFormat::Json {
            tracing::info!(table = changed.table, went = changed.went, came = changed.came, "rows exchanged");
        }
        let (went, came) = (number(changed.went), number(changed.came));
        lines.say(&format!("{:<26} {went:>12} rows went, {came:>12} came anew", changed.table));
    }
    if let Some(report) = &erased.rebuilt {
        lines.say(&format!("all tables were made anew: {}", report.mode));
    }
    match erased.gone {
        Some(gone) => lines.say(&format!(
            "{} rows erased: {} tracks, {} duplicates, {} rejected",
            grouped(gone.rows()),
            grouped(gone.tracks),
            grouped(gone.duplicates),
            grouped(gone.rejected)
        )),
        None => lines.say("how many rows were erased is not known"),
    }
    lines.say("the source tables were not touched: delete the rows there too");
}

fn in_folder(arguments: &ForgetArguments, log: &Log) -> Outcome {
    let config = Config::load_or_default(arguments.place.config.as_deref())?;
    let out = output_folder(&arguments.place)?;
    // Opening the folder for a change would make it.
    if publish::list(&out)?.is_empty() {
        return Err(ResultsError::NoResults { out }.into());
    }
    let erased = forget_below(&out, &subjects(arguments), &config.rules, &config.fingerprint())
        .map_err(Failure::new)?;
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
