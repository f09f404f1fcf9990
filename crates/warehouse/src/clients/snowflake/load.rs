//! Rows into a table.
//!
//! The way for many rows would be `PUT` into a stage and `COPY`. The client hands out neither a stage's address nor
//! its keys, and the upload differs for each cloud, so rows go as JSON in one bound text each statement, which
//! Snowflake takes apart: no more than [`LARGEST_TEXT`] at a time, whatever the number of columns.

use super::sessions::{Kept, Sessions};
use super::{failure, quoted};
use crate::connection::TargetError;
use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::record_batch::RecordBatch;
use snowflake_connector_rs::Statement;

/// Where a bound text ends, in bytes: half of what a value may have where it has the least.
const LARGEST_TEXT: usize = 8 << 20;

/// Inserts every row; answers how many.
///
/// # Errors
/// What Snowflake says; [`TargetError::Answer`] for a type that no source has.
pub(super) async fn insert_all(
    sessions: &Sessions,
    session: &Kept,
    table: &str,
    schema: &SchemaRef,
    batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
) -> Result<u64, TargetError> {
    let statement = statement(table, schema)?;
    let mut rows = 0;
    let mut text = String::from("[");
    for batch in batches {
        for row in 0..batch.num_rows() {
            if text.len() > 1 {
                text.push(',');
            }
            push_row(&mut text, &batch, row)?;
            if text.len() >= LARGEST_TEXT {
                insert(sessions, session, &statement, &mut text).await?;
            }
        }
        rows += batch.num_rows() as u64;
    }
    if text.len() > 1 {
        insert(sessions, session, &statement, &mut text).await?;
    }
    Ok(rows)
}

async fn insert(
    sessions: &Sessions,
    session: &Kept,
    statement: &str,
    text: &mut String,
) -> Result<(), TargetError> {
    text.push(']');
    let rows = std::mem::replace(text, String::from("["));
    let statement = Statement::new(statement.to_owned()).bind(rows);
    sessions.run_in(session, statement).await.map_err(failure::of)?;
    Ok(())
}

/// Takes a text of rows, each an array of its values, apart.
pub(super) fn statement(table: &str, schema: &Schema) -> Result<String, TargetError> {
    let names: Vec<String> = schema.fields().iter().map(|field| quoted(field.name())).collect();
    let values = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(place, field)| {
            let data_type = match field.data_type() {
                DataType::Utf8 | DataType::Null => "varchar",
                DataType::Int64 => "number(38, 0)",
                DataType::Float64 => "float",
                DataType::Boolean => "boolean",
                DataType::Timestamp(TimeUnit::Microsecond, _) => "timestamp_tz",
                other => return Err(unknown(other)),
            };
            Ok(format!("value[{place}]::{data_type}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(format!(
        "insert into {table} ({}) select {} from table(flatten(input => parse_json(?)))",
        names.join(", "),
        values.join(", ")
    ))
}

fn unknown(data_type: &DataType) -> TargetError {
    TargetError::Answer { message: format!("values of type {data_type} can't be loaded") }
}

/// Appends a row as a JSON array.
pub(super) fn push_row(text: &mut String, batch: &RecordBatch, row: usize) -> Result<(), TargetError> {
    text.push('[');
    for (place, column) in batch.columns().iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_value(text, column.as_ref(), row)?;
    }
    text.push(']');
    Ok(())
}

fn push_value(text: &mut String, column: &dyn Array, row: usize) -> Result<(), TargetError> {
    if column.is_null(row) || column.data_type() == &DataType::Null {
        text.push_str("null");
        return Ok(());
    }
    match column.data_type() {
        DataType::Utf8 => {
            let value = serde_json::Value::from(column.as_string::<i32>().value(row));
            text.push_str(&value.to_string());
        }
        DataType::Int64 => text.push_str(&column.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Float64 => {
            let value = serde_json::Value::from(column.as_primitive::<Float64Type>().value(row));
            text.push_str(&value.to_string());
        }
        DataType::Boolean => text.push_str(if column.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            let time = chrono::DateTime::from_timestamp_micros(micros).ok_or_else(|| {
                TargetError::Answer { message: format!("{micros} microseconds since 1970 are no time") }
            })?;
            text.push_str(&time.format("\"%Y-%m-%dT%H:%M:%S%.6f+00:00\"").to_string());
        }
        other => return Err(unknown(other)),
    }
    Ok(())
}
