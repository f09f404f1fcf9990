//! The tables that hold the track calls.

use super::WarehouseError;
use crate::sql::SourceTable;
use crate::sql::names::{parse_table, relation};
use crate::targets::{TableName, Target, Warehouse};
use tracklet_config::Config;
use tracklet_kernel::registry;

/// The table that is read when the configuration names none.
const TRACKS: &str = "tracks";

/// The source tables that the configuration names.
///
/// # Errors
/// [`WarehouseError::TableName`].
pub(super) fn named(target: &Target, config: &Config) -> Result<Vec<TableName>, WarehouseError> {
    let usual = [TRACKS.to_owned()];
    let written = if config.source.tables.is_empty() { &usual[..] } else { &config.source.tables };
    let names = &target.names;
    written
        .iter()
        .map(|table| {
            parse_table(target.dialect, table, names.database(), names.schema())
                .map_err(WarehouseError::TableName)
        })
        .collect()
}

/// The source tables with the columns that the warehouse says they have.
///
/// # Errors
/// [`WarehouseError::NoSource`] for one that is not there, with those of its name elsewhere.
pub async fn source_tables(
    warehouse: &dyn Warehouse,
    target: &Target,
    config: &Config,
) -> Result<Vec<SourceTable>, WarehouseError> {
    let mut sources = Vec::new();
    for table in named(target, config)? {
        let Some(columns) = warehouse.columns(&table).await? else {
            return Err(unread(warehouse, table).await);
        };
        sources.push(source(target, &table, columns.into_iter().map(|column| column.name).collect()));
    }
    Ok(sources)
}

/// Why a source table has no columns to see.
pub(super) async fn unread(warehouse: &dyn Warehouse, table: TableName) -> WarehouseError {
    let grants = warehouse.lacking(&table).await.unwrap_or_default();
    if !grants.is_empty() {
        return WarehouseError::NotReadable { table, grants };
    }
    let elsewhere = warehouse.tables_called(&table.table).await.unwrap_or_default();
    let elsewhere = elsewhere.into_iter().filter(|other| *other != table).collect();
    WarehouseError::NoSource { table, elsewhere }
}

/// The source tables with the columns that RudderStack gives them, or the configuration names: what can be known without
/// a connection.
///
/// # Errors
/// [`WarehouseError::TableName`].
pub fn assumed_sources(target: &Target, config: &Config) -> Result<Vec<SourceTable>, WarehouseError> {
    let spelled = |name: &String| target.dialect.spelled(name);
    let named_besides = [&config.source.loaded_at, &config.source.partition_time];
    let columns = column_names(target, config).into_iter().map(|(_, own)| own);
    let columns: Vec<String> = columns.chain(named_besides.into_iter().flatten().map(spelled)).collect();
    Ok(named(target, config)?.iter().map(|table| source(target, table, columns.clone())).collect())
}

/// The canonical columns, with what they are called in the warehouse.
pub(super) fn column_names(target: &Target, config: &Config) -> Vec<(&'static str, String)> {
    let columns = config.source.columns.mapped().into_iter().zip(&registry::COLUMNS);
    columns
        .map(|((canonical, mapped), column)| {
            let usual = || target.dialect.own(column.table_names[0]);
            (canonical, mapped.map_or_else(usual, |own| target.dialect.spelled(own)))
        })
        .collect()
}

fn source(target: &Target, table: &TableName, columns: Vec<String>) -> SourceTable {
    SourceTable {
        relation: relation(target.dialect, table),
        name: format!("{}.{}", table.schema, table.table),
        columns,
    }
}
