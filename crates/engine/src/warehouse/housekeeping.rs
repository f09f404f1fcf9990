//! The schema before and after a run: its existence, the claim on it, and what others left aside.

use super::{Job, WarehouseError};
use crate::sql::plan::{ASIDE_PREFIX, create_schema, drop_if_there};
use crate::sql::{names::relation, package, runs};
use crate::targets::{Claim, Kind, TableName, TargetError};
use std::any::Any;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a warehouse can't say who is at work, what stands aside is left alone for so long.
const OLD_SECONDS: u64 = 24 * 60 * 60;

/// A name for a run: its second in 8 hexadecimal digits, and 4 more that tell runs of one second apart.
pub(super) fn token() -> String {
    let salt = RandomState::new().hash_one(std::process::id()) & 0xFFFF;
    format!("{:08x}{salt:04x}", seconds())
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The second in which the run began that made this table aside.
fn born(table: &str) -> Option<u64> {
    let lower = table.to_lowercase();
    u64::from_str_radix(lower.strip_prefix(ASIDE_PREFIX)?.get(..8)?, 16).ok()
}

/// What a run holds while it lasts.
pub(super) struct Held(
    #[expect(dead_code, reason = "it is held, not looked at")] Option<Box<dyn Any + Send>>,
);

/// The tables and views of the target's schema.
pub(super) async fn tables(job: &Job<'_>) -> Result<Vec<(TableName, Kind)>, TargetError> {
    let names = &job.target.names;
    job.warehouse.tables_of(names.database(), names.schema()).await
}

/// Makes the schema, claims it, and takes away what runs that are no more have left aside.
pub(super) async fn begin(job: &Job<'_>) -> Result<Held, WarehouseError> {
    let names = &job.target.names;
    let mut there = tables(job).await?;
    if there.is_empty() {
        create_schema_of(job).await?;
        there = tables(job).await?;
    }
    let held = match job.warehouse.claim(names.database(), names.schema()).await? {
        Claim::Taken => return Err(WarehouseError::Busy { schema: names.schema().to_owned() }),
        Claim::Held(held) => Some(held),
        Claim::Unknown => None,
    };
    let is_left = |table: &TableName| {
        let Some(born) = born(&table.table) else { return false };
        held.is_some() || born + OLD_SECONDS < seconds()
    };
    let mut left: Vec<_> = there.into_iter().filter(|(table, _)| is_left(table)).collect();
    // Views before what they look at.
    left.sort_by_key(|(_, kind)| std::cmp::Reverse(*kind));
    for (table, kind) in left {
        let statement = drop_if_there(kind, &relation(job.target.dialect, &table));
        statement_for(job, "take away what an earlier run left aside", &statement).await?;
    }
    Ok(Held(held))
}

/// Makes the schema. Who may not make one may still have one.
pub(super) async fn create_schema_of(job: &Job<'_>) -> Result<(), WarehouseError> {
    match job.warehouse.execute(&create_schema(&job.target.names)).await {
        Ok(_) | Err(TargetError::NotAllowed { .. }) => Ok(()),
        Err(source) => Err(WarehouseError::Statement {
            what: format!("make the schema `{}`", job.target.names.schema()),
            source,
        }),
    }
}

/// Runs a statement that belongs to no model.
pub(super) async fn statement_for(job: &Job<'_>, what: &str, statement: &str) -> Result<(), WarehouseError> {
    job.warehouse
        .execute(statement)
        .await
        .map(|_| ())
        .map_err(|source| WarehouseError::Statement { what: what.to_owned(), source })
}

/// The package's models that are in the schema.
pub(super) fn kinds(job: &Job<'_>, there: &[(TableName, Kind)]) -> BTreeMap<&'static str, Kind> {
    let found = |name: &str| {
        let own = job.target.dialect.own(name);
        there.iter().find(|(table, _)| table.table == own).map(|(_, kind)| *kind)
    };
    package::models().filter_map(|file| Some((file.name(), found(file.name())?))).collect()
}

/// The number that this run has if it publishes, and the fingerprint of the run before it.
pub(super) async fn next_number(job: &Job<'_>) -> Result<(u64, Option<String>), WarehouseError> {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    statement_for(job, "make the table of runs", &runs::create(&job.target.names)).await?;
    let batches =
        job.warehouse.query(&runs::latest(&job.target.names)).await.map_err(|source| {
            WarehouseError::Statement { what: "read the table of runs".to_owned(), source }
        })?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok((1, None)) };
    let number = batch.column(0).as_primitive_opt::<Int64Type>().map_or(0, |numbers| numbers.value(0));
    let text = |place: usize| batch.column(place).as_string_opt::<i32>().map(|texts| texts.value(0));
    let fingerprint = text(1).zip(text(2)).map(|(fingerprint, version)| format!("{fingerprint} {version}"));
    Ok((u64::try_from(number).unwrap_or(0) + 1, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::{born, seconds, token};
    use crate::sql::plan::aside;

    #[test]
    fn the_age_of_an_aside_is_in_its_name() {
        let name = aside(&token(), "tracklet_events");
        assert!(seconds() - born(&name.to_uppercase()).unwrap() < 60);
        assert_eq!(born("tracklet_events"), None);
        assert_eq!(born("tracklet_aside_x"), None);
        assert!(aside(&token(), "dbt_session_track_facts").len() <= 63);
    }
}
