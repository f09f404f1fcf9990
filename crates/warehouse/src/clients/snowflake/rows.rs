//! What statements answer, as Arrow.

use super::failure;
use crate::connection::{Outcome, TargetError};
use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use snowflake_connector_rs::{CellValue, ColumnType, DynamicRow, ResultCursor, ResultTable};
use std::sync::Arc;

/// The rows that are left of a cursor, a batch for each of its parts.
pub(super) async fn batches(mut cursor: ResultCursor) -> Result<Vec<RecordBatch>, TargetError> {
    let fields: Vec<Field> =
        cursor.schema().columns().iter().map(|column| field(column.name(), column.ty())).collect();
    let schema = Arc::new(Schema::new(fields));
    let mut batches = Vec::new();
    while let Some(table) = cursor.next_table().await.map_err(failure::of)? {
        batches.push(batch(&schema, &table)?);
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

/// What a statement did: DML answers one row with how many rows it inserted, updated and deleted.
pub(super) async fn outcome(cursor: ResultCursor) -> Result<Outcome, TargetError> {
    let counts: Vec<usize> = cursor
        .schema()
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| column.name().starts_with("number of rows "))
        .filter(|(_, column)| !column.name().starts_with("number of multi-joined"))
        .map(|(place, _)| place)
        .collect();
    let rows: Vec<DynamicRow> = cursor.collect().await.map_err(failure::of)?;
    let [row] = rows.as_slice() else { return Ok(Outcome::default()) };
    let counted = counts.iter().map(|place| match &row.values()[*place] {
        CellValue::Integer(count) => u64::try_from(*count).ok(),
        _ => None,
    });
    let rows = if counts.is_empty() { None } else { counted.sum() };
    Ok(Outcome { rows, bytes: None })
}

fn field(name: &str, column: &ColumnType) -> Field {
    let data_type = match column {
        ColumnType::Fixed { scale, .. } if scale.unwrap_or(0) == 0 => DataType::Int64,
        ColumnType::Real => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::TimestampNtz { .. }
        | ColumnType::TimestampLtz { .. }
        | ColumnType::TimestampTz { .. } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Utf8,
    };
    Field::new(name, data_type, true)
}

fn batch(schema: &SchemaRef, table: &ResultTable) -> Result<RecordBatch, TargetError> {
    let rows: Vec<DynamicRow> =
        table.dynamic_rows().and_then(Iterator::collect::<Result<_, _>>).map_err(failure::of)?;
    let columns = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(place, field)| column(field, rows.iter().map(|row| &row.values()[place])))
        .collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| TargetError::Answer { message: error.to_string() })
}

/// One column. A time without a zone is in UTC; fractions finer than microseconds are cut.
fn column<'a>(field: &Field, values: impl Iterator<Item = &'a CellValue>) -> Result<ArrayRef, TargetError> {
    let wrong = |value: &CellValue| TargetError::Answer {
        message: format!("column `{}` holds {value:?}", field.name()),
    };
    /// Appends each value as the function takes it.
    macro_rules! taken {
        ($builder:expr, $take:expr) => {{
            let mut builder = $builder;
            for value in values {
                match value {
                    CellValue::Null => builder.append_null(),
                    value => builder.append_value($take(value).ok_or_else(|| wrong(value))?),
                }
            }
            Ok(Arc::new(builder.finish()) as ArrayRef)
        }};
    }
    match field.data_type() {
        DataType::Int64 => taken!(Int64Builder::new(), |value: &CellValue| match value {
            CellValue::Integer(integer) => i64::try_from(*integer).ok(),
            _ => None,
        }),
        DataType::Float64 => taken!(Float64Builder::new(), |value: &CellValue| match value {
            CellValue::Float(float) => Some(*float),
            _ => None,
        }),
        DataType::Boolean => taken!(BooleanBuilder::new(), |value: &CellValue| match value {
            CellValue::Boolean(truth) => Some(*truth),
            _ => None,
        }),
        DataType::Timestamp(..) => {
            taken!(TimestampMicrosecondBuilder::new().with_timezone("UTC"), |value: &CellValue| match value {
                CellValue::TimestampNtz(time) => Some(time.and_utc().timestamp_micros()),
                CellValue::TimestampLtz(time) => Some(time.timestamp_micros()),
                CellValue::TimestampTz(time) => Some(time.timestamp_micros()),
                _ => None,
            })
        }
        _ => taken!(StringBuilder::new(), |value: &CellValue| Some(match value {
            CellValue::String(text) => text.clone(),
            other => match other.clone().into_json_value() {
                serde_json::Value::String(text) => text,
                json => json.to_string(),
            },
        })),
    }
}
