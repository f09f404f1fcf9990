//! The schema before and after a run: its existence, the claim on it, and the staging tables that other runs left.

use super::row::ResultRow;
use super::token::{Here, Token};
use super::{Job, WarehouseError};
use crate::sql::plan::{STAGING_PREFIX, create_schema, drop_if_there, failed, staging_name};
use crate::sql::runs::{self, Accounting, Cursor, Latest};
use crate::sql::{Names, names::relation, package};
use crate::targets::{Claim, Kind, TableName, TargetError};
use std::any::Any;
use std::collections::BTreeMap;
use tracklet_dialects::description::{Format, Publishing};

/// The run that made this staging table; `None` if it is no staging table.
fn maker(table: &str) -> Option<Token> {
    Token::at_start(table.to_lowercase().strip_prefix(STAGING_PREFIX)?)
}

/// Whether a run has kept this table because it contradicted others.
fn has_failed(table: &str) -> bool {
    let models = package::models().chain(package::increments()).map(package::File::name);
    models.map(failed).any(|name| table.eq_ignore_ascii_case(&name))
}

/// What a run holds while it lasts.
pub(super) struct Held(Option<Box<dyn Any + Send>>);

/// The tables and views of the target's schema.
pub(super) async fn tables(job: &Job<'_>) -> Result<Vec<(TableName, Kind)>, TargetError> {
    let names = &job.target.names;
    job.warehouse.tables_of(names.database(), names.schema()).await
}

/// Makes the schema, claims it, and drops the staging tables of runs that have ended.
pub(super) async fn begin(job: &Job<'_>) -> Result<Held, WarehouseError> {
    let names = &job.target.names;
    let mut there = tables(job).await?;
    if there.is_empty() {
        ensure_schema(job, names).await?;
        there = tables(job).await?;
    }
    let Held(held) = claim(job).await?;
    let here = Here::look();
    let is_left = |table: &TableName| match maker(&table.table) {
        // Who holds the schema works there alone.
        Some(maker) => held.is_some() || maker.is_dead(here),
        None => has_failed(&table.table),
    };
    let mut left: Vec<_> = there.into_iter().filter(|(table, _)| is_left(table)).collect();
    // Views before what they look at.
    left.sort_by_key(|(_, kind)| std::cmp::Reverse(*kind));
    for (table, kind) in left {
        let statement = drop_if_there(kind, &relation(job.target.dialect, &table));
        statement_for(job, "drop a staging table of an earlier run", &statement).await?;
    }
    Ok(Held(held))
}

/// Claims the schema, and changes nothing.
pub(super) async fn claim(job: &Job<'_>) -> Result<Held, WarehouseError> {
    let names = &job.target.names;
    match job.warehouse.claim(names.database(), names.schema()).await? {
        Claim::Taken => Err(WarehouseError::Busy { schema: names.schema().to_owned() }),
        Claim::Held(held) => Ok(Held(Some(held))),
        Claim::Unknown => Ok(Held(None)),
    }
}

/// Makes the schema of these names if it does not exist: who may not make one may still have one, also an empty one.
pub(super) async fn ensure_schema(job: &Job<'_>, names: &Names) -> Result<(), WarehouseError> {
    // A list that may not be seen is no list; then the statement tells.
    let schemas = job.warehouse.schemas(names.database()).await.unwrap_or_default();
    let is_it = |schema: &String| names.dialect().is_schema(schema, names.schema());
    if schemas.iter().any(is_it) {
        return Ok(());
    }
    match job.warehouse.execute(&create_schema(names)).await {
        // Where all schemas were listed it is known not to be among them.
        Err(source @ TargetError::NotAllowed { .. }) if !schemas.is_empty() => {
            Err(WarehouseError::NoSchema { schema: names.schema().to_owned(), source })
        }
        Ok(_) | Err(TargetError::NotAllowed { .. }) => Ok(()),
        Err(source) => {
            Err(WarehouseError::Statement { what: format!("make the schema `{}`", names.schema()), source })
        }
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

/// Makes the tables that runs need for themselves, as far as they aren't there.
pub(super) async fn prepare(job: &Job<'_>) -> Result<(), WarehouseError> {
    for statement in lacking(job).await? {
        statement_for(job, "make the table of runs", &statement).await?;
    }
    if job.target.publishing != Publishing::Rows {
        return Ok(());
    }
    for statement in runs::create_turn(&job.target.names) {
        statement_for(job, "make the table of whose turn it is", &statement).await?;
    }
    Ok(())
}

/// The statements that make the table of runs what it has to be; none if it is.
pub(super) async fn lacking(job: &Job<'_>) -> Result<Vec<String>, TargetError> {
    let names = &job.target.names;
    let Some(there) = job.warehouse.columns(&names.own(runs::RUNS)).await? else {
        return Ok(vec![runs::create(names)]);
    };
    let there: Vec<&str> = there.iter().map(|column| column.name.as_str()).collect();
    let mut statements = runs::add_columns(names, &there);
    if !is_of_format(job, &names.own(runs::RUNS)).await? {
        statements.extend(runs::convert(names, &staging_name(&Token::new().to_string(), runs::RUNS)));
    }
    Ok(statements)
}

/// Whether a table is of the format that tables are to have, where it matters.
pub(super) async fn is_of_format(job: &Job<'_>, table: &TableName) -> Result<bool, TargetError> {
    let wanted = job.target.names.format();
    if wanted != Format::Delta {
        return Ok(true);
    }
    Ok(job.warehouse.format(table).await?.as_deref() == Some(wanted.name()))
}

/// The latest run that published, or began to.
pub(super) async fn latest(job: &Job<'_>) -> Result<Latest, WarehouseError> {
    let names = &job.target.names;
    let found = ResultRow::first(job, "read the table of runs", &runs::latest(names)).await?;
    let Some(row) = found else { return Ok(Latest::default()) };
    let text = |place: usize| row.text(place).unwrap_or_default();
    Ok(Latest {
        sequence_number: row.integer(0).unwrap_or(0),
        is_whole: row.integer(1) == Some(1),
        config_fingerprint: text(2),
        sql_digest: row.text(3),
        models: text(4),
        cursor: Cursor { column: row.text(5), at: row.time(6) },
        accounting: Accounting {
            rows_read: row.integer(7),
            sessionized: row.integer(8),
            duplicates: row.integer(9),
            rejected: row.integer(10),
            sessions: row.integer(11),
            visitors: row.integer(12),
            evidence: row.integer(14),
        },
        forgotten_digest: row.text(13),
    })
}

#[cfg(test)]
mod tests {
    use super::{Token, has_failed, maker};
    use crate::sql::plan::staging_name;

    #[test]
    fn the_run_of_a_staging_table_is_in_its_name() {
        let token = Token::new();
        let name = staging_name(&token.to_string(), "dbt_session_track_facts");
        assert!(name.len() <= 63, "a longer name would be cut: {name}");
        assert_eq!(maker(&name.to_uppercase()), Some(token));
        assert_eq!(maker("tracklet_event_facts"), None);
        assert_eq!(maker("tracklet_aside_x"), None);
        assert!(
            has_failed("TRACKLET_FAILED_TRACKLET_EVENTS") && has_failed("tracklet_failed_increment_events")
        );
        assert!(!has_failed("tracklet_failed_logins"), "somebody's own");
    }
}
