//! Tables in a warehouse as people look at them: which exist, and rows of one.

use super::row::ResultRow;
use super::{Job, WarehouseError, housekeeping};
use crate::sql::names::relation;
use crate::sql::package;
use crate::sql::runs::RUNS;
use crate::targets::{Kind, TableName};
use arrow::array::{ArrayRef, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use std::fmt::Write as _;
use std::sync::Arc;
use tracklet_display::error::nearest;

/// Rows of a table of the target's schema; all without a limit.
///
/// # Errors
/// [`WarehouseError::NoTable`] for one that no run makes or that does not exist, and what the warehouse says, of a filter too.
pub async fn show(
    job: &Job<'_>,
    table: &str,
    limit: Option<usize>,
    filter: Option<&str>,
) -> Result<Vec<RecordBatch>, WarehouseError> {
    let there = existing(job).await?;
    let Some((_, name, _)) = there.iter().find(|(model, _, _)| *model == table) else {
        let known = there.iter().map(|(model, _, _)| *model);
        return Err(WarehouseError::NoTable {
            table: table.to_owned(),
            schema: job.target.names.schema().to_owned(),
            near: nearest(table, known).map(ToOwned::to_owned),
        });
    };
    let mut query = format!("select *\nfrom {}", relation(job.target.dialect, name));
    if let Some(filter) = filter {
        // On lines of its own: it may end in a comment.
        let _ = write!(query, "\nwhere (\n{filter}\n)");
    }
    if let Some(limit) = limit {
        let _ = write!(query, "\nlimit {limit}");
    }
    let rows = job.warehouse.query(&query).await;
    rows.map_err(|source| WarehouseError::Statement { what: format!("read the rows of `{table}`"), source })
}

/// The tables and views of the target's schema that runs make, with their rows and columns.
///
/// # Errors
/// [`WarehouseError::NothingThere`] where no run has made any.
pub async fn tables(job: &Job<'_>) -> Result<RecordBatch, WarehouseError> {
    let there = existing(job).await?;
    if there.is_empty() {
        return Err(WarehouseError::NothingThere { schema: job.target.names.schema().to_owned() });
    }
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    for (model, name, _) in &there {
        let query = format!("select count(*) as table_rows from {}", relation(job.target.dialect, name));
        let counted = ResultRow::first(job, &format!("count the rows of `{model}`"), &query).await?;
        rows.push(counted.and_then(|row| row.integer(0)).unwrap_or(0));
        columns.push(job.warehouse.columns(name).await?.map_or(0, |columns| columns.len() as u64));
    }
    let kinds = there.iter().map(|(_, _, kind)| if *kind == Kind::Table { "table" } else { "view" });
    let answer: [(&str, ArrayRef); 4] = [
        ("table", Arc::new(StringArray::from_iter_values(there.iter().map(|(model, _, _)| model)))),
        ("kind", Arc::new(StringArray::from_iter_values(kinds))),
        ("rows", Arc::new(UInt64Array::from(rows))),
        ("columns", Arc::new(UInt64Array::from(columns))),
    ];
    Ok(RecordBatch::try_from_iter(answer).expect("the columns have one value a table"))
}

/// What of the models, and of the table of runs, is in the schema, sorted by name.
async fn existing(job: &Job<'_>) -> Result<Vec<(&'static str, TableName, Kind)>, WarehouseError> {
    let there = housekeeping::tables(job).await?;
    let mut known: Vec<&'static str> = package::models().map(package::File::name).chain([RUNS]).collect();
    known.sort_unstable();
    let found = known.into_iter().filter_map(|model| {
        let own = job.target.dialect.own(model);
        let (name, kind) = there.iter().find(|(table, _)| table.table == own)?;
        Some((model, name.clone(), *kind))
    });
    Ok(found.collect())
}
