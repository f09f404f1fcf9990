//! Whether a warehouse gives the rows that the native engine gives: the corpus and a generated history, run in a schema of
//! their own that goes away afterwards.

mod compare;
mod corpus;
mod history;
mod sets;

pub use compare::Difference;
pub use sets::{CertifyError, Set, prepare};

use chrono::{DateTime, Utc};
use serde::Serialize;
use std::path::Path;
use tracklet_config::Config;
use tracklet_kernel::event_type::EventType;
use tracklet_native::pipeline::Refresh;
use tracklet_warehouse::checks::test;
use tracklet_warehouse::progress::{Made, Progress};
use tracklet_warehouse::run::{Checks, build};
use tracklet_warehouse::sql::names::relation;
use tracklet_warehouse::sql::plan::drop_if_there;
use tracklet_warehouse::targets::{Kind, Target, TargetError, Warehouse};
use tracklet_warehouse::testing::CheckResult;
use tracklet_warehouse::token::{Here, Token};
use tracklet_warehouse::{Job, Stop, WarehouseError, load};

/// The outcome of a certification, as it is stored in its file.
#[derive(Debug, Serialize)]
pub struct Certificate {
    /// The time of the certification, UTC.
    pub at: DateTime<Utc>,
    /// The version of the program.
    pub tracklet: &'static str,
    /// The target's name.
    pub target: String,
    /// The kind of warehouse.
    pub dialect: &'static str,
    /// Whether every row of every table is the native engine's, and every data test passes.
    pub agrees: bool,
    /// The outcome of each set of rows.
    pub sets: Vec<SetResult>,
}

/// The outcome of one set of rows.
#[derive(Debug, Serialize)]
pub struct SetResult {
    /// The set's name.
    pub name: String,
    /// How many rows the set has.
    pub rows: usize,
    /// Rows of all tables that were compared.
    pub compared: usize,
    /// The differences of all tables, one a table that differs.
    pub differences: Vec<Difference>,
    /// Data tests that failed.
    pub failed_tests: Vec<String>,
    /// How many seconds the warehouse took.
    pub seconds: f64,
}

impl SetResult {
    /// Whether nothing differs.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty() && self.failed_tests.is_empty()
    }
}

/// The start of the names of scratch schemas; the token of who made it follows.
const SCRATCH: &str = "tracklet_certify_";

/// The target with a schema of its own.
pub fn scratch(target: &Target) -> Target {
    target.in_schema(&format!("{SCRATCH}{}", Token::new()))
}

/// The target with each scratch schema that is there though who made it is certainly no more.
///
/// # Errors
/// [`TargetError`] when the schemas can't be listed.
pub async fn left_behind(target: &Target, warehouse: &dyn Warehouse) -> Result<Vec<Target>, TargetError> {
    let here = Here::look();
    let is_left = |schema: &&String| {
        let lower = schema.to_lowercase();
        let maker = lower.strip_prefix(SCRATCH).and_then(Token::at_start);
        maker.is_some_and(|maker| maker.is_dead(here))
    };
    let schemas = warehouse.schemas(target.names.database()).await?;
    Ok(schemas.iter().filter(is_left).map(|schema| target.in_schema(schema)).collect())
}

/// Runs a set in the scratch schema and compares its tables.
///
/// # Errors
/// [`WarehouseError`] when it can't be run; a difference is a result.
pub async fn certify(
    target: &Target,
    warehouse: &dyn Warehouse,
    set: &Set,
    compiled: &Path,
    stop: &Stop,
) -> Result<SetResult, WarehouseError> {
    let clock = std::time::Instant::now();
    let job = Job {
        config: &set.config,
        target,
        warehouse,
        select: &[],
        exclude: &[],
        refresh: Refresh::Full,
        audit: false,
        compiled,
        stop,
    };
    clear(&job).await?;
    let mut batches = set.batches.iter().cloned();
    load::load_rows(&job, EventType::Track, &mut batches).await?;
    let report = build(&job, target.threads, Checks::Run, &Quiet).await?;
    let tests = test(&job, &[], target.threads, &Quiet).await?;
    let failed = report.checks.iter().chain(&tests.results).filter(|check| !check.passed());
    let failed_tests = failed.map(|check| check.name.clone()).collect();
    let mut differences = Vec::new();
    for expected in &set.expected {
        let table = target.names.relation(expected.table);
        let columns: Vec<String> =
            expected.columns.iter().map(|name| target.dialect.own_column(name)).collect();
        let query = format!("select {} from {table}", columns.join(", "));
        let found = warehouse.query(&query).await.map_err(|source| WarehouseError::Statement {
            what: format!("read the table {}", expected.table),
            source,
        })?;
        differences.extend(expected.difference(&found));
    }
    Ok(SetResult {
        name: set.name.clone(),
        rows: set.rows(),
        compared: set.expected.iter().map(compare::Expected::rows).sum(),
        differences,
        failed_tests,
        seconds: clock.elapsed().as_secs_f64(),
    })
}

/// Drops the scratch schema with all that is in it.
///
/// # Errors
/// [`WarehouseError::Statement`].
pub async fn clean_up(
    target: &Target,
    warehouse: &dyn Warehouse,
    compiled: &Path,
    stop: &Stop,
) -> Result<(), WarehouseError> {
    let config = Config::default();
    let job = Job {
        config: &config,
        target,
        warehouse,
        select: &[],
        exclude: &[],
        refresh: Refresh::Full,
        audit: false,
        compiled,
        stop,
    };
    clear(&job).await?;
    statement(
        &job,
        "drop the scratch schema",
        &format!("drop schema if exists {}", target.names.quoted_schema()),
    )
    .await
}

/// Drops all tables and views of the scratch schema.
async fn clear(job: &Job<'_>) -> Result<(), WarehouseError> {
    let names = &job.target.names;
    let mut there = job.warehouse.tables_of(names.database(), names.schema()).await?;
    // Views before what they look at.
    there.sort_by_key(|(_, kind)| std::cmp::Reverse(*kind));
    for (table, kind) in there {
        let drop = drop_if_there(kind, &relation(job.target.dialect, &table));
        statement(job, "empty the scratch schema", &drop).await?;
    }
    Ok(())
}

async fn statement(job: &Job<'_>, what: &str, statement: &str) -> Result<(), WarehouseError> {
    let done = job.warehouse.execute(statement).await.map(|_| ());
    done.map_err(|source| WarehouseError::Statement { what: what.to_owned(), source })
}

/// Models of a scratch schema are nobody's business.
struct Quiet;

impl Progress for Quiet {
    fn started(&self, _: &'static str) {}
    fn made(&self, made: &Made) {
        debug_assert!(made.kind == Kind::Table || made.rows.is_none());
    }
    fn checked(&self, _: &CheckResult) {}
}
