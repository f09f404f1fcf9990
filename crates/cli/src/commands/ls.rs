//! `tracklet ls`

use super::answer::layout;
use super::output_folder;
use super::warehouse::ChosenTarget;
use crate::arguments::{AnswerFormat, LsArguments, TablesArguments};
use crate::failure::Outcome;
use crate::status::Status;
use serde_json::json;
use std::io::Write;
use tracklet_native::results::{Integers, Results, TableInfo, print_batches, tables_as_rows};
use tracklet_warehouse::look;

pub fn ls(arguments: &LsArguments) -> Outcome {
    if let Some(target) = &arguments.tables.target {
        return in_warehouse(arguments, target);
    }
    let results = Results::open(&output_folder(&arguments.tables.place)?)?;
    let tables = results.tables()?;
    let mut out = std::io::stdout().lock();
    if arguments.answer.format == AnswerFormat::Json {
        for table in &tables {
            writeln!(out, "{}", as_json(table))?;
        }
    } else {
        let rows = tables_as_rows(&tables);
        print_batches(&rows.schema(), [rows], layout(&arguments.answer, Integers::Grouped), &mut out)?;
    }
    out.flush()?;
    Ok(Status::Done)
}

fn in_warehouse(arguments: &LsArguments, target: &str) -> Outcome {
    let TablesArguments { place, profiles_dir, .. } = &arguments.tables;
    let place = ChosenTarget::new(Some(target), place.config.as_deref(), profiles_dir.as_deref())?;
    let warehouse = place.connect()?;
    let rows = place.work(&*warehouse, None, async |job| look::tables(job).await)??;
    let layout = layout(&arguments.answer, Integers::Grouped);
    print_batches(&rows.schema(), [rows], layout, &mut std::io::stdout().lock())?;
    Ok(Status::Done)
}

fn as_json(table: &TableInfo) -> serde_json::Value {
    let columns: Vec<_> =
        table.columns.iter().map(|column| json!({"name": column.name, "type": column.kind})).collect();
    json!({
        "table": table.name,
        "rows": table.rows,
        "files": table.parts,
        "bytes": table.bytes,
        "columns": columns,
    })
}
