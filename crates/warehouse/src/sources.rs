//! The tables that hold the calls that are events or evidence.

use super::WarehouseError;
use crate::sql::SourceTable;
use crate::sql::names::{parse_table, relation};
use crate::targets::{TableColumn, TableName, Target, Warehouse};
use tracklet_config::{Config, EventColumn};
use tracklet_display::error::nearest;
use tracklet_display::visible::visible;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::registry;

/// A table that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) event_type: EventType,
    pub(super) table: TableName,
    /// Whether it is read if it is there: nobody has named it, and loaders make it with the first call of its type.
    pub(super) may_be_absent: bool,
}

/// The tables of tracks that the configuration names, or the usual one.
///
/// # Errors
/// [`WarehouseError::TableName`].
pub(super) fn tables_of_tracks(target: &Target, config: &Config) -> Result<Vec<TableName>, WarehouseError> {
    let usual = [EventType::Track.table().to_owned()];
    let written = if config.source.tables.is_empty() { &usual[..] } else { &config.source.tables };
    written.iter().map(|table| parsed(target, table)).collect()
}

/// The source tables: those that the configuration names, and for the other types of events and evidence the tables beside those of
/// tracks.
///
/// # Errors
/// [`WarehouseError::TableName`].
pub(super) fn named(target: &Target, config: &Config) -> Result<Vec<Named>, WarehouseError> {
    let of_tracks = tables_of_tracks(target, config)?;
    let mut all = Vec::new();
    for event_type in config.types_read().iter() {
        let named = config.source.tables_of.iter().find(|(of, _)| *of == event_type);
        let (tables, may_be_absent) = match named {
            _ if event_type == EventType::Track => (of_tracks.clone(), false),
            Some((_, tables)) => {
                (tables.iter().map(|table| parsed(target, table)).collect::<Result<Vec<_>, _>>()?, false)
            }
            None => {
                let name = target.dialect.own(event_type.table());
                let beside = |table: &TableName| TableName { table: name.clone(), ..table.clone() };
                let mut tables: Vec<TableName> = Vec::new();
                for table in of_tracks.iter().map(beside) {
                    if !tables.contains(&table) {
                        tables.push(table);
                    }
                }
                (tables, true)
            }
        };
        all.extend(tables.into_iter().map(|table| Named { event_type, table, may_be_absent }));
    }
    Ok(all)
}

fn parsed(target: &Target, table: &str) -> Result<TableName, WarehouseError> {
    let names = &target.names;
    parse_table(target.dialect, table, names.database(), names.schema()).map_err(WarehouseError::TableName)
}

/// The source tables with the columns that the warehouse says they have. A table that nobody has named may be absent: a warning
/// names it, and no calls of its type are read from it.
///
/// # Errors
/// [`WarehouseError::NoSource`] for one that is not there, with those of its name elsewhere; [`WarehouseError::NotReadable`] for one that may
/// not be read.
pub async fn source_tables(
    warehouse: &dyn Warehouse,
    target: &Target,
    config: &Config,
) -> Result<Vec<SourceTable>, WarehouseError> {
    let named = named(target, config)?;
    let mut sources: Vec<SourceTable> = Vec::new();
    for Named { event_type, table, may_be_absent } in &named {
        match warehouse.columns(table).await? {
            Some(columns) => sources.push(source(target, config, *event_type, table, columns)),
            None if *may_be_absent => {
                let error = unread(warehouse, table.clone()).await;
                if !matches!(error, WarehouseError::NoSource { .. }) {
                    return Err(error);
                }
            }
            None => return Err(unread(warehouse, table.clone()).await),
        }
    }
    if sources.is_empty()
        && let Some(first) = named.first()
    {
        return Err(unread(warehouse, first.table.clone()).await);
    }
    let said = absent_tables(target, &named, &sources).into_iter().chain(absent_columns(config, &sources));
    for sentence in said {
        tracing::warn!("{sentence}");
    }
    Ok(sources)
}

/// What is said of tables that are not there.
fn absent_tables(target: &Target, named: &[Named], sources: &[SourceTable]) -> Vec<String> {
    let is_there = |table: &TableName| {
        let relation = relation(target.dialect, table);
        sources.iter().any(|source| source.relation == relation)
    };
    let absent = named.iter().filter(|named| !is_there(&named.table));
    let said = absent.map(|Named { event_type, table, .. }| {
        let name = event_type.name();
        format!(
            "there is no table {table} that can be seen: no {name} calls are read from it. `[source.tables_of] {name}` names another"
        )
    });
    said.collect()
}

/// What is said of columns of events that no table has, but for those of a preset.
fn absent_columns(config: &Config, sources: &[SourceTable]) -> Vec<String> {
    let has = |column: &EventColumn| {
        sources.iter().filter(|source| !source.is_evidence).any(|source| {
            EventType::of_call(source.event_type)
                .into_iter()
                .flat_map(|of| column.sources_of(of))
                .any(|wanted| source.columns.iter().any(|name| name.to_lowercase() == wanted.to_lowercase()))
        })
    };
    let own = config.columns_read().filter(|column| !column.is_of_preset);
    let absent = own.filter(|column| !has(column));
    let said = absent.map(|column| {
        let names = || column.sources.iter().map(|source| source.name.as_str());
        let there = || sources.iter().flat_map(|source| &source.columns).map(String::as_str);
        let near = names().find_map(|name| nearest(name, there()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let names: Vec<String> = names().map(|name| format!("`{}`", visible(name))).collect();
        let lost = match &column.read_for {
            Some(name) => format!("nothing is derived from it for `{name}`"),
            None => format!("the column `{}` is null", column.spec.name),
        };
        format!("no source table has {}: {lost}{near}", names.join(" or "))
    });
    said.collect()
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
    let assumed = |Named { event_type, table, .. }: Named| {
        // Evidence carries nothing.
        let is_event = config.source.types.contains(event_type);
        let carried =
            config.columns_read().filter(|_| is_event).flat_map(|column| column.sources_of(event_type));
        let mut all = columns.clone();
        for name in carried.map(|name| target.dialect.own(name)) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        let text = |name| TableColumn { name, data_type: String::new() };
        source(target, config, event_type, &table, all.into_iter().map(text).collect())
    };
    Ok(named(target, config)?.into_iter().map(assumed).collect())
}

/// The canonical columns that are read, with what they are called in the warehouse.
pub(super) fn column_names(target: &Target, config: &Config) -> Vec<(&'static str, String)> {
    let columns = config.source.columns.mapped().into_iter().zip(&registry::COLUMNS);
    let is_made = |name: &str| name == registry::EVENT_ID.name && config.source.columns.ids_from_rows();
    columns
        .filter(|((canonical, _), _)| !is_made(canonical))
        .map(|((canonical, mapped), column)| {
            let usual = || target.dialect.own(column.table_names[0]);
            (canonical, mapped.map_or_else(usual, |own| target.dialect.spelled(own)))
        })
        .collect()
}

/// A source table of these columns; a type without words is that of texts.
pub(super) fn source(
    target: &Target,
    config: &Config,
    event_type: EventType,
    table: &TableName,
    columns: Vec<TableColumn>,
) -> SourceTable {
    let has_words = |column: &&TableColumn| !column.data_type.is_empty();
    SourceTable {
        event_type: event_type.name(),
        is_evidence: config.identity.evidence.contains(event_type),
        relation: relation(target.dialect, table),
        name: format!("{}.{}", table.schema, table.table),
        types: columns
            .iter()
            .filter(has_words)
            .map(|column| (column.name.clone(), column.data_type.clone()))
            .collect(),
        columns: columns.into_iter().map(|column| column.name).collect(),
    }
}
