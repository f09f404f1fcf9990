//! Shows tables to readers, notes the run in `tracklet_runs`, and drops what was made for the run alone.

use super::one_by_one::failed;
use super::{Outcomes, Run};
use crate::WarehouseError;
use crate::housekeeping::{self, kinds, tables};
use crate::progress::Made;
use crate::sql::names::relation;
use crate::sql::plan::{Change, Existing, Step};
use crate::sql::runs::{self, Accounting, CONFLICT, Cursor, Latest, RunRow};
use crate::targets::{Kind, Outcome, TableColumn, TargetError};
use chrono::Utc;
use std::time::Instant;
use tracklet_config::RunMode;
use tracklet_dialects::description::Publishing;

impl Run<'_> {
    /// Shows the tables of a full run to readers.
    pub(super) async fn publish(
        &self,
        latest: &Latest,
        outcomes: &Outcomes,
    ) -> Result<Vec<Made>, WarehouseError> {
        let clock = Instant::now();
        let publishing = self.job.target.publishing;
        let existing = self.existing(publishing, latest).await?;
        let row = self.published_row(latest, outcomes);
        if self.job.target.is_noted_beforehand() {
            self.one_by_one(row, self.plan.publish(publishing, &existing, Vec::new())).await?;
        } else {
            let record = self.plan.record(publishing, &row, outcomes.forgotten.rows);
            for step in self.plan.publish(publishing, &existing, record) {
                self.show(step).await?;
            }
        }
        let views = self.plan.kept().filter(|model| model.statements.is_empty());
        let seconds = clock.elapsed().as_secs_f64();
        let views: Vec<Made> = views
            .map(|view| Made {
                model: view.name,
                kind: Kind::View,
                is_staging: false,
                rows: None,
                bytes: None,
                seconds,
            })
            .collect();
        for view in &views {
            self.progress.made(view);
        }
        Ok(views)
    }

    /// Does one step of showing tables to readers.
    pub(crate) async fn show(&self, step: Step) -> Result<(), WarehouseError> {
        let outcome = match step {
            Step::Alone(statement) => self.job.warehouse.execute(&statement).await.map(|_| ()),
            Step::Together(statements) => self.job.warehouse.transaction(&statements).await.map(|_| ()),
        };
        outcome.map_err(not_shown)
    }

    /// Runs the statements of a transaction; answers what each did.
    pub(crate) async fn show_together(&self, statements: &[String]) -> Result<Vec<Outcome>, WarehouseError> {
        self.job.warehouse.transaction(statements).await.map_err(not_shown)
    }

    /// What is in the schema that matters when the tables are shown.
    async fn existing(&self, publishing: Publishing, latest: &Latest) -> Result<Existing, WarehouseError> {
        let there = tables(self.job).await?;
        let mut existing = Existing { kinds: kinds(self.job, &there), ..Existing::default() };
        for model in self.plan.kept().filter(|model| model.kind == Kind::Table) {
            let is_table = existing.kinds.get(model.name) == Some(&Kind::Table);
            let table = self.plan.published().table(model.name);
            if is_table && !housekeeping::is_of_format(self.job, &table).await? {
                existing.of_other_format.insert(model.name);
            }
        }
        if publishing != Publishing::Rows {
            return Ok(existing);
        }
        existing.views_may_differ = latest.config_fingerprint != self.job.config.fingerprint()
            || latest.sql_digest.as_deref() != Some(self.plan.digest());
        for model in self.plan.kept().filter(|model| model.kind == Kind::Table) {
            if existing.kinds.get(model.name) == Some(&Kind::Table) {
                let warehouse = self.job.warehouse;
                let old = warehouse.columns(&self.plan.published().table(model.name)).await?;
                let new = warehouse.columns(&self.plan.building().table(model.name)).await?;
                if old != new {
                    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                    existing.changed.insert(model.name, change(&old, &new));
                }
            }
        }
        Ok(existing)
    }

    /// The row of a run that publishes.
    pub(crate) fn published_row(&self, latest: &Latest, outcomes: &Outcomes) -> RunRow {
        RunRow {
            run_id: self.id.clone(),
            sequence_number: Some(latest.sequence_number + 1),
            status: runs::PUBLISHED,
            started_at: self.started,
            finished_at: Utc::now(),
            config_fingerprint: self.job.config.fingerprint(),
            models: self.plan.kept_names(),
            mode: Some(outcomes.mode.clone()),
            cursor: outcomes.cursor.clone(),
            accounting: outcomes.accounting,
            message: None,
            sql_digest: self.plan.digest().to_owned(),
            forgotten_digest: outcomes.forgotten.digest.clone(),
        }
    }

    fn failed_row(&self, message: String) -> RunRow {
        RunRow {
            run_id: self.id.clone(),
            sequence_number: None,
            status: runs::FAILED,
            started_at: self.started,
            finished_at: Utc::now(),
            config_fingerprint: self.job.config.fingerprint(),
            models: self.plan.kept_names(),
            mode: None,
            cursor: Cursor::default(),
            accounting: Accounting::default(),
            message: Some(message),
            sql_digest: self.plan.digest().to_owned(),
            forgotten_digest: None,
        }
    }

    /// Drops the staging tables. The next run drops those that this one could not.
    pub(crate) async fn clean(&self, mode: RunMode) {
        let staging = match mode {
            RunMode::Full | RunMode::Rebuild => self.plan.clean(self.job.target.publishing),
            RunMode::Incremental => self.clean_increment(),
            RunMode::Forget => self.steps().clean_erasure(),
        };
        for statement in staging {
            if let Err(error) = self.job.warehouse.execute(&statement).await {
                tracing::warn!("a staging table could not be dropped, the next run will do it: {error}");
                break;
            }
        }
    }

    pub(crate) async fn clean_up_after(&self, error: &WarehouseError) {
        // Nothing of what was made will be renamed.
        let of_steps = self.clean_increment().into_iter().chain(self.steps().clean_erasure());
        let kept: Vec<String> = match error {
            WarehouseError::Contradictions { kept, .. } => {
                kept.iter().map(|table| relation(self.dialect(), table)).collect()
            }
            _ => Vec::new(),
        };
        let is_kept = |statement: &String| kept.iter().any(|table| statement.contains(table));
        let statements = of_steps.chain(self.plan.clean(Publishing::Rows));
        for statement in statements.filter(|statement| !is_kept(statement)) {
            if self.job.warehouse.execute(&statement).await.is_err() {
                break;
            }
        }
        let message = match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        let names = &self.job.target.names;
        let note = match self.noted() {
            Some(row) => runs::settle(names, &failed(row, message)),
            None => runs::insert(names, &self.failed_row(message)),
        };
        if let Err(error) = self.job.warehouse.execute(&note).await {
            tracing::debug!("the failed run could not be noted: {error}");
        }
    }

    /// The statements that drop the staging tables of an increment.
    fn clean_increment(&self) -> Vec<String> {
        self.plan.clean(Publishing::Swap).into_iter().chain(self.steps().clean()).collect()
    }
}

/// What becomes of a table's columns. One of another type is another column.
fn change(old: &[TableColumn], new: &[TableColumn]) -> Change {
    let is_kept = |column: &&TableColumn| new.iter().any(|of_new| of_new.name == column.name);
    Change {
        columns: new.iter().map(|column| (column.name.clone(), old.contains(column))).collect(),
        removed: old.iter().filter(|column| !is_kept(column)).map(|column| column.name.clone()).collect(),
    }
}

fn not_shown(source: TargetError) -> WarehouseError {
    let what = "show the new tables to readers".to_owned();
    WarehouseError::Statement { what, source: as_conflict(source) }
}

/// The check's own words stand for a conflict.
fn as_conflict(error: TargetError) -> TargetError {
    match error {
        TargetError::Statement { message, .. } if message.contains(CONFLICT) => {
            TargetError::Conflict { message }
        }
        other => other,
    }
}
