//! What queries answer, as Arrow.

use super::{BigQuery, failure};
use crate::connection::TargetError;
use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use google_cloud_bigquery_v2::model::{DataFormatOptions, Job, TableFieldSchema};
use serde_json::{Map, Value};
use std::sync::Arc;

impl BigQuery {
    /// The rows of a query that is done, a batch for each page.
    pub(super) async fn results(&self, job: &Job) -> Result<Vec<RecordBatch>, TargetError> {
        let reference = job.job_reference.as_ref().ok_or_else(|| unreadable("a job without an id"))?;
        let mut batches = Vec::new();
        let mut schema: Option<SchemaRef> = None;
        let mut page = String::new();
        loop {
            let request = self
                .jobs
                .get_query_results()
                .set_project_id(&reference.project_id)
                .set_job_id(&reference.job_id)
                .set_location(reference.location.as_deref().unwrap_or_default())
                .set_format_options(DataFormatOptions::new().set_use_int64_timestamp(true))
                .set_page_token(&page);
            let answer = request.send().await.map_err(|error| failure::of_request(error, &self.place()))?;
            let schema = schema.get_or_insert_with(|| {
                let fields = answer.schema.as_ref().map_or(&[][..], |schema| &schema.fields);
                Arc::new(Schema::new(fields.iter().map(arrow_field).collect::<Vec<_>>()))
            });
            batches.push(batch(schema, &answer.rows)?);
            page = answer.page_token;
            if page.is_empty() {
                return Ok(batches);
            }
        }
    }
}

/// The type of a column as SQL names it; the API still has the names of legacy SQL.
pub(super) fn data_type(field: &TableFieldSchema) -> String {
    let one = match field.r#type.as_str() {
        "INTEGER" => "INT64",
        "FLOAT" => "FLOAT64",
        "BOOLEAN" => "BOOL",
        "RECORD" => "STRUCT",
        other => other,
    };
    if field.mode == "REPEATED" { format!("ARRAY<{one}>") } else { one.to_owned() }
}

fn arrow_field(field: &TableFieldSchema) -> Field {
    let data_type = match data_type(field).as_str() {
        "INT64" => DataType::Int64,
        "FLOAT64" => DataType::Float64,
        "BOOL" => DataType::Boolean,
        "TIMESTAMP" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Utf8,
    };
    Field::new(&field.name, data_type, true)
}

/// Rows as `{"f": [{"v": ..}, ..]}`, each value a text, null, or for nested types an object or array.
pub(super) fn batch(schema: &SchemaRef, rows: &[Map<String, Value>]) -> Result<RecordBatch, TargetError> {
    let cells: Vec<&Vec<Value>> = rows
        .iter()
        .map(|row| {
            let cells = row.get("f").and_then(Value::as_array);
            cells.filter(|cells| cells.len() == schema.fields().len())
        })
        .collect::<Option<_>>()
        .ok_or_else(|| unreadable("a row with more or fewer values than there are columns"))?;
    let columns = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(place, field)| {
            let values = cells.iter().map(|row| row[place].get("v").filter(|value| !value.is_null()));
            column(field, values)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| unreadable(&error.to_string()))
}

fn column<'a>(
    field: &Field,
    values: impl Iterator<Item = Option<&'a Value>>,
) -> Result<ArrayRef, TargetError> {
    let wrong = |value: &Value| unreadable(&format!("column `{}` holds {value}", field.name()));
    /// Appends each value as the text says.
    macro_rules! parsed {
        ($builder:expr, $type:ty) => {{
            let mut builder = $builder;
            for value in values {
                let parse = |value: &Value| value.as_str().and_then(|text| text.parse::<$type>().ok());
                builder
                    .append_option(value.map(|value| parse(value).ok_or_else(|| wrong(value))).transpose()?);
            }
            Ok(Arc::new(builder.finish()) as ArrayRef)
        }};
    }
    match field.data_type() {
        DataType::Int64 => parsed!(Int64Builder::new(), i64),
        DataType::Float64 => parsed!(Float64Builder::new(), f64),
        DataType::Boolean => parsed!(BooleanBuilder::new(), bool),
        DataType::Timestamp(..) => {
            parsed!(TimestampMicrosecondBuilder::new().with_timezone("UTC"), i64)
        }
        _ => {
            let mut builder = StringBuilder::new();
            for value in values {
                match value {
                    Some(Value::String(text)) => builder.append_value(text),
                    Some(nested) => builder.append_value(nested.to_string()),
                    None => builder.append_null(),
                }
            }
            Ok(Arc::new(builder.finish()))
        }
    }
}

pub(super) fn unreadable(message: &str) -> TargetError {
    TargetError::Answer { message: message.to_owned() }
}
