//! Files into a warehouse's source tables, so that a demo or a test can start from files.

use super::housekeeping::{ensure_schema, statement_for};
use super::load_times::LoadTimes;
use super::sources::{Named, column_names, named};
use super::{Job, WarehouseError};
use crate::sql::names::relation;
use crate::targets::{TableName, Target};
use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, NaiveDateTime, Utc};
use std::sync::Arc;
use tracklet_config::keys::CANONICAL_COLUMNS;
use tracklet_config::{Config, EventColumn};
use tracklet_dialects::description::ColumnType;
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::gate::Reason;
use tracklet_kernel::registry::{self, CarriedSpec};
use tracklet_kernel::reject::Reject;
use tracklet_kernel::tracks::Tracks;

/// Rows that go to the client at a time.
const BATCH_ROWS: usize = 8_192;

/// The outcome of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// The outcome of each table, tracks first.
    pub tables: Vec<Loaded>,
    /// Rows that no such table can hold: they could not be read, or their time is none.
    pub refused: u64,
}

/// The outcome of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The table.
    pub table: String,
    /// Rows that went in.
    pub rows: u64,
    /// A column that the table got, with the time at which rows were loaded.
    pub added: Option<String>,
    /// The column by which runs look for new rows, where the load did not write the time of the load into it.
    pub unseen: Option<String>,
}

/// Appends events, and rejected rows as far as a typed table can hold them, to the first source table of each type, each with
/// the time of the load. Rejected rows go to the first of them. A table is created with RudderStack's columns and `loaded_at` if it does
/// not exist, and gets the columns that it lacks; what events carry is in it as text. A table that no row is for is left alone,
/// but for the first.
///
/// # Errors
/// [`WarehouseError`].
pub async fn load(
    job: &Job<'_>,
    tracks: &Tracks,
    rejects: &[Reject],
    names: EventNames,
) -> Result<LoadReport, WarehouseError> {
    let carried = &job.config.rules.carried;
    let (mut rejected, refused) = loadable(rejects, names, carried);
    let mut tables: Vec<Loaded> = Vec::new();
    for event_type in job.config.source.types.iter() {
        let batches = tracks.batches_of(BATCH_ROWS, carried, Some(event_type));
        let mut batches = batches.filter(|batch| batch.num_rows() > 0).chain(rejected.take()).peekable();
        if tables.is_empty() || batches.peek().is_some() {
            tables.push(load_rows(job, event_type, &mut batches).await?);
        }
    }
    Ok(LoadReport { tables, refused })
}

/// The rows of [`load`] of a configuration with tracks alone.
pub fn loadable_rows(tracks: &Tracks, rejects: &[Reject], names: EventNames) -> Vec<RecordBatch> {
    let (rejected, _) = loadable(rejects, names, &[]);
    tracks.batches(BATCH_ROWS).chain(rejected).collect()
}

/// Appends rows of the canonical columns, and of those that events carry, to the first source table of a type, which is created if it
/// does not exist.
///
/// # Errors
/// [`WarehouseError`] where the warehouse refuses the table or the rows.
pub async fn load_rows(
    job: &Job<'_>,
    event_type: EventType,
    batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
) -> Result<Loaded, WarehouseError> {
    let mut tables = named(job.target, job.config)?.into_iter();
    let table = tables.find(|named| named.event_type == event_type);
    let Named { table, .. } = table.expect("every type of the configuration has a table");
    let mut columns = columns_of(job.target, job.config, event_type)?;
    let times = make_table(job, &table, &mut columns).await?;
    let schema = schema(&columns_to_write(&columns, &times));
    let loaded_at = Utc::now().timestamp_micros();
    let completed = |batch: RecordBatch| {
        let wanted = |column: &LoadedColumn| Arc::clone(&batch[column.name.as_str()]);
        let mut columns: Vec<ArrayRef> = columns.iter().map(wanted).collect();
        for _ in &times.filled {
            let times = TimestampMicrosecondArray::from_value(loaded_at, batch.num_rows());
            columns.push(Arc::new(times.with_timezone("UTC")));
        }
        RecordBatch::try_new(Arc::clone(&schema), columns).expect("the columns are the same")
    };
    let mut completed = batches.map(completed);
    let loaded = job.warehouse.load(&table, Arc::clone(&schema), &mut completed).await;
    let rows = loaded
        .map_err(|source| WarehouseError::Statement { what: format!("load rows into `{table}`"), source })?;
    Ok(Loaded { table: table.to_string(), rows, added: times.added, unseen: times.unseen })
}

/// A column of a source table, as a load fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LoadedColumn {
    /// What it is called in batches.
    name: String,
    /// What it is called in the table.
    own: String,
}

/// The columns of a source table of a type: the canonical ones, and for each column that events carry the first of its sources that no
/// other column is read from, for it has the value made of all of them.
///
/// # Errors
/// [`WarehouseError::SharedSources`].
fn columns_of(
    target: &Target,
    config: &Config,
    event_type: EventType,
) -> Result<Vec<LoadedColumn>, WarehouseError> {
    let is_named_itself = |name: &str| name != registry::EVENT.name || event_type.event_name().is_none();
    let canonical = column_names(target, config).into_iter().filter(|(name, _)| is_named_itself(name));
    let mut columns: Vec<LoadedColumn> =
        canonical.map(|(name, own)| LoadedColumn { name: name.to_owned(), own }).collect();
    let is_canonical = |name: &str| columns.iter().any(|taken| taken.own.eq_ignore_ascii_case(name));
    // Where one has the same sources as another one, what comes of these is read again from what was loaded for the other.
    let mut carried: Vec<&EventColumn> = Vec::new();
    for column in &config.columns {
        let sources = || column.sources_of(event_type);
        let is_same = |other: &&EventColumn| {
            other.spec.carried_type == column.spec.carried_type
                && other.spec.no_value == column.spec.no_value
                && other.sources_of(event_type).eq(sources())
        };
        if sources().next().is_some() && !carried.iter().any(is_same) {
            carried.push(column);
        }
    }
    let readers = |name: &str| {
        let reads = |column: &&&EventColumn| {
            column.sources_of(event_type).any(|other| other.eq_ignore_ascii_case(name))
        };
        carried.iter().filter(reads).count()
    };
    let mut loaded = Vec::new();
    for column in &carried {
        let own = column.sources_of(event_type).find(|name| !is_canonical(name) && readers(name) == 1);
        let name = column.spec.name.clone();
        let Some(own) = own else { return Err(WarehouseError::SharedSources { column: name }) };
        loaded.push(LoadedColumn { name, own: target.dialect.own(own) });
    }
    columns.extend(loaded);
    Ok(columns)
}

/// The columns that a load writes, and whether each holds times.
fn columns_to_write(columns: &[LoadedColumn], times: &LoadTimes) -> Vec<(String, ColumnType)> {
    let of_events = columns.iter().map(|column| (column.own.clone(), column_type(&column.name)));
    of_events.chain(times.filled.iter().map(|own| (own.clone(), ColumnType::Time))).collect()
}

/// Makes a source table, and its schema, if it does not exist, or adds what it lacks: columns that events carry, and the one that says
/// when rows were loaded.
async fn make_table(
    job: &Job<'_>,
    table: &TableName,
    columns: &mut [LoadedColumn],
) -> Result<LoadTimes, WarehouseError> {
    let dialect = job.target.dialect;
    if let Some(there) = job.warehouse.columns(table).await? {
        let own: Vec<String> = there.into_iter().map(|column| column.name).collect();
        let spelled =
            |column: &LoadedColumn| own.iter().find(|name| name.eq_ignore_ascii_case(&column.own)).cloned();
        for column in columns.iter_mut() {
            column.own = spelled(column).unwrap_or_else(|| column.own.clone());
        }
        let is_there = |column: &&LoadedColumn| spelled(column).is_some();
        let is_carried = |column: &&LoadedColumn| {
            job.config.columns.iter().any(|carried| carried.spec.name == column.name)
        };
        for lacking in columns.iter().filter(is_carried).filter(|column| !is_there(column)) {
            let statement = dialect.add_column(&relation(dialect, table), &lacking.own, ColumnType::Text);
            statement_for(job, &format!("add the column `{}` to `{table}`", lacking.own), &statement).await?;
        }
        let times = LoadTimes::of(job, table, Some(&own)).await?;
        times.add_to(job, table).await?;
        return Ok(times);
    }
    // One that exists and may not be read can't be created.
    let grants = job.warehouse.lacking(table).await.unwrap_or_default();
    if !grants.is_empty() {
        return Err(WarehouseError::NotReadable { table: table.clone(), grants });
    }
    let times = LoadTimes::of(job, table, None).await?;
    if job.warehouse.tables_of(table.database.as_deref(), &table.schema).await?.is_empty() {
        let schema = crate::sql::Names::new(dialect, table.database.clone(), table.schema.clone());
        ensure_schema(job, &schema).await?;
    }
    let columns = columns_to_write(columns, &times);
    let types = columns
        .iter()
        .map(|(own, column)| format!("    {} {}", dialect.quoted(own), dialect.type_name(*column)));
    let types: Vec<String> = types.collect();
    let using = dialect.using(job.target.names.format()).unwrap_or_default();
    let statement = format!("create table {} (\n{}\n){using}", relation(dialect, table), types.join(",\n"));
    statement_for(job, "make a source table", &statement).await?;
    Ok(LoadTimes { added: None, ..times })
}

fn column_type(canonical: &str) -> ColumnType {
    if matches!(canonical, "timestamp" | "received_at") { ColumnType::Time } else { ColumnType::Text }
}

fn schema(columns: &[(String, ColumnType)]) -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let field = |(own, column): &(String, ColumnType)| {
        Field::new(own, if *column == ColumnType::Time { time.clone() } else { DataType::Utf8 }, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// The rejects that a typed table can hold, and how many it can't.
fn loadable(rejects: &[Reject], names: EventNames, carried: &[CarriedSpec]) -> (Option<RecordBatch>, u64) {
    let holds = |reject: &&Reject| match reject.reason {
        Reason::Unreadable
        | Reason::IdTooLong
        | Reason::NameTooLong
        | Reason::InvalidText
        | Reason::BadTimestamp => false,
        Reason::MissingEventId | Reason::MissingTimestamp => true,
        Reason::TimestampOutOfRange | Reason::MissingIds => {
            reject.timestamp.as_deref().is_some_and(|text| micros(text).is_some())
        }
    };
    let held: Vec<&Reject> = rejects.iter().filter(holds).collect();
    let refused = (rejects.len() - held.len()) as u64;
    if held.is_empty() {
        return (None, refused);
    }
    let text = |get: fn(&Reject) -> Option<&String>| -> ArrayRef {
        Arc::new(held.iter().map(|reject| get(reject).map(String::as_str)).collect::<StringArray>())
    };
    let time = |get: fn(&Reject) -> Option<&String>| -> ArrayRef {
        let times = held.iter().map(|reject| get(reject).and_then(|text| micros(text)));
        Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let events = held.iter().map(|reject| reject.event.as_deref().and_then(|event| names.normalise(event)));
    let mut columns = vec![
        text(|reject| reject.event_id.as_ref()),
        text(|reject| reject.anonymous_id.as_ref()),
        text(|reject| reject.user_id.as_ref()),
        Arc::new(events.collect::<StringArray>()),
        time(|reject| reject.timestamp.as_ref()),
        time(|reject| reject.received_at.as_ref()),
    ];
    let carried = || carried.iter().filter(|column| column.name != registry::EVENT_TYPE);
    columns.extend(carried().map(|_| Arc::new(StringArray::new_null(held.len())) as ArrayRef));
    let names = CANONICAL_COLUMNS.into_iter().chain(carried().map(|column| column.name.as_str()));
    let typed: Vec<(String, ColumnType)> = names.map(|name| (name.to_owned(), column_type(name))).collect();
    let batch = RecordBatch::try_new(schema(&typed), columns).expect("the columns have the schema's types");
    (Some(batch), refused)
}

/// A text of a time in microseconds, in any year that warehouses know.
fn micros(text: &str) -> Option<i64> {
    let with_offset = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"));
    let time: DateTime<Utc> = if let Ok(time) = with_offset {
        time.to_utc()
    } else {
        let plain = text.replace('T', " ");
        NaiveDateTime::parse_from_str(plain.trim_end_matches('Z'), "%Y-%m-%d %H:%M:%S%.f").ok()?.and_utc()
    };
    Some(time.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn times_of_rejects_are_read_as_the_gate_reads_them() {
        assert_eq!(micros("1969-12-31T23:59:59.999999Z"), Some(-1));
        assert_eq!(micros("1969-12-31 23:59:59"), Some(-1_000_000));
        assert_eq!(micros("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(micros("yesterday"), None);
    }
}
