//! What every warehouse's client must do, asked of a running server.

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use std::sync::Arc;
use tracklet_warehouse::targets::{Kind, TableName, TargetError, Warehouse};

/// How a warehouse spells names and types.
pub struct Spelling {
    /// A schema that can be dropped and created again.
    pub schema: &'static str,
    /// A table's name in a statement.
    pub relation: fn(&str) -> String,
    /// A column's name in a statement.
    pub quoted: fn(&str) -> String,
    /// Text, 64-bit integer, double, truth, time.
    pub types: [&'static str; 5],
    /// The types as the catalog names them.
    pub catalog_types: [&'static str; 5],
}

const COLUMNS: [&str; 5] = ["name", "count", "share", "is_new", "timestamp"];

fn names(spelling: &Spelling) -> Vec<String> {
    COLUMNS.iter().map(|name| (spelling.quoted)(name)).collect()
}

fn table(spelling: &Spelling, table: &str) -> TableName {
    TableName { database: None, schema: spelling.schema.to_owned(), table: table.to_owned() }
}

async fn create(warehouse: &dyn Warehouse, spelling: &Spelling, table: &str) {
    let columns: Vec<String> =
        names(spelling).iter().zip(spelling.types).map(|(name, kind)| format!("{name} {kind}")).collect();
    let statement = format!("create table {} ({})", (spelling.relation)(table), columns.join(", "));
    warehouse.execute(&statement).await.unwrap();
}

/// Rows with what escapes can break.
fn rows() -> RecordBatch {
    let times = vec![Some(0), Some(1_767_225_600_123_456), None, Some(9_214_646_399_999_999), Some(1)];
    let columns: [ArrayRef; 5] = [
        Arc::new(StringArray::from(vec![
            Some("it's \"quoted\" \\ `and` ; -- new\nline\ttab"),
            Some(""),
            None,
            Some("naïve 😀 {{ x }} %s"),
            Some("null"),
        ])),
        Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), None, Some(0), Some(-1)])),
        Arc::new(Float64Array::from(vec![Some(0.1), Some(-1e300), None, Some(0.0), Some(1.5)])),
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), Some(false)])),
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
    ];
    RecordBatch::try_from_iter_with_nullable(
        COLUMNS.into_iter().zip(columns).map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

/// How many rows a table has.
pub async fn count(warehouse: &dyn Warehouse, spelling: &Spelling, table: &str) -> i64 {
    let query = format!("select count(*) as n from {}", (spelling.relation)(table));
    let batches = warehouse.query(&query).await.unwrap();
    batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0)
}

/// What is loaded comes back as it was, with the promised types.
pub async fn rows_go_in_and_come_out(warehouse: &dyn Warehouse, spelling: &Spelling) {
    create(warehouse, spelling, "loaded").await;
    let rows = rows();
    let mut batches = vec![rows.slice(0, 2), rows.slice(2, 3)].into_iter();
    let loaded = warehouse.load(&table(spelling, "loaded"), rows.schema(), &mut batches).await.unwrap();
    assert_eq!(loaded, 5);
    let none = warehouse.load(&table(spelling, "loaded"), rows.schema(), &mut std::iter::empty()).await;
    assert_eq!(none.unwrap(), 0);

    let columns = names(spelling).join(", ");
    let query = format!("select {columns} from {} order by 2, 1", (spelling.relation)("loaded"));
    let answered = warehouse.query(&query).await.unwrap();
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let types: Vec<&DataType> =
        answered[0].schema_ref().fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(types, [&DataType::Utf8, &DataType::Int64, &DataType::Float64, &DataType::Boolean, &time]);
    let answered = arrow::compute::concat_batches(answered[0].schema_ref(), &answered).unwrap();
    assert_eq!(answered.num_rows(), 5);
    for row in 0..5 {
        let printed = |batch: &RecordBatch, row| {
            let (_, columns, _) = batch.slice(row, 1).into_parts();
            let named = columns.into_iter().zip(COLUMNS).map(|(column, name)| (name, column, true));
            let batch = RecordBatch::try_from_iter_with_nullable(named).unwrap();
            format!("{}", pretty_format_batches(&[batch]).unwrap())
        };
        let found = printed(&answered, row);
        assert!((0..5).any(|expected| printed(&rows, expected) == found), "not loaded:\n{found}");
    }
    let query = format!("select * from {} where 1 = 0", (spelling.relation)("loaded"));
    assert_eq!(warehouse.query(&query).await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
}

/// More rows than a page of an answer or a chunk of a load has.
pub async fn many_rows_go_in_and_come_out(warehouse: &dyn Warehouse, spelling: &Spelling) {
    create(warehouse, spelling, "many").await;
    let rows = rows();
    let indices = arrow::array::UInt32Array::from_iter_values((0..60_000).map(|row| row % 5));
    let columns =
        rows.columns().iter().map(|column| arrow::compute::take(column, &indices, None).unwrap()).collect();
    let batch = RecordBatch::try_new(rows.schema(), columns).unwrap();
    let mut batches = std::iter::once(batch);
    let loaded = warehouse.load(&table(spelling, "many"), rows.schema(), &mut batches).await.unwrap();
    assert_eq!(loaded, 60_000);
    let query = format!("select {} from {}", (spelling.quoted)("name"), (spelling.relation)("many"));
    let answered = warehouse.query(&query).await.unwrap();
    assert_eq!(answered.iter().map(RecordBatch::num_rows).sum::<usize>(), 60_000);
    let nulls: usize = answered.iter().map(|batch| batch.column(0).null_count()).sum();
    assert_eq!(nulls, 12_000);
}

/// The catalog tells what is there, and that something is not.
pub async fn the_catalog_is_known(warehouse: &dyn Warehouse, spelling: &Spelling) {
    create(warehouse, spelling, "looked_at").await;
    let name = match warehouse.tables_called("looked_at").await.unwrap().as_slice() {
        [one] => one.clone(),
        others => panic!("found {others:?}"),
    };
    assert!(name.schema.eq_ignore_ascii_case(spelling.schema), "{name}");
    let found: Vec<(String, String)> = warehouse
        .columns(&name)
        .await
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|column| (column.name.to_lowercase(), column.data_type))
        .collect();
    let expected: Vec<(String, String)> = COLUMNS
        .iter()
        .zip(spelling.catalog_types)
        .map(|(name, kind)| ((*name).to_owned(), kind.to_owned()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(warehouse.columns(&table(spelling, "nowhere")).await.unwrap(), None);
    assert_eq!(warehouse.tables_called("nowhere").await.unwrap(), []);
    let schemas = warehouse.schemas(None).await.unwrap();
    assert!(schemas.contains(&name.schema) && schemas.is_sorted(), "{schemas:?}");
    // `_` is no pattern.
    create(warehouse, spelling, "lookedxat").await;
    assert_eq!(warehouse.tables_called("looked_at").await.unwrap().len(), 1);
    let view = (spelling.relation)("seen_through");
    let query = format!("create view {view} as select 1 as {}", (spelling.quoted)("n"));
    warehouse.execute(&query).await.unwrap();
    let of_schema = warehouse.tables_of(None, spelling.schema).await.unwrap();
    assert!(of_schema.contains(&(name, Kind::Table)));
    let view = of_schema.iter().find(|(name, _)| name.table == "seen_through").unwrap();
    assert_eq!(view.1, Kind::View);
    assert_eq!(warehouse.tables_of(None, "no_such_schema").await.unwrap(), []);
}

/// All statements of a transaction take effect, or none.
pub async fn transactions_are_all_or_nothing(warehouse: &dyn Warehouse, spelling: &Spelling) {
    assert!(warehouse.is_transactional());
    create(warehouse, spelling, "changed").await;
    let relation = (spelling.relation)("changed");
    let name = (spelling.quoted)("name");
    let insert = |text: &str| format!("insert into {relation} ({name}) values ('{text}'), ('{text}')");
    let done = warehouse
        .transaction(&[
            insert("old"),
            format!("delete from {relation} where {name} = 'old'"),
            insert("new -- ;"),
        ])
        .await
        .unwrap();
    assert_eq!(done.iter().map(|outcome| outcome.rows).collect::<Vec<_>>(), [Some(2), Some(2), Some(2)]);
    assert_eq!(count(warehouse, spelling, "changed").await, 2);

    let failed = warehouse
        .transaction(&[
            format!("delete from {relation} where 1 = 1 -- all;"),
            insert("lost"),
            format!("insert into {relation} ({name}) select nope from {relation}"),
        ])
        .await
        .unwrap_err();
    assert!(matches!(failed, TargetError::Statement { .. }), "{failed:?}");
    assert_eq!(count(warehouse, spelling, "changed").await, 2);
    // The connection is as good as before.
    assert_eq!(warehouse.execute(&insert("more")).await.unwrap().rows, Some(2));
    assert_eq!(count(warehouse, spelling, "changed").await, 4);
    assert_eq!(warehouse.transaction(&[]).await.unwrap(), []);
}

/// Several statements at a time.
pub async fn statements_run_side_by_side(warehouse: &dyn Warehouse, spelling: &Spelling) {
    create(warehouse, spelling, "beside").await;
    let queries = (0..8).map(|number| async move {
        let batches = warehouse.query(&format!("select {number} as n")).await.unwrap();
        batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0)
    });
    assert_eq!(futures::future::join_all(queries).await, (0..8).collect::<Vec<i64>>());
}

/// What a failing statement says.
pub async fn failures_have_their_message(warehouse: &dyn Warehouse, spelling: &Spelling) {
    create(warehouse, spelling, "failing").await;
    let query = format!("select nope from {}", (spelling.relation)("failing"));
    let error = warehouse.query(&query).await.unwrap_err();
    let TargetError::Statement { message, code, .. } = &error else { panic!("{error:?}") };
    assert!(message.to_lowercase().contains("nope"), "{message}");
    assert!(code.is_some());
    let error = warehouse.execute("selec 1").await.unwrap_err();
    assert!(matches!(error, TargetError::Statement { .. }), "{error:?}");
}
