//! `tracklet export`

use crate::arguments::ExportArguments;
use crate::arguments::LogFormat;
use crate::commands::answer::formulas;
use crate::commands::of_files::OfFiles;
use crate::commands::output_folder;
use crate::commands::warehouse::ChosenTarget;
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use crate::status::Status;
use tracklet_analysis::Queries;
use tracklet_analysis::export::{FileTarget, Replacing, to_file, to_target};
use tracklet_config::Config;
use tracklet_display::numbers::grouped;

pub fn export(arguments: &ExportArguments, log: &Log) -> Outcome {
    OfFiles::Export.refuse(arguments.target.as_deref())?;
    let results = Queries::open(&output_folder(&arguments.place)?)?;
    let tables = if arguments.all {
        results.tables()?.into_iter().map(|table| table.name).collect()
    } else {
        arguments.tables.clone()
    };
    // Before anything is written: a wrong name is found at once.
    for table in &tables {
        results.show(table, Some(0), arguments.filter.as_deref())?;
    }
    if is_target(arguments)? {
        return to_warehouse(arguments, &results, &tables, log);
    }
    let files = FileTarget::meant(&arguments.to, tables.len(), arguments.format.map(Into::into))
        .map_err(Failure::new)?;
    for table in &tables {
        let formulas = formulas(arguments.safe_for_spreadsheets);
        let done =
            to_file(&results, table, arguments.filter.as_deref(), &files, formulas).map_err(Failure::new)?;
        tell(log, table, &done.to, done.rows);
    }
    Ok(Status::Done)
}

/// Whether `--to` is the name of a target of the configuration.
fn is_target(arguments: &ExportArguments) -> Result<bool, Failure> {
    let config = Config::load_or_default(arguments.place.config.as_deref())?;
    Ok(config.targets.iter().any(|target| target.name == arguments.to))
}

fn to_warehouse(arguments: &ExportArguments, results: &Queries, tables: &[String], log: &Log) -> Outcome {
    let config = arguments.place.config.as_deref();
    let place = ChosenTarget::new(Some(&arguments.to), config, arguments.profiles_dir.as_deref())?;
    let warehouse = place.connect()?;
    let replacing = if arguments.replace { Replacing::Replace } else { Replacing::Refuse };
    for table in tables {
        let at = (&place.target, &*warehouse, place.runtime());
        let done =
            to_target(results, table, arguments.filter.as_deref(), at, replacing).map_err(Failure::new)?;
        tell(log, table, &done.table, done.rows);
    }
    Ok(Status::Done)
}

fn tell(log: &Log, table: &str, to: &str, rows: u64) {
    match log.format {
        LogFormat::Json => tracing::info!(table, to, rows, "table exported"),
        LogFormat::Text => log.say(&format!("{table}: {} rows in {to}", grouped(rows))),
    }
}
