//! Whether a target can be used, and if not, why.

use super::partitions;
use super::sources::{Named, named, source, unread};
use super::{Job, WarehouseError};
use crate::sql::Renderer;
use crate::sql::names::relation;
use crate::sql::plan::{Plan, drop_if_there};
use crate::targets::{Kind, TableColumn, TableName, Target, Warehouse};
use std::collections::BTreeSet;
use tracklet_config::Config;
use tracklet_display::error::{Hint, listed};
use tracklet_kernel::event_type::EventType;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: String,
    /// What was found.
    pub found: Result<String, Problem>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// In one line.
    pub message: String,
    /// What helps.
    pub hint: Option<String>,
}

/// Looks at a target from the connection to the columns of its source tables; stops at what makes the rest pointless.
pub async fn debug(job: &Job<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(write_access(job).await);
    findings.extend(sources(job.warehouse, job.target, job.config).await);
    findings
}

/// A failed connection as a finding.
pub fn connection(target: &Target, error: Option<&crate::targets::TargetError>) -> Finding {
    let what = format!("connection to `{}` ({})", target.name, target.dialect.name());
    let found = match error {
        None => Ok("works".to_owned()),
        Some(error) => Err(problem(error)),
    };
    Finding { what, found }
}

fn problem<E: Hint + 'static>(error: &E) -> Problem {
    let mut message = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        next = cause.source();
    }
    Problem { message: message.replace('\n', " "), hint: error.hint() }
}

/// Makes a table in the schema and drops it.
async fn write_access(job: &Job<'_>) -> Finding {
    let names = &job.target.names;
    let what = format!("tables can be made in `{}`", names.schema());
    let attempt = async {
        let there = super::housekeeping::tables(job).await?;
        if there.is_empty() {
            super::housekeeping::ensure_schema(job, names).await?;
        }
        let table =
            names.own(&crate::sql::plan::staging_name(&super::token::Token::new().to_string(), "debug"));
        let table = relation(job.target.dialect, &table);
        let make = job.target.dialect.create_table_as(
            &table,
            names.format(),
            &crate::sql::render::ModelOptions::default(),
            tracklet_dialects::description::Stay::Staging,
            "select 1 as one",
        );
        job.warehouse.execute(&make).await?;
        job.warehouse.execute(&drop_if_there(Kind::Table, &table)).await?;
        Ok::<_, WarehouseError>(())
    };
    let found = attempt.await.map(|()| "yes".to_owned()).map_err(|error| problem(&error));
    Finding { what, found }
}

async fn sources(warehouse: &dyn Warehouse, target: &Target, config: &Config) -> Vec<Finding> {
    let tables = match named(target, config) {
        Ok(tables) => tables,
        Err(error) => return vec![Finding { what: "source tables".to_owned(), found: Err(problem(&error)) }],
    };
    let mut findings = Vec::new();
    for Named { event_type, table, may_be_absent } in tables {
        let what = format!("source table `{table}`");
        let found = match warehouse.columns(&table).await {
            Err(error) => Err(problem(&error)),
            Ok(None) => match unread(warehouse, table.clone()).await {
                WarehouseError::NoSource { .. } if may_be_absent => {
                    Ok(format!("not there: no {} calls", event_type.name()))
                }
                error => Err(problem(&error)),
            },
            Ok(Some(columns)) => match usable(target, config, event_type, &table, &columns) {
                Ok((found, renderer)) => partitions::check(warehouse, target, config, &renderer)
                    .await
                    .map(|()| found)
                    .map_err(|error| problem(&error)),
                Err(problem) => Err(problem),
            },
        };
        findings.push(Finding { what, found });
    }
    findings
}

/// Whether the columns are those of tracks, and the times are times; with what renders queries on the table.
fn usable(
    target: &Target,
    config: &Config,
    event_type: EventType,
    table: &TableName,
    columns: &[TableColumn],
) -> Result<(String, Renderer), Problem> {
    let source = source(target, config, event_type, table, columns.to_vec());
    let renderer = Renderer::new(target.dialect, config, target.materialize, vec![source]);
    Plan::new(&renderer, &target.names, &BTreeSet::from(["tracklet_event_facts"]), "debug")
        .map_err(|error| problem(&error))?;
    let own = |canonical: &str, usual: &[&str]| {
        let mapped = config.source.columns.mapped().into_iter().find(|(name, _)| *name == canonical)?.1;
        let wanted: Vec<&str> = mapped.map_or_else(|| usual.to_vec(), |mapped| vec![mapped]);
        wanted
            .iter()
            .find_map(|wanted| columns.iter().find(|column| column.name.eq_ignore_ascii_case(wanted)))
    };
    for (canonical, usual) in
        [("timestamp", &["timestamp", "_timestamp"][..]), ("received_at", &["received_at"])]
    {
        if let Some(column) = own(canonical, usual).filter(|column| !is_time(&column.data_type)) {
            return Err(Problem {
                message: format!(
                    "its column `{}` is of type {}, not a date with time",
                    column.name, column.data_type
                ),
                hint: Some(format!(
                    "map another: [source.columns] {canonical} = \"...\", or cast it in a view"
                )),
            });
        }
    }
    let optional = [
        ("anonymous_id", "anonymous_id"),
        ("user_id", "user_id"),
        ("event", "event"),
        ("received_at", "received_at"),
    ];
    let is_named_itself = |canonical: &str| canonical != "event" || event_type.event_name().is_none();
    let absent: Vec<&str> = optional
        .into_iter()
        .filter(|(canonical, _)| is_named_itself(canonical))
        .filter(|(canonical, usual)| own(canonical, &[usual]).is_none())
        .map(|(canonical, _)| canonical)
        .collect();
    let absent =
        if absent.is_empty() { String::new() } else { format!("; absent, and so null: {}", listed(absent)) };
    Ok((format!("{} columns{absent}", columns.len()), renderer))
}

fn is_time(data_type: &str) -> bool {
    let lower = data_type.to_lowercase();
    lower.contains("timestamp") || lower.contains("datetime")
}
