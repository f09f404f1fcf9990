//! `tracklet forget`

use super::output_folder;
use super::warehouse::{ChosenTarget, WarehouseLines};
use crate::arguments::ForgetArguments;
use crate::arguments::LogFormat;
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::status::Status;
use std::collections::BTreeSet;
use tracklet_display::error::Hint;
use tracklet_display::numbers::grouped;
use tracklet_native::forget::{ErasedSnapshot, Subject, forget_below, preview_below};
use tracklet_native::publish;
use tracklet_native::results::ResultsError;
use tracklet_warehouse::{forget::Erased, forget::Gone, preview::Preview};

pub fn forget(arguments: &ForgetArguments, log: &Log) -> Outcome {
    let subjects = subjects(arguments)?;
    match &arguments.target {
        Some(target) => in_warehouse(arguments, &subjects, target, log),
        None => in_folder(arguments, &subjects, log),
    }
}

/// The ids that were given; those of standard input stand one a line, where an option has `-`.
fn subjects(arguments: &ForgetArguments) -> Result<BTreeSet<Subject>, Failure> {
    type SubjectKind = fn(String) -> Subject;
    let kinds = [
        (&arguments.visitor, Subject::Visitor as SubjectKind),
        (&arguments.user_id, Subject::UserId),
        (&arguments.anonymous_id, Subject::AnonymousId),
    ];
    let mut subjects = BTreeSet::new();
    let mut input = None;
    for (ids, subject) in kinds {
        for id in ids {
            if id != "-" {
                subjects.insert(subject(id.clone()));
            } else if input.replace(subject).is_some() {
                return Err(Failure::new(IdsError::Twice));
            }
        }
    }
    if let Some(subject) = input {
        let text = std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::new(IdsError::Unreadable(error)))?;
        let ids =
            text.strip_prefix('\u{feff}').unwrap_or(&text).lines().map(|line| line.trim_end_matches('\r'));
        subjects.extend(ids.filter(|id| !id.trim().is_empty()).map(|id| subject(id.to_owned())));
    }
    if subjects.is_empty() || subjects.iter().any(|subject| subject.id().is_empty()) {
        return Err(Failure::new(IdsError::Empty));
    }
    Ok(subjects)
}

/// Ids that can't be taken.
#[derive(Debug)]
enum IdsError {
    Twice,
    Empty,
    Unreadable(std::io::Error),
}

impl std::fmt::Display for IdsError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Twice => "two options take their ids from standard input",
            Self::Empty => "an id is empty, or there are none on standard input",
            Self::Unreadable(_) => "could not read ids from standard input",
        })
    }
}

impl std::error::Error for IdsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

impl Hint for IdsError {
    fn hint(&self) -> Option<String> {
        Some("nothing was erased; give ids as UTF-8 text, one a line, to one of the options: `--visitor - < ids.txt`".to_owned())
    }
}

fn in_warehouse(
    arguments: &ForgetArguments,
    subjects: &BTreeSet<Subject>,
    target: &str,
    log: &Log,
) -> Outcome {
    let place = ChosenTarget::new(
        Some(target),
        arguments.place.config.as_deref(),
        arguments.profiles_dir.as_deref(),
    )?;
    let warehouse = place.connect()?;
    if arguments.dry_run {
        let previewed = place.work(&*warehouse, None, async |job| {
            tracklet_warehouse::preview::preview(job, subjects, &WarehouseLines(log)).await
        })??;
        tell_preview(&previewed, log);
        return Ok(Status::Done);
    }
    let threads = place.target.threads;
    let erased = place.work(&*warehouse, None, async |job| {
        tracklet_warehouse::forget::forget(job, subjects, threads, &WarehouseLines(log)).await
    })??;
    tell(&erased, log);
    Ok(Status::Done)
}

/// Tells what would be erased from a warehouse.
fn tell_preview(preview: &Preview, log: &Log) {
    let (gone, rebuilt) = (preview.gone, preview.rebuilt.as_deref());
    if log.format == LogFormat::Json {
        for (table, before, after) in &preview.tables {
            tracing::info!(table, before, after, "rows of a table");
        }
        tracing::info!(rows = gone.map(|gone| gone.rows()), rebuilt, dry_run = true, "forgotten");
        return;
    }
    let lines = WarehouseLines(log);
    for (table, before, after) in &preview.tables {
        lines.say(&table_line(table, *before, *after));
    }
    if let Some(reason) = rebuilt {
        lines.say(&format!("all tables would be rebuilt from the source: {reason}"));
    }
    match gone {
        Some(gone) => lines.say(&format!("{} would be erased; nothing was changed", rows_line(gone))),
        None => lines.say("how many rows would be erased is not known; nothing was changed"),
    }
}

/// How many rows, and of which kinds.
fn rows_line(gone: Gone) -> String {
    let (tracks, duplicates) = (grouped(gone.tracks), grouped(gone.duplicates));
    let (rows, rejected) = (grouped(gone.rows()), grouped(gone.rejected));
    format!(
        "{rows} rows ({tracks} tracks{}, {duplicates} duplicates, {rejected} rejected)",
        evidence_of(gone)
    )
}

/// What is said of evidence, where there is any.
fn evidence_of(gone: Gone) -> String {
    if gone.evidence == 0 { String::new() } else { format!(", {} evidence", grouped(gone.evidence)) }
}

fn table_line(table: &str, before: u64, after: u64) -> String {
    format!("  {table:<26} {:>12} rows before, {:>12} after", grouped(before), grouped(after))
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
    let lines = WarehouseLines(log);
    let number = |number: Option<u64>| number.map_or("?".to_owned(), grouped);
    for changed in &erased.changed {
        if log.format == LogFormat::Json {
            tracing::info!(
                table = changed.table,
                deleted = changed.deleted,
                inserted = changed.inserted,
                "rows exchanged"
            );
        }
        let (deleted, inserted) = (number(changed.deleted), number(changed.inserted));
        lines.say(&format!("{:<26} {deleted:>12} rows deleted, {inserted:>12} inserted", changed.table));
    }
    if let Some(report) = &erased.rebuilt {
        lines.say(&format!("all tables were rebuilt: {}", report.mode));
    }
    match erased.gone {
        Some(gone) => lines.say(&format!(
            "{} rows erased: {} tracks{}, {} duplicates, {} rejected",
            grouped(gone.rows()),
            grouped(gone.tracks),
            evidence_of(gone),
            grouped(gone.duplicates),
            grouped(gone.rejected)
        )),
        None => lines.say("how many rows were erased is not known"),
    }
    lines.say("the source tables were not touched: delete the rows there too");
}

fn in_folder(arguments: &ForgetArguments, subjects: &BTreeSet<Subject>, log: &Log) -> Outcome {
    let out = output_folder(&arguments.place)?;
    // Opening the folder for a change would make it.
    if publish::list(&out)?.is_empty() {
        return Err(ResultsError::NoResults { out }.into());
    }
    let work = if arguments.dry_run { preview_below } else { forget_below };
    let erased = work(&out, subjects).map_err(Failure::new)?;
    if log.format == LogFormat::Json {
        for snapshot in &erased.snapshots {
            for (table, before, after) in &snapshot.tables {
                tracing::info!(snapshot = snapshot.name, table, before, after, "rows of a table");
            }
        }
        let (rows, snapshots) = (erased.rows, erased.snapshots.len());
        tracing::info!(rows, snapshots, dry_run = arguments.dry_run, "forgotten");
        return Ok(Status::Done);
    }
    let lines = WarehouseLines(log);
    if arguments.dry_run {
        for snapshot in &erased.snapshots {
            for line in preview_lines(snapshot) {
                lines.say(&line);
            }
        }
    }
    let (rows, snapshots) = (grouped(erased.rows), erased.snapshots.len());
    lines.say(&if arguments.dry_run {
        format!("{rows} rows would be erased from the tables; nothing was changed")
    } else {
        format!("{rows} rows erased from the tables, {snapshots} snapshots rewritten or removed")
    });
    Ok(Status::Done)
}

/// What an erasure does to a snapshot, and to its tables.
fn preview_lines(snapshot: &ErasedSnapshot) -> Vec<String> {
    let current = if snapshot.current { " (current)" } else { "" };
    let name = &snapshot.name;
    let Some(rows) = snapshot.rows else {
        return vec![format!("snapshot {name}: removed, it can't be rewritten")];
    };
    let mut lines = vec![format!("snapshot {name}{current}: rows of the source that go: {}", grouped(rows))];
    lines.extend(snapshot.tables.iter().map(|(table, before, after)| table_line(table, *before, *after)));
    lines
}
