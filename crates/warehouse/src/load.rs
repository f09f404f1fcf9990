//! Files into a warehouse's table of tracks, so that a demo or a test can start from files.

use super::housekeeping::{ensure_schema, statement_for};
use super::load_times::LoadTimes;
use super::sources::{column_names, tables_of_tracks};
use super::{Job, WarehouseError};
use crate::sql::names::relation;
use crate::targets::TableName;
use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, NaiveDateTime, Utc};
use std::sync::Arc;
use tracklet_config::keys::CANONICAL_COLUMNS;
use tracklet_dialects::description::ColumnType;
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::reject::Reject;
use tracklet_kernel::tracks::{Reason, Tracks};

/// Rows that go to the client at a time.
const BATCH_ROWS: usize = 8_192;

/// What came of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// The table.
    pub table: String,
    /// Rows that went in.
    pub rows: u64,
    /// Rows that no table of tracks can hold: they could not be read, or their time is none.
    pub refused: u64,
    /// A column that the table got, with the time at which rows were loaded.
    pub added: Option<String>,
    /// The column by which runs look for new rows, where the load did not write the time of the load into it.
    pub unseen: Option<String>,
}

/// Appends tracks, and rejected rows as far as a typed table can hold them, to the first source table, each with the time of
/// the load. The table is created with RudderStack's columns and `loaded_at` if it does not exist.
///
/// # Errors
/// [`WarehouseError`].
pub async fn load(
    job: &Job<'_>,
    tracks: &Tracks,
    rejects: &[Reject],
    names: EventNames,
) -> Result<LoadReport, WarehouseError> {
    let (rejected, refused) = loadable(rejects, names);
    let mut batches = tracks.batches(BATCH_ROWS).chain(rejected);
    let (rows, times) = load_rows(job, &mut batches).await?;
    let table = tables_of_tracks(job.target, job.config)?.remove(0);
    Ok(LoadReport { table: table.to_string(), rows, refused, added: times.added, unseen: times.unseen })
}

/// The rows of [`load`], and how many are refused.
pub fn loadable_rows(tracks: &Tracks, rejects: &[Reject], names: EventNames) -> (Vec<RecordBatch>, u64) {
    let (rejected, refused) = loadable(rejects, names);
    (tracks.batches(BATCH_ROWS).chain(rejected).collect(), refused)
}

/// Appends rows of the canonical columns to the first source table, which is created if it does not exist. Returns how many, and
/// where the time of the load is written.
///
/// # Errors
/// [`WarehouseError`] where the warehouse refuses the table or the rows.
pub async fn load_rows(
    job: &Job<'_>,
    batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
) -> Result<(u64, LoadTimes), WarehouseError> {
    let table = tables_of_tracks(job.target, job.config)?.remove(0);
    let canonical = column_names(job.target, job.config);
    let times = make_table(job, &table, &canonical).await?;
    let schema = schema(&columns_to_write(&canonical, &times));
    let loaded_at = Utc::now().timestamp_micros();
    let completed = |batch: RecordBatch| {
        let mut columns = batch.columns().to_vec();
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
    Ok((rows, times))
}

/// The columns that a load writes, and whether each holds times.
fn columns_to_write(canonical: &[(&'static str, String)], times: &LoadTimes) -> Vec<(String, ColumnType)> {
    let of_events = canonical.iter().map(|(canonical, own)| (own.clone(), column_type(canonical)));
    of_events.chain(times.filled.iter().map(|own| (own.clone(), ColumnType::Time))).collect()
}

/// Makes the table of tracks, and its schema, if it does not exist, or adds the column that says when rows were loaded.
async fn make_table(
    job: &Job<'_>,
    table: &TableName,
    canonical: &[(&'static str, String)],
) -> Result<LoadTimes, WarehouseError> {
    if let Some(columns) = job.warehouse.columns(table).await? {
        let own: Vec<String> = columns.into_iter().map(|column| column.name).collect();
        let times = LoadTimes::of(job, Some(&own)).await?;
        times.add_to(job, table).await?;
        return Ok(times);
    }
    // One that exists and may not be read can't be created.
    let grants = job.warehouse.lacking(table).await.unwrap_or_default();
    if !grants.is_empty() {
        return Err(WarehouseError::NotReadable { table: table.clone(), grants });
    }
    let times = LoadTimes::of(job, None).await?;
    let dialect = job.target.dialect;
    if job.warehouse.tables_of(table.database.as_deref(), &table.schema).await?.is_empty() {
        let schema = crate::sql::Names::new(dialect, table.database.clone(), table.schema.clone());
        ensure_schema(job, &schema).await?;
    }
    let columns = columns_to_write(canonical, &times);
    let types = columns
        .iter()
        .map(|(own, column)| format!("    {} {}", dialect.quoted(own), dialect.type_name(*column)));
    let types: Vec<String> = types.collect();
    let using = dialect.using(job.target.names.format()).unwrap_or_default();
    let statement = format!("create table {} (\n{}\n){using}", relation(dialect, table), types.join(",\n"));
    statement_for(job, "make the table of the tracks", &statement).await?;
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
fn loadable(rejects: &[Reject], names: EventNames) -> (Option<RecordBatch>, u64) {
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
    let columns = vec![
        text(|reject| reject.event_id.as_ref()),
        text(|reject| reject.anonymous_id.as_ref()),
        text(|reject| reject.user_id.as_ref()),
        Arc::new(events.collect::<StringArray>()),
        time(|reject| reject.timestamp.as_ref()),
        time(|reject| reject.received_at.as_ref()),
    ];
    let canonical = CANONICAL_COLUMNS.map(|name| (name.to_owned(), column_type(name)));
    let batch =
        RecordBatch::try_new(schema(&canonical), columns).expect("the columns have the schema's types");
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
