//! Rows of an answer as Arrow columns. Values come as text, whatever their type.

use crate::connection::TargetError;
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use chrono::NaiveDateTime;
use std::sync::Arc;
use tokio_postgres::types::Type;
use tokio_postgres::{Column, SimpleQueryMessage, SimpleQueryRow};

pub(super) fn batch(columns: &[Column], messages: &[SimpleQueryMessage]) -> Result<RecordBatch, TargetError> {
    let rows: Vec<&SimpleQueryRow> = messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .collect();
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        let array = array(column, rows.iter().map(|row| row.get(place)))?;
        fields.push(Field::new(column.name(), array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| TargetError::Answer { message: error.to_string() })
}

fn array<'a>(
    column: &Column,
    values: impl Iterator<Item = Option<&'a str>>,
) -> Result<ArrayRef, TargetError> {
    let wrong = |value: &str| TargetError::Answer {
        message: format!("`{value}` in the column {} of type {}", column.name(), column.type_()),
    };
    Ok(match *column.type_() {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => {
            Arc::new(Int64Array::from(all(values, |text| text.parse().ok(), wrong)?))
        }
        Type::FLOAT4 | Type::FLOAT8 => {
            Arc::new(Float64Array::from(all(values, |text| text.parse().ok(), wrong)?))
        }
        Type::BOOL => Arc::new(BooleanArray::from(all(values, |text| Some(text == "t"), wrong)?)),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let times = all(values, micros, wrong)?;
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
        }
        _ => Arc::new(values.collect::<StringArray>()),
    })
}

fn all<'a, T>(
    values: impl Iterator<Item = Option<&'a str>>,
    parse: impl Fn(&str) -> Option<T>,
    wrong: impl Fn(&str) -> TargetError,
) -> Result<Vec<Option<T>>, TargetError> {
    values.map(|value| value.map(|text| parse(text).ok_or_else(|| wrong(text))).transpose()).collect()
}

/// A time as the server writes it in the time zone UTC.
fn micros(text: &str) -> Option<i64> {
    let plain = text.strip_suffix("+00").unwrap_or(text);
    let time = NaiveDateTime::parse_from_str(plain, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(time.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        assert_eq!(micros("1970-01-01 00:00:01+00"), Some(1_000_000));
        assert_eq!(micros("1969-12-31 23:59:59.999999+00"), Some(-1));
        assert_eq!(micros("1970-01-01 00:00:00.5"), Some(500_000));
        assert_eq!(micros("infinity"), None);
    }
}
