//! A first look at the tables of calls in a schema, for a first configuration.

use super::WarehouseError;
use super::sources::{named, unread};
use crate::sql::Dialect;
use crate::sql::names::relation;
use crate::targets::{TableColumn, Target, Warehouse};
use arrow::array::{Array, AsArray, StringArray};
use arrow::record_batch::RecordBatch;
use tracklet_config::Config;
use tracklet_dialects::description::ColumnType;
use tracklet_kernel::event_type::{EventType, EventTypes};

/// Rows of a table that are looked at.
const ROWS: usize = 1000;
/// Bytes that a query for them may scan, where the warehouse says how many it would.
const MOST_BYTES: u64 = 10 << 30;

/// The columns and first rows of a table of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledTable {
    /// The type of the calls.
    pub event_type: EventType,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The first 1,000 rows: of each column the value as a text, empty where there is none. There is no row of a table whose
    /// first rows cost a scan of over 10 GB.
    pub rows: Vec<Vec<String>>,
}

/// Looks at the tables of calls of every type in a schema: `tracks`, `pages` and the others that are there.
///
/// # Errors
/// [`WarehouseError::NoSource`] where there is no table of tracks, [`WarehouseError::NotReadable`] for a table that may not be read, and
/// what the warehouse says.
/// # Cost
/// Two queries a table.
pub async fn sampled_tables(
    warehouse: &dyn Warehouse,
    target: &Target,
    tracks: &str,
) -> Result<Vec<SampledTable>, WarehouseError> {
    let mut config = Config::default();
    config.source.tables = vec![tracks.to_owned()];
    config.source.types = EventType::ALL.into_iter().collect::<EventTypes>();
    let mut tables = Vec::new();
    for named in named(target, &config)? {
        let (event_type, table) = (named.event_type, named.table);
        let Some(columns) = warehouse.columns(&table).await? else {
            let error = unread(warehouse, table).await;
            if !named.may_be_absent || !matches!(error, WarehouseError::NoSource { .. }) {
                return Err(error);
            }
            continue;
        };
        let values: Vec<String> = columns.iter().map(|column| as_text(target.dialect, column)).collect();
        let query =
            format!("select {} from {} limit {ROWS}", values.join(", "), relation(target.dialect, &table));
        let columns = columns.into_iter().map(|column| column.name).collect();
        let failed =
            |source| WarehouseError::Statement { what: format!("read the first rows of {table}"), source };
        let is_dear =
            warehouse.estimate(&query).await.map_err(failed)?.is_some_and(|bytes| bytes > MOST_BYTES);
        let batches = if is_dear { Vec::new() } else { warehouse.query(&query).await.map_err(failed)? };
        let mut rows = Vec::new();
        for batch in &batches {
            rows.extend(texts(batch));
        }
        tables.push(SampledTable { event_type, columns, rows });
    }
    Ok(tables)
}

/// Types of values that not every warehouse has a text of.
const WITHOUT_TEXT: [&str; 10] =
    ["array", "struct", "record", "json", "super", "variant", "object", "map", "binary", "geograph"];

/// A column as a text under its own name, null where it may have none.
fn as_text(dialect: Dialect, column: &TableColumn) -> String {
    let (name, text) = (dialect.quoted(&column.name), dialect.type_name(ColumnType::Text));
    let of_type = column.data_type.to_lowercase();
    let has_text = !WITHOUT_TEXT.iter().any(|word| of_type.contains(word));
    format!("cast({} as {text}) as {name}", if has_text { name.as_str() } else { "null" })
}

/// The rows of a batch of texts; empty ones where there is none.
fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let columns: Vec<Option<&StringArray>> =
        batch.columns().iter().map(|column| column.as_string_opt::<i32>()).collect();
    let value = |column: Option<&StringArray>, row: usize| {
        column
            .filter(|column| column.is_valid(row))
            .map_or_else(String::new, |column| column.value(row).to_owned())
    };
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| value(*column, row)).collect()).collect()
}
