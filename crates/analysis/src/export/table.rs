//! A table of a run as a table of a database.

use super::ExportError;
use crate::Queries;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use tokio::runtime::Runtime;
use tracklet_dialects::description::ColumnType;
use tracklet_native::results::ResultsError;
use tracklet_warehouse::sql::names::relation;
use tracklet_warehouse::sql::{Dialect, plan};
use tracklet_warehouse::targets::{Kind, TableName, Target, TargetError, Warehouse};

/// Batches that wait to be sent.
const WAITING: usize = 2;

/// Whether a table may take the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacing {
    /// A table that is there stays.
    Refuse,
    /// The existing table is replaced.
    Replace,
}

/// A table that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedTable {
    /// The table, for people.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
}

/// Sends a table's rows, those that `filter` takes, to the schema of a target. They go to a staging table, which takes its
/// place when it is whole. `runtime` is the one that the client lives in; it must not be at work.
///
/// # Errors
/// [`ExportError`]; a staging table is dropped.
/// # Cost
/// Memory for a few batches.
pub fn to_target(
    results: &Queries,
    table: &str,
    filter: Option<&str>,
    (target, warehouse, runtime): (&Target, &dyn Warehouse, &Runtime),
    replacing: Replacing,
) -> Result<ExportedTable, ExportError> {
    let dialect = target.dialect;
    if !dialect.takes_exports() {
        return Err(ExportError::Kind { target: target.name.clone(), kind: dialect.name() });
    }
    let names = &target.names;
    let (place, staging) = (names.own(table), names.own(&format!("{table}__exported")));
    let failed = |source| ExportError::Target { table: place.to_string(), source };
    let execute = |statement: &str| runtime.block_on(warehouse.execute(statement)).map(|_| ());
    let there = runtime.block_on(warehouse.tables_of(names.database(), names.schema())).map_err(failed)?;
    let kind = there.iter().find(|(name, _)| name.table == place.table).map(|(_, kind)| *kind);
    match kind {
        Some(Kind::View) => return Err(ExportError::View { table: place.to_string() }),
        Some(Kind::Table) if replacing == Replacing::Refuse => {
            return Err(ExportError::TableThere { table: place.to_string() });
        }
        _ => {}
    }
    if there.is_empty() {
        execute(&plan::create_schema(names)).map_err(failed)?;
    }
    let quoted = |name: &TableName| relation(dialect, name);
    let drop_staging = format!("drop table if exists {}", quoted(&staging));
    execute(&drop_staging).map_err(failed)?;
    let sent = send(results, table, filter, (warehouse, runtime), &staging, dialect);
    let rows = match sent {
        Ok(rows) => rows,
        Err(error) => {
            // What is said is why it failed; a table left behind is dropped by the next export.
            let _ = execute(&drop_staging);
            return Err(match error {
                Unsent::Rows(error) => error.into(),
                Unsent::Target(error) => failed(error),
            });
        }
    };
    let mut swap = Vec::new();
    if kind.is_some() {
        swap.push(format!("drop table {}", quoted(&place)));
    }
    swap.push(format!("alter table {} rename to {}", quoted(&staging), dialect.quoted(&place.table)));
    if let Err(error) = runtime.block_on(warehouse.transaction(&swap)) {
        let _ = execute(&drop_staging);
        return Err(failed(error));
    }
    Ok(ExportedTable { table: place.to_string(), rows })
}

enum Unsent {
    Rows(ResultsError),
    Target(TargetError),
}

fn send(
    results: &Queries,
    table: &str,
    filter: Option<&str>,
    (warehouse, runtime): (&dyn Warehouse, &Runtime),
    staging: &TableName,
    dialect: Dialect,
) -> Result<u64, Unsent> {
    // A thread of its own reads: an answer waits for its rows, which no thread of the client's may do.
    let (sender, receiver) = sync_channel::<RecordBatch>(WAITING);
    let (give_schema, take_schema) = channel::<SchemaRef>();
    std::thread::scope(|scope| {
        let read = move || -> Result<(), ResultsError> {
            let rows = results.show(table, None, filter)?;
            let schema = plain(&rows.schema());
            // Whoever wants neither has failed, and will say so.
            let _ = give_schema.send(Arc::clone(&schema));
            for batch in rows {
                if sender.send(as_plain(&batch?, &schema)).is_err() {
                    break;
                }
            }
            Ok(())
        };
        let reader = std::thread::Builder::new()
            .spawn_scoped(scope, read)
            .map_err(|source| Unsent::Rows(ResultsError::NoThreads { source }))?;
        let sent = match take_schema.recv() {
            Err(_) => Ok(0),
            Ok(schema) => runtime.block_on(async {
                warehouse.execute(&create(staging, &schema, dialect)).await?;
                // The receiver goes with the work, so that the reader ends whatever became of it.
                warehouse.load(staging, schema, &mut receiver.into_iter()).await
            }),
        };
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (read, sent) {
            (_, Err(error)) => Err(Unsent::Target(error)),
            (Err(error), Ok(_)) => Err(Unsent::Rows(error)),
            (Ok(()), Ok(rows)) => Ok(rows),
        }
    })
}

fn create(table: &TableName, schema: &Schema, dialect: Dialect) -> String {
    let columns = schema.fields().iter().map(|field| {
        let kind = match field.data_type() {
            DataType::Int64 => ColumnType::Integer,
            DataType::Float64 => ColumnType::Double,
            DataType::Timestamp(..) => ColumnType::Time,
            _ => ColumnType::Text,
        };
        format!("    {} {}", dialect.quoted(field.name()), dialect.type_name(kind))
    });
    let columns: Vec<String> = columns.collect();
    format!("create table {} (\n{}\n)", relation(dialect, table), columns.join(",\n"))
}

/// The schema in the types that clients take.
fn plain(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            integer if integer.is_integer() => DataType::Int64,
            float if float.is_floating() => DataType::Float64,
            DataType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        };
        Field::new(field.name(), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn as_plain(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>().expect("every type of the tables has a plain one");
    RecordBatch::try_new(Arc::clone(schema), columns).expect("the columns have the schema's types")
}
