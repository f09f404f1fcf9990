//! Rows as the client takes them: it makes the message for the server from them.

use crate::connection::{TableColumn, TableName, TargetError};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType as Arrow, Schema, TimeUnit, TimestampMicrosecondType};
use spark_connect::apache_spark_connect::row::{Row, Value};
use spark_connect::{DataType, StructField};
use std::collections::BTreeMap;

/// For each column of the table, in order, that of the rows; `None` where they have none.
pub(super) fn places(
    table: &TableName,
    there: &[TableColumn],
    schema: &Schema,
) -> Result<Vec<Option<usize>>, TargetError> {
    let same = |column: &TableColumn, name: &str| column.name.to_lowercase() == name.to_lowercase();
    let unknown = schema.fields().iter().find(|field| !there.iter().any(|column| same(column, field.name())));
    if let Some(field) = unknown {
        return Err(TargetError::Statement {
            message: format!("the table {table} has no column `{}`", field.name()),
            code: None,
            at: None,
        });
    }
    let place = |column: &TableColumn| schema.fields().iter().position(|field| same(column, field.name()));
    Ok(there.iter().map(place).collect())
}

/// The rows with the table's columns, and their types.
pub(super) fn rows(
    batch: &RecordBatch,
    there: &[TableColumn],
    places: &[Option<usize>],
) -> Result<(Vec<Row>, DataType), TargetError> {
    let text = || DataType::String { collation: "UTF8_BINARY".to_owned() };
    let mut fields = Vec::new();
    for (column, place) in there.iter().zip(places) {
        let data_type = match place.map(|place| batch.column(place).data_type()) {
            None | Some(Arrow::Utf8) => text(),
            Some(Arrow::Timestamp(TimeUnit::Microsecond, Some(_))) => DataType::Timestamp,
            Some(other) => {
                return Err(TargetError::Answer {
                    message: format!("column `{}` can't be loaded as {other}", column.name),
                });
            }
        };
        let name = column.name.clone();
        fields.push(StructField { name, data_type, nullable: true, metadata: BTreeMap::new() });
    }
    let names: Vec<String> = there.iter().map(|column| column.name.clone()).collect();
    let value = |place: &Option<usize>, row: usize| {
        let Some(column) = place.map(|place| batch.column(place)).filter(|column| column.is_valid(row))
        else {
            return Value::Null;
        };
        match column.as_string_opt::<i32>() {
            Some(texts) => Value::String(texts.value(row).to_owned()),
            None => Value::Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        }
    };
    let rows = (0..batch.num_rows())
        .map(|row| Row::new(names.clone(), places.iter().map(|place| value(place, row)).collect()));
    Ok((rows.collect(), DataType::Struct { fields }))
}

#[cfg(test)]
mod tests {
    use super::{places, rows};
    use crate::connection::{TableColumn, TableName};
    use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;

    fn column(name: &str) -> TableColumn {
        TableColumn { name: name.to_owned(), data_type: "string".to_owned() }
    }

    fn table() -> TableName {
        TableName { database: None, schema: "s".to_owned(), table: "t".to_owned() }
    }

    #[test]
    fn rows_take_the_tables_order_and_gaps() {
        let ids: ArrayRef = Arc::new(StringArray::from(vec![Some("e1"), None]));
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("UTC"));
        let batch = RecordBatch::try_from_iter([("timestamp", times), ("id", ids)]).unwrap();
        let there = [column("ID"), column("more"), column("timestamp")];
        let places = places(&table(), &there, &batch.schema()).unwrap();
        assert_eq!(places, [Some(1), None, Some(0)]);
        let (rows, _) = rows(&batch, &there, &places).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].len(), 3);
    }

    #[test]
    fn a_column_that_the_table_lacks_is_reported() {
        let ids: ArrayRef = Arc::new(StringArray::from(vec!["e1"]));
        let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        let error = places(&table(), &[column("other")], &batch.schema()).unwrap_err();
        assert_eq!(error.to_string(), "the table s.t has no column `id`");
    }
}
