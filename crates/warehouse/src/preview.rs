//! What an erasure would do. Its steps are made as staging tables and dropped again; nothing that a reader or a later run looks
//! at changes.

use super::forget::{Gone, gone};
use super::forgotten::List;
use super::housekeeping::{self, tables};
use super::progress::Progress;
use super::run::{Run, reason_to_rebuild};
use super::token::Token;
use super::{Job, WarehouseError};
use crate::sql::forgotten::Hashes;
use crate::sql::increment::Facts;
use crate::sql::plan::Plan;
use crate::sql::runs::RUNS;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::sync::Mutex;
use tracklet_kernel::subject::Subject;

/// What an erasure would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The rows that would go; none where they can't be counted.
    pub gone: Option<Gone>,
    /// The rows of every table, before and after; none if all tables would be rebuilt.
    pub tables: Vec<(&'static str, u64, u64)>,
    /// Why all tables would be rebuilt from the source.
    pub rebuilt: Option<String>,
}

/// Why all tables would be rebuilt where those of runs have no columns of this version.
const EARLIER: &str = "the last run was made by an earlier version";

/// What [`super::forget::forget`] would do; the tables stay as they are.
///
/// # Errors
/// As there.
/// # Cost
/// That of the erasure, but for the exchange of rows; the rows of every table are counted.
pub async fn preview(
    job: &Job<'_>,
    subjects: &BTreeSet<Subject>,
    progress: &dyn Progress,
) -> Result<Preview, WarehouseError> {
    let renderer = job.renderer().await?;
    let chosen = job.chosen(&renderer)?;
    let token = Token::new().to_string();
    let plan = Plan::new(&renderer, &job.target.names, &chosen, &token)?;
    let names = &job.target.names;
    if job.warehouse.columns(&names.own(RUNS)).await?.is_none() {
        return Err(WarehouseError::NothingThere { schema: names.schema().to_owned() });
    }
    let _held = housekeeping::claim(job).await?;
    let run = Run { job, plan, renderer, id: token, started: Utc::now(), progress, noted: Mutex::default() };
    let previewed = run.preview(subjects).await;
    for statement in run.steps().clean_erasure() {
        if let Err(error) = job.warehouse.execute(&statement).await {
            tracing::warn!("a staging table could not be dropped, the next run will do it: {error}");
            break;
        }
    }
    previewed
}

impl Run<'_> {
    async fn preview(&self, subjects: &BTreeSet<Subject>) -> Result<Preview, WarehouseError> {
        let (job, steps) = (self.job, self.steps());
        let list = List::read(job).await?;
        let mut rebuilt = Some(EARLIER.to_owned());
        if housekeeping::lacking(job).await?.is_empty() {
            let latest = housekeeping::latest(job).await?;
            if latest.sequence_number == 0 {
                return Err(WarehouseError::NothingThere { schema: job.target.names.schema().to_owned() });
            }
            let standing = list.standing(job, &latest)?;
            rebuilt = reason_to_rebuild(job, &self.plan, &latest, standing).await?;
        }
        let there = housekeeping::kinds(job, &tables(job).await?);
        let by_mapping = there.contains_key("dbt_aliases_mapping");
        let hashes = Hashes::new(&job.target.names, &list.salt(), subjects, by_mapping);
        self.make_planned(&steps.hashes(&hashes)?).await?;
        if rebuilt.is_some() {
            // What was staged may be lost, or of an earlier version.
            let counted = self.ask("count the rows that go", &steps.count_staged_of_hashes()?).await;
            return Ok(Preview { gone: counted.ok().map(|row| gone(&row)), tables: Vec::new(), rebuilt });
        }
        let mut facts = Facts::of_erasure(job.target.dialect.time(DateTime::UNIX_EPOCH));
        self.make_step(&steps, "forget_staged", &facts).await?;
        let gone = gone(&self.ask("count the rows that go", &steps.count_forgotten()).await?);
        // Without a row that goes the steps change nothing, and the tables are counted all the same.
        self.make_what_follows(&steps, &mut facts).await?;
        let kept: Vec<&str> = self.plan.kept().map(|model| model.name).collect();
        let mut tables = Vec::new();
        for (table, query) in steps.count_exchanges(&kept, &facts)? {
            let row = self.ask(&format!("count the rows of `{table}`"), &query).await?;
            let count = |place: usize| row.integer(place).unwrap_or(0);
            tables.push((table, count(0), (count(0) + count(2)).saturating_sub(count(1))));
        }
        tables.sort_unstable();
        Ok(Preview { gone: Some(gone), tables, rebuilt })
    }
}
