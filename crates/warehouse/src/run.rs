//! A run: `build`, and what increments and erasures share with it.
//!
//! ```text
//! facts.rs    what is known of the warehouse, asked of it
//! plan.rs     what the run does, decided of these facts alone: all rows or the new ones, rows exchanged or rebuilt
//! execute.rs  makes the staging tables; invariants.rs checks them
//! increment.rs, crate::forget    the steps of a run that changes rows
//! publish.rs  shows the tables to readers, notes the run, drops the staging tables
//! ```

mod execute;
mod facts;
mod increment;
mod invariants;
mod one_by_one;
mod plan;
mod publish;

pub(crate) use facts::{reason_to_rebuild, since};

use self::plan::BuildPlan;
use crate::accounting::account;
use crate::audit::DifferentDay;
use crate::compiled::write_compiled;
use crate::forgotten::List;
use crate::housekeeping;
use crate::progress::{Made, Progress};
use crate::sql::forgotten::InForce;
use crate::sql::plan::Plan;
use crate::sql::runs::{Accounting, Cursor, RunDetail, RunRow};
use crate::sql::{Dialect, Renderer};
use crate::targets::TargetError;
use crate::testing::CheckResult;
use crate::token::Token;
use crate::{Job, WarehouseError};
use chrono::{DateTime, Utc};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Instant;

/// The outcome of a run.
#[derive(Debug)]
pub struct BuildReport {
    /// The run's name in `tracklet_runs`.
    pub run_id: String,
    /// Where the rows went, those of earlier runs included.
    pub accounting: Accounting,
    /// Whether the run took all rows or the new ones, and why.
    pub mode: RunDetail,
    /// The days on which the source differed from what was seen, where an increment was asked to look.
    pub audited: Option<Vec<DifferentDay>>,
    /// The models, in the order in which they were ready.
    pub made: Vec<Made>,
    /// The data tests of what is only there while the run lasts.
    pub checks: Vec<CheckResult>,
    /// How long it took.
    pub seconds: f64,
}

/// Whether the data tests run that need the tables of the run itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// The tests run, once the tables are published and before the staging tables are dropped.
    Run,
    /// No test runs.
    Skip,
}

/// Makes the chosen models and shows them to readers.
///
/// # Errors
/// [`WarehouseError`]; after any of them the tables are as they were, where the warehouse has transactions.
pub async fn build(
    job: &Job<'_>,
    threads: NonZeroUsize,
    checks: Checks,
    progress: &dyn Progress,
) -> Result<BuildReport, WarehouseError> {
    let (started, clock) = (Utc::now(), Instant::now());
    let renderer = job.renderer().await?;
    let chosen = job.chosen(&renderer)?;
    let token = Token::new().to_string();
    let plan = Plan::new(&renderer, &job.target.names, &chosen, &token)?;
    write_compiled(job, &plan)?;
    let held = housekeeping::begin(job).await?;
    let run = Run { job, plan, renderer, id: token, started, progress, noted: Mutex::default() };
    let result = run.through(threads, checks, clock).await;
    if let Err(error) = &result {
        run.clean_up_after(error).await;
    }
    drop(held);
    result
}

pub(crate) struct Run<'a> {
    pub(crate) job: &'a Job<'a>,
    pub(crate) plan: Plan,
    pub(crate) renderer: Renderer,
    pub(crate) id: String,
    pub(crate) started: DateTime<Utc>,
    pub(crate) progress: &'a dyn Progress,
    /// The run's own row, once it is there before the tables change.
    pub(crate) noted: Mutex<Option<RunRow>>,
}

/// What a run has come to when it shows its tables.
pub(crate) struct Outcomes {
    pub(crate) mode: RunDetail,
    pub(crate) cursor: Cursor,
    pub(crate) accounting: Accounting,
    pub(crate) audited: Option<Vec<DifferentDay>>,
    /// The list of forgotten ids whose rows the tables lack.
    pub(crate) forgotten: InForce,
}

impl Run<'_> {
    async fn through(
        &self,
        threads: NonZeroUsize,
        checks: Checks,
        clock: Instant,
    ) -> Result<BuildReport, WarehouseError> {
        housekeeping::prepare(self.job).await?;
        let latest = housekeeping::latest(self.job).await?;
        // Who forgets later publishes later, and then this run can't.
        if !self.renderer.forgets() && self.job.forgotten().await?.is_some() {
            let message = "ids were forgotten while the run began".to_owned();
            return Err(TargetError::Conflict { message }.into());
        }
        let list = List::read(self.job).await?;
        let standing = list.standing(self.job, &latest)?;
        let decided = facts::decide(self.job, &self.renderer, &self.plan, &latest, standing).await?;
        let (made, outcomes) = match decided {
            BuildPlan::Increment(window) => self.increment(&latest, &list, window).await?,
            BuildPlan::Full { mode, reason, cursor_column } => {
                let mut made = self.make_all(threads).await?;
                self.check_whole().await?;
                let outcomes = Outcomes {
                    mode: RunDetail::of_all_rows(mode, reason),
                    cursor: self.cursor(cursor_column).await?,
                    accounting: account(self.job, &self.plan).await?,
                    audited: None,
                    forgotten: list.in_force(),
                };
                self.job.stop.check()?;
                made.extend(self.publish(&latest, &outcomes).await?);
                (made, outcomes)
            }
        };
        let checked = match checks {
            Checks::Run => self.check(threads).await,
            Checks::Skip => Ok(Vec::new()),
        };
        self.clean(outcomes.mode.mode).await;
        Ok(BuildReport {
            run_id: self.id.clone(),
            accounting: outcomes.accounting,
            mode: outcomes.mode,
            audited: outcomes.audited,
            made,
            checks: checked?,
            seconds: clock.elapsed().as_secs_f64(),
        })
    }

    fn dialect(&self) -> Dialect {
        self.job.target.dialect
    }
}
