//! Rows on their way to the server: the text format of `copy`, or the values of an `insert`.

use crate::connection::TargetError;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use arrow::temporal_conversions::timestamp_us_to_datetime;
use tracklet_dialects::Dialect;

/// One row with a line feed at its end.
pub(super) fn copy_row(batch: &RecordBatch, row: usize, out: &mut Vec<u8>) -> Result<(), TargetError> {
    for (place, column) in batch.columns().iter().enumerate() {
        if place > 0 {
            out.push(b'\t');
        }
        match value(column.as_ref(), row)? {
            None => out.extend_from_slice(b"\\N"),
            Some(text) => {
                for byte in text.bytes() {
                    match byte {
                        b'\\' => out.extend_from_slice(b"\\\\"),
                        b'\t' => out.extend_from_slice(b"\\t"),
                        b'\n' => out.extend_from_slice(b"\\n"),
                        b'\r' => out.extend_from_slice(b"\\r"),
                        other => out.push(other),
                    }
                }
            }
        }
    }
    out.push(b'\n');
    Ok(())
}

/// `(..), (..)` for all rows.
pub(super) fn values(batch: &RecordBatch) -> Result<String, TargetError> {
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let mut texts = Vec::with_capacity(batch.num_columns());
        for column in batch.columns() {
            let value = value(column.as_ref(), row)?;
            texts.push(value.map_or_else(|| "null".to_owned(), |text| Dialect::Redshift.text(&text)));
        }
        rows.push(format!("({})", texts.join(", ")));
    }
    Ok(rows.join(", "))
}

fn value(column: &dyn Array, row: usize) -> Result<Option<String>, TargetError> {
    if column.is_null(row) {
        return Ok(None);
    }
    let text = match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            let time = timestamp_us_to_datetime(micros).ok_or_else(|| TargetError::Answer {
                message: format!("{micros} microseconds is no time that can be sent"),
            })?;
            time.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()
        }
        other => {
            return Err(TargetError::Answer { message: format!("a column of {other} can't be sent") });
        }
    };
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::{copy_row, values};
    use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
    use arrow::record_batch::RecordBatch;
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("a\tb\\N\n'"), None]));
        let times = TimestampMicrosecondArray::from(vec![Some(-1), Some(1)]).with_timezone("UTC");
        RecordBatch::try_from_iter([("a", text), ("t", Arc::new(times) as ArrayRef)]).unwrap()
    }

    #[test]
    fn no_character_of_a_value_ends_a_field_or_row() {
        let mut text = Vec::new();
        copy_row(&batch(), 0, &mut text).unwrap();
        copy_row(&batch(), 1, &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "a\\tb\\\\N\\n'\t1969-12-31 23:59:59.999999+00\n\\N\t1970-01-01 00:00:00.000001+00\n"
        );
    }

    #[test]
    fn values_are_literals() {
        let values = values(&batch().slice(0, 1)).unwrap();
        assert_eq!(values, "('a\tb' || chr(92) || 'N\n''', '1969-12-31 23:59:59.999999+00')");
    }
}
