//! `tracklet ls`

use super::answer::layout;
use super::output_folder;
use crate::arguments::{AnswerFormat, LsArguments};
use crate::failure::Outcome;
use crate::status::Status;
use serde_json::json;
use std::io::Write;
use tracklet_engine::results::{Integers, Results, TableInfo, print, tables_as_rows};

pub fn ls(arguments: &LsArguments) -> Outcome {
    let results = Results::open(&output_folder(&arguments.place)?)?;
    let tables = results.tables()?;
    let mut out = std::io::stdout().lock();
    if arguments.answer.format == AnswerFormat::Json {
        for table in &tables {
            writeln!(out, "{}", as_json(table))?;
        }
    } else {
        let rows = tables_as_rows(&tables);
        print(&rows.schema(), [Ok(rows)], layout(&arguments.answer, Integers::Grouped), &mut out)?;
    }
    out.flush()?;
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
