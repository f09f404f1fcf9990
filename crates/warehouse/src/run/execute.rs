//! Makes staging tables, and asks what the next step must know.

use super::Run;
use crate::compiled::{compiled_file, write_statements};
use crate::housekeeping::statement_for;
use crate::progress::Made;
use crate::row::ResultRow;
use crate::sql::increment::{Facts, Increment};
use crate::sql::plan::{Planned, drop_if_there};
use crate::sql::runs::{self, Cursor};
use crate::targets::{Kind, Outcome, TargetError};
use crate::testing::CheckResult;
use crate::{WarehouseError, checks};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Instant;
use tracklet_dialects::description::Stay;

impl Run<'_> {
    /// Runs the data tests that look at what is there only while a run lasts: the view of the tracks. An increment has not
    /// made it, and that of a full run may look at a table that has got another name.
    pub(super) async fn check(&self, threads: NonZeroUsize) -> Result<Vec<CheckResult>, WarehouseError> {
        const TRACKS: &str = "tracklet_tracks";
        if self.plan.models.iter().any(|model| model.name == TRACKS) {
            let relation = self.plan.building().relation(TRACKS);
            let query = self.renderer.render(TRACKS, self.plan.published())?.sql;
            for statement in [
                drop_if_there(Kind::View, &relation),
                self.dialect().create_view(&relation, Stay::Staging, &query),
            ] {
                statement_for(self.job, "make the view of the tracks", &statement).await?;
            }
        }
        checks::of_run(self.job, &self.renderer, &self.plan, threads, self.progress).await
    }

    /// Makes the staging tables, each as soon as the tables that it reads exist.
    pub(super) async fn make_all(&self, threads: NonZeroUsize) -> Result<Vec<Made>, WarehouseError> {
        let mut waiting: Vec<&Planned> =
            self.plan.models.iter().filter(|model| !model.statements.is_empty()).collect();
        let mut ready: BTreeSet<&str> = BTreeSet::new();
        let mut running = FuturesUnordered::new();
        let mut made = Vec::new();
        let mut failure = None;
        loop {
            while failure.is_none() && running.len() < threads.get() {
                let next =
                    waiting.iter().position(|model| model.needs.iter().all(|name| ready.contains(name)));
                let Some(next) = next else { break };
                running.push(self.make(waiting.remove(next)));
            }
            match running.next().await {
                None => break,
                Some(Ok(one)) => {
                    self.progress.made(&one);
                    ready.insert(one.model);
                    made.push(one);
                }
                Some(Err(error)) if failure.is_none() => {
                    failure = Some(error);
                    self.job.warehouse.cancel().await;
                }
                Some(Err(_)) => {}
            }
        }
        failure.map_or(Ok(made), Err)
    }

    /// Makes one staging table or view.
    pub(super) async fn make(&self, model: &Planned) -> Result<Made, WarehouseError> {
        self.job.stop.check()?;
        self.progress.started(model.name);
        let clock = Instant::now();
        let mut total = Outcome::default();
        for statement in &model.statements {
            let outcome = self.job.warehouse.execute(statement).await;
            // A statement that was cancelled is no mistake of the model.
            self.job.stop.check()?;
            let outcome = outcome.map_err(|source| WarehouseError::Model {
                model: model.name,
                file: compiled_file(self.job, model.name),
                source,
            })?;
            total.rows = total.rows.or(outcome.rows);
            total.bytes = total.bytes.map_or(outcome.bytes, |sum| Some(sum + outcome.bytes.unwrap_or(0)));
        }
        Ok(Made {
            model: model.name,
            kind: model.kind,
            is_staging: model.is_staging,
            rows: total.rows.filter(|_| model.kind == Kind::Table),
            bytes: total.bytes,
            seconds: clock.elapsed().as_secs_f64(),
        })
    }

    /// Up to where the source was read, by the rows of the staging tables.
    pub(super) async fn cursor(&self, column: Option<String>) -> Result<Cursor, WarehouseError> {
        let staged = self.plan.models.iter().find(|model| model.name == "tracklet_staged");
        let (Some(_), Some(column)) = (staged, column) else { return Ok(Cursor::default()) };
        let query = runs::cursor_at(
            &self.plan.building().relation("tracklet_staged"),
            &self.dialect().time(self.started),
        );
        let row = ResultRow::first(self.job, "find out when the latest row was loaded", &query).await?;
        Ok(Cursor { column: Some(column), at: row.and_then(|row| row.time(0)) })
    }

    pub(crate) fn steps(&self) -> Increment<'_> {
        Increment::new(&self.renderer, &self.job.target.names, &self.id)
    }

    pub(crate) async fn ask(&self, what: &str, query: &str) -> Result<ResultRow, WarehouseError> {
        self.job.stop.check()?;
        ResultRow::first(self.job, what, query).await?.ok_or_else(|| WarehouseError::Statement {
            what: what.to_owned(),
            source: TargetError::Answer { message: "there was no row".to_owned() },
        })
    }

    pub(crate) async fn make_step(
        &self,
        steps: &Increment<'_>,
        name: &'static str,
        facts: &Facts,
    ) -> Result<Made, WarehouseError> {
        self.make_planned(&steps.step(name, facts)?).await
    }

    pub(crate) async fn make_planned(&self, step: &Planned) -> Result<Made, WarehouseError> {
        write_statements(self.job, step.name, &step.statements)?;
        let made = self.make(step).await?;
        self.progress.made(&made);
        Ok(made)
    }
}
