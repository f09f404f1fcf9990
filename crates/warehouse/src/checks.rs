//! The data tests, run in the warehouse.

use super::progress::Progress;
use super::row::ResultRow;
use super::{Job, WarehouseError};
use crate::sql::Renderer;
use crate::sql::data_tests::{DataTest, counting, data_tests};
use crate::sql::graph::{Graph, Model};
use crate::sql::plan::Plan;
use crate::targets::TargetError;
use crate::testing::user::{self, UserTest};
use crate::testing::{CheckResult, MOST_STORED, TestError, keep};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Instant;

/// The outcome of the data tests.
#[derive(Debug)]
pub struct ChecksReport {
    /// The results of the checks that ran, in the order of their names.
    pub results: Vec<CheckResult>,
    /// How many look at what is only there while a run lasts, and so run in `build` alone.
    pub of_runs: usize,
}

/// Runs the data tests of the chosen models, and the user's own, on the published tables.
///
/// # Errors
/// [`WarehouseError`] when they can't be run at all; a test that fails by itself is a result.
pub async fn test(
    job: &Job<'_>,
    own: &[UserTest],
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<ChecksReport, WarehouseError> {
    let renderer = job.renderer().await?;
    let chosen = job.chosen(&renderer)?;
    let graph = Graph::new(&renderer, &job.target.names)?;
    let is_staging = |name: &String| graph.get(name).is_some_and(Model::is_staging);
    let tests = data_tests(&renderer, &job.target.names)?;
    let of_chosen =
        tests.into_iter().filter(|test| test.models.iter().any(|name| chosen.contains(name.as_str())));
    let (of_runs, tests): (Vec<DataTest>, Vec<DataTest>) =
        of_chosen.partition(|test| test.models.iter().any(is_staging));
    let (own, broken) = user::rendered(own, &renderer, &job.target.names);
    let has_choice = !job.select.is_empty() || !job.exclude.is_empty();
    let own = own.into_iter().filter(|test| user::is_chosen(test, &chosen, has_choice));
    let mut results = run_all(job, tests.into_iter().chain(own).collect(), threads, progress).await?;
    for result in broken {
        progress.checked(&result);
        results.push(result);
    }
    Ok(ChecksReport { results, of_runs: of_runs.len() })
}

/// Runs those data tests that need what is only there while a run lasts, on the tables that it has published.
pub(super) async fn of_run(
    job: &Job<'_>,
    renderer: &Renderer,
    plan: &Plan,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Vec<CheckResult>, WarehouseError> {
    let staging: BTreeSet<&str> =
        plan.models.iter().filter(|model| model.is_staging).map(|model| model.name).collect();
    let graph = Graph::new(renderer, plan.published())?;
    let is_staging = |name: &&String| graph.get(name).is_some_and(Model::is_staging);
    let tests = data_tests(renderer, &plan.checking())?.into_iter().filter(|test| {
        let needed: Vec<&String> = test.models.iter().filter(is_staging).collect();
        !needed.is_empty() && needed.iter().all(|name| staging.contains(name.as_str()))
    });
    run_all(job, tests.collect(), threads, progress).await
}

async fn run_all(
    job: &Job<'_>,
    tests: Vec<DataTest>,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Vec<CheckResult>, WarehouseError> {
    let running = tests.into_iter().map(|test| async move {
        let clock = Instant::now();
        let found = found(job, &test).await;
        CheckResult::new(test, found, clock.elapsed())
    });
    let mut running = futures::stream::iter(running).buffer_unordered(threads.get());
    let mut results = Vec::new();
    while let Some(result) = running.next().await {
        job.stop.check()?;
        progress.checked(&result);
        results.push(result);
    }
    results.sort_by(|a: &CheckResult, b| a.name.cmp(&b.name));
    Ok(results)
}

/// How many rows a test finds; the first of them are kept.
async fn found(job: &Job<'_>, test: &DataTest) -> Result<Option<keep::Kept>, TestError> {
    let batches = job.warehouse.query(&counting(&test.sql)).await.map_err(TestError::Target)?;
    let failures =
        batches.into_iter().find_map(ResultRow::of).and_then(|row| row.integer(0)).ok_or_else(|| {
            TestError::Target(TargetError::Answer {
                message: format!("the test {} gave no number", test.name),
            })
        })?;
    if failures == 0 {
        return Ok(None);
    }
    let rows = format!("select *\nfrom (\n{}\n) as found\nlimit {MOST_STORED}", test.sql.trim_end());
    let batches = job.warehouse.query(&rows).await.map_err(TestError::Target)?;
    let kept = keep::keep(&test.name, batches.into_iter().map(Ok::<_, TargetError>))?;
    Ok(kept.map(|kept| keep::Kept { failures, ..kept }))
}
