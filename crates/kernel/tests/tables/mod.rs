//! The kernel's tables as rows of values, for tests to compare.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampMicrosecondType};
use std::collections::BTreeMap;
use tracklet_kernel::oracle::Value;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::{Table, TrackRun};

/// Every table but the rejects, its rows in the kernel's order; its tracks are asked for a group of runs at a time.
pub fn rows(sessionized: &Sessionized, groups: &[Vec<TrackRun>]) -> BTreeMap<&'static str, Vec<Vec<Value>>> {
    let track_columns: Vec<RecordBatch> =
        groups.iter().map(|runs| sessionized.track_columns(runs, |_| true)).collect();
    let session_columns = vec![sessionized.session_columns(&(0..sessionized.session_count()))];
    let timeline_columns = vec![sessionized.timeline_columns(0..sessionized.all_session_count())];
    let mut tables = BTreeMap::new();
    for table in Table::all(sessionized.rules()) {
        let batches = match table {
            Table::MappedTracks | Table::TrackFacts | Table::TracksFlow | Table::Events => {
                track_columns.clone()
            }
            Table::SessionTrackFacts | Table::SessionDuration | Table::Sessions => session_columns.clone(),
            Table::SessionTracks => timeline_columns.clone(),
            Table::AliasesMapping => vec![sessionized.alias_columns(0..sessionized.alias_count())],
            Table::UserSessionFacts => vec![sessionized.visitor_columns(0..sessionized.visitor_count())],
            Table::Duplicates => vec![sessionized.duplicate_columns(0..sessionized.duplicate_rows())],
            Table::Rejects => continue,
        };
        let schema = table.schema(sessionized.rules());
        let projected: Vec<RecordBatch> = batches
            .iter()
            .map(|batch| {
                let columns = schema.fields().iter().map(|field| {
                    cast(&batch[field.name().as_str()], field.data_type())
                        .expect("the kernel's types fit the schema's")
                });
                RecordBatch::try_new(schema.clone(), columns.collect())
                    .expect("no null in a column that has none")
            })
            .collect();
        let all = concat_batches(&schema, &projected).expect("one schema");
        tables.insert(table.name(), rows_of(&all));
    }
    tables
}

/// The rows of a batch.
pub fn rows_of(batch: &RecordBatch) -> Vec<Vec<Value>> {
    let value = |column: &ArrayRef, row: usize| match column.data_type() {
        _ if column.is_null(row) => Value::Null,
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::Int64 => Value::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Boolean => Value::Truth(column.as_boolean().value(row)),
        DataType::Decimal128(_, 6) => Value::Number(column.as_primitive::<Decimal128Type>().value(row)),
        _ => Value::Time(column.as_primitive::<TimestampMicrosecondType>().value(row)),
    };
    (0..batch.num_rows())
        .map(|row| batch.columns().iter().map(|column| value(column, row)).collect())
        .collect()
}
