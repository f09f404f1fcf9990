//! What the server answers: rows in the program's types, and errors.

use crate::connection::{At, TargetError};
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use spark_connect::SparkError;
use std::sync::Arc;

/// gRPC's numbers for what went wrong on the way.
const UNAVAILABLE: i32 = 14;
const DEADLINE_EXCEEDED: i32 = 4;
const PERMISSION_DENIED: i32 = 7;
const UNAUTHENTICATED: i32 = 16;

/// The rows in the types that [`crate::connection::Warehouse::query`] promises.
pub(super) fn plain(batch: &RecordBatch) -> Result<RecordBatch, TargetError> {
    let unreadable = |error: arrow::error::ArrowError| TargetError::Answer { message: error.to_string() };
    let schema = batch.schema();
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let wanted = match field.data_type() {
            DataType::Boolean => DataType::Boolean,
            kind if kind.is_integer() => DataType::Int64,
            DataType::Float32 | DataType::Float64 => DataType::Float64,
            DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        };
        columns.push(cast(column, &wanted).map_err(unreadable)?);
        fields.push(Field::new(field.name(), wanted, true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(unreadable)
}

/// The server's message without the copy of the statement and the plan that follow it.
pub(super) fn message(error: &SparkError) -> String {
    let message = error.get_message();
    let ends = ["\n== SQL", ";\n'", "\n\nJVM stacktrace"].iter().filter_map(|end| message.find(end));
    let end = ends.min().unwrap_or(message.len());
    let message = message[..end].trim();
    // The client puts the condition before a message that has it already.
    let repeated = message.split_once(' ').filter(|(condition, rest)| rest.starts_with(condition));
    repeated.map_or(message, |(_, rest)| rest).to_owned()
}

/// Whether the server says this condition, or a special case of it.
pub(super) fn is(error: &SparkError, condition: &str) -> bool {
    let said = error.get_condition().unwrap_or_default();
    said == condition || said.starts_with(&format!("{condition}.")) || is_in(&error.get_message(), condition)
}

/// Whether a message has the condition in itself: what else speaks the protocol may give it no other place, or none at all.
fn is_in(message: &str, condition: &str) -> bool {
    let is_schema = condition == "SCHEMA_NOT_FOUND";
    message.contains(&format!("[{condition}]")) || (is_schema && message.contains("Database not found: "))
}

/// What an error of the client means here.
pub(super) fn failed(error: &SparkError, place: &str) -> TargetError {
    let message = message(error);
    match error.grpc_code() {
        Some(UNAVAILABLE | DEADLINE_EXCEEDED) => TargetError::Connection {
            place: place.to_owned(),
            hint: Some("what was running may or may not have taken effect; run it again".to_owned()),
            source: message.into(),
        },
        Some(PERMISSION_DENIED | UNAUTHENTICATED) => TargetError::NotAllowed { message, hint: None },
        _ if error.get_sql_state().as_deref() == Some("42501") => {
            TargetError::NotAllowed { message, hint: None }
        }
        _ => TargetError::Statement {
            at: place_in(&error.get_message()),
            code: error.get_condition().or_else(|| error.get_sql_state()),
            message,
        },
    }
}

/// The `(line 2, pos 7)` of a message; there, characters count from 0.
fn place_in(message: &str) -> Option<At> {
    let (_, rest) = message.rsplit_once("line ")?;
    let (line, rest) = rest.split_once(", pos")?;
    let column = rest.trim_start_matches("ition:").trim_start();
    let end = column.find(|c: char| !c.is_ascii_digit()).unwrap_or(column.len());
    Some(At { line: line.trim().parse().ok()?, column: column[..end].parse::<usize>().ok()? + 1 })
}

#[cfg(test)]
mod tests {
    use super::{failed, is_in, place_in, plain};
    use crate::connection::{At, TargetError};
    use arrow::array::{ArrayRef, Decimal128Array, Int32Array, RecordBatch};
    use arrow::datatypes::DataType;
    use spark_connect::SparkError;
    use std::sync::Arc;

    #[test]
    fn places_are_read_from_messages() {
        let wide =
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'x'. SQLSTATE: 42601 (line 2, pos 7)\n\n== SQL ==";
        assert_eq!(place_in(wide), Some(At { line: 2, column: 8 }));
        assert_eq!(place_in("[X] no such column; line 1 pos 3"), None);
        assert_eq!(place_in("no"), None);
    }

    #[test]
    fn conditions_are_found_in_messages() {
        assert!(is_in(
            "Table not found: [TABLE_OR_VIEW_NOT_FOUND] Table or view not found: t",
            "TABLE_OR_VIEW_NOT_FOUND"
        ));
        assert!(is_in("Database not found: s", "SCHEMA_NOT_FOUND"));
        assert!(!is_in("Database not found: s", "TABLE_OR_VIEW_NOT_FOUND"));
    }

    #[test]
    fn the_message_ends_before_the_statement() {
        let error = SparkError::connect_msg("[X] it is wrong (line 1, pos 0)\n\n== SQL ==\nselect");
        let TargetError::Statement { message, at, .. } = failed(&error, "h:1") else { panic!("{error}") };
        assert_eq!(message, "[X] it is wrong (line 1, pos 0)");
        assert_eq!(at, Some(At { line: 1, column: 1 }));
        assert_eq!(super::message(&SparkError::connect_msg("[X] [X] it is wrong")), "[X] it is wrong");
    }

    #[test]
    fn rows_come_in_few_types() {
        let small: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let exact: ArrayRef =
            Arc::new(Decimal128Array::from(vec![150, -25]).with_precision_and_scale(10, 2).unwrap());
        let batch = plain(&RecordBatch::try_from_iter([("a", small), ("b", exact)]).unwrap()).unwrap();
        let types: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(types, [DataType::Int64, DataType::Utf8]);
        assert_eq!(batch.num_rows(), 2);
    }
}
