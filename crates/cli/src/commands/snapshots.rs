//! `tracklet snapshots`

use super::of_files::OfFiles;
use super::{answer::layout, output_folder};
use crate::arguments::LogFormat;
use crate::arguments::{Answer, SnapshotsArguments, SnapshotsCommand};
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::status::Status;
use arrow::array::{ArrayRef, BooleanArray, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use std::path::Path;
use std::sync::Arc;
use tracklet_native::forget;
use tracklet_native::manifest::Manifest;
use tracklet_native::publish::{self, OutputFolder, Snapshot};
use tracklet_native::results::{Integers, ResultsError, print_batches};

pub fn snapshots(arguments: &SnapshotsArguments, log: &Log) -> Outcome {
    OfFiles::Snapshots.refuse(arguments.target.as_deref())?;
    match &arguments.command {
        None => list(&output_folder(&arguments.place)?, &arguments.answer),
        Some(SnapshotsCommand::List { answer, place }) => list(&output_folder(place)?, answer),
        Some(SnapshotsCommand::Rollback { name, place }) => {
            rollback(&output_folder(place)?, name.as_deref(), log)
        }
    }
}

fn list(out: &Path, answer: &Answer) -> Outcome {
    let (mut snapshots, mut manifests) = (Vec::new(), Vec::new());
    for snapshot in published(out)? {
        match snapshot.manifest() {
            // A run has removed it meanwhile.
            Err(_) if !snapshot.path.exists() => {}
            manifest => {
                manifests.push(manifest?);
                snapshots.push(snapshot);
            }
        }
    }
    let rows = rows(&snapshots, &manifests);
    print_batches(&rows.schema(), [rows], layout(answer, Integers::Grouped), &mut std::io::stdout().lock())?;
    Ok(Status::Done)
}

fn rollback(out: &Path, name: Option<&str>, log: &Log) -> Outcome {
    // Opening the folder for a change would make it.
    published(out)?;
    let snapshot = forget::rollback(&OutputFolder::open(out)?, name).map_err(Failure::new)?;
    match log.format {
        LogFormat::Json => tracing::info!(snapshot = snapshot.name, "rolled back"),
        LogFormat::Text => log.say(&format!("current is now {}", snapshot.name)),
    }
    Ok(Status::Done)
}

/// All snapshots, oldest first, at least one.
fn published(out: &Path) -> Result<Vec<Snapshot>, Failure> {
    let snapshots = publish::list(out)?;
    if snapshots.is_empty() {
        Err(ResultsError::NoResults { out: out.to_owned() }.into())
    } else {
        Ok(snapshots)
    }
}

fn rows(snapshots: &[Snapshot], manifests: &[Manifest]) -> RecordBatch {
    let text = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let number = |of: fn(&Manifest) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(manifests.iter().map(of)))
    };
    let current: Vec<bool> = snapshots.iter().map(|snapshot| snapshot.current).collect();
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("snapshot", text(snapshots.iter().map(|snapshot| snapshot.name.as_str()).collect())),
        ("current", Arc::new(BooleanArray::from(current))),
        ("created_at", text(manifests.iter().map(|manifest| manifest.created_at.as_str()).collect())),
        ("read", number(|manifest| manifest.rows.read)),
        ("sessionized", number(|manifest| manifest.rows.sessionized)),
        ("duplicates", number(|manifest| manifest.rows.duplicates)),
        ("rejected", number(|manifest| manifest.rows.rejected)),
        ("sessions", number(|manifest| manifest.sessions)),
        ("visitors", number(|manifest| manifest.visitors)),
    ];
    if manifests.iter().any(|manifest| manifest.rows.evidence > 0) {
        let place = columns.iter().position(|(name, _)| *name == "duplicates").unwrap_or(columns.len());
        columns.insert(place, ("evidence", number(|manifest| manifest.rows.evidence)));
    }
    RecordBatch::try_from_iter(columns).expect("the columns have one value a snapshot")
}
