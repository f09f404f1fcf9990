//! `tracklet load`

use super::analysis::row_filters;
use super::warehouse::{ChosenTarget, WarehouseLines};
use crate::arguments::LoadArguments;
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::progress::Progress;
use crate::status::Status;
use tracklet_display::numbers::grouped;
use tracklet_native::pipeline::{self, RunRequest};
use tracklet_warehouse::load as engine;

pub fn load(arguments: &LoadArguments, log: &Log) -> Outcome {
    let mut place = ChosenTarget::of(&arguments.target)?;
    place.config = place.config.of_source_rows();
    // What is wrong with the warehouse shows before the files are read.
    let warehouse = place.connect()?;
    let request = RunRequest {
        output: place.config.output.dir.clone(),
        paths: arguments.paths.clone(),
        format: arguments.format.or(place.config.source.format),
        filters: row_filters(),
        ..RunRequest::new(place.config.clone())
    };
    let read = pipeline::read(&request, &Progress::new(log)).map_err(Failure::new)?;
    let names = place.config.source.event_names;
    let report = place
        .work(&*warehouse, None, async |job| engine::load(job, &read.tracks, &read.rejects, names).await)??;
    let lines = WarehouseLines(log);
    for loaded in &report.tables {
        lines.say(&format!("{} rows loaded into {}", grouped(loaded.rows), loaded.table));
        if let Some(column) = &loaded.added {
            lines.say(&format!(
                "{} got the column `{column}`: when rows were loaded; runs look for new rows by it",
                loaded.table
            ));
        }
    }
    if let Some(column) = report.tables.iter().find_map(|loaded| loaded.unseen.as_ref()) {
        tracing::warn!(
            "runs look for new rows by `{column}`, which `load` does not write the time of the load into: they miss rows with an \
             old one until `tracklet run --target {} --full-refresh`",
            place.target.name
        );
    }
    if report.refused > 0 {
        lines.say(&format!(
            "{} rows can't be in such a table: they could not be read, or their time is none. `tracklet run PATH...` lists \
             them in tracklet_rejects",
            grouped(report.refused)
        ));
        return Ok(Status::CheckFailed);
    }
    Ok(Status::Done)
}
