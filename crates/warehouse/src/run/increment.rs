//! Runs that take the new rows alone.

use super::plan::Window;
use super::{Outcomes, Run};
use crate::WarehouseError;
use crate::accounting::account_for_increment;
use crate::audit::different_days;
use crate::compiled::write_statements;
use crate::forgotten::List;
use crate::progress::Made;
use crate::sql::increment::{Facts, Increment};
use crate::sql::plan::Step;
use crate::sql::runs::{Cursor, Latest, RunDetail};
use crate::targets::Kind;

impl Run<'_> {
    /// Takes the new rows, and shows what they change to readers.
    pub(super) async fn increment(
        &self,
        latest: &Latest,
        list: &List,
        window: Window,
    ) -> Result<(Vec<Made>, Outcomes), WarehouseError> {
        let dialect = self.job.target.dialect;
        let steps = self.steps();
        let mut facts = Facts::before_looking(dialect, window.since, &self.job.config.source);
        let audited = if self.job.audit {
            Some(different_days(self.job, &self.renderer, &self.plan).await?)
        } else {
            None
        };
        for day in audited.iter().flatten() {
            facts.days.push(dialect.text(&day.received_on));
        }
        let mut made = Vec::new();
        for name in ["increment_window", "increment_incoming"] {
            made.push(self.make_step(&steps, name, &facts).await?);
        }
        let row = self.ask("count the new rows", &steps.count_incoming(&dialect.time(self.started))).await?;
        let new_rows = row.integer(0).unwrap_or(0);
        let cursor = Cursor {
            column: Some(window.cursor_column),
            at: Some(row.time(1).map_or(window.cursor_at, |at| at.max(window.cursor_at))),
        };
        let mut outcomes = Outcomes {
            mode: RunDetail::incremental(new_rows),
            cursor,
            accounting: latest.accounting,
            audited,
            forgotten: list.in_force(),
        };
        let mut exchange = Vec::new();
        if new_rows > 0 {
            made.extend(self.make_what_changes(&steps, &mut facts).await?);
            self.check_rows().await?;
            outcomes.accounting =
                account_for_increment(self.job, &steps.accounting(&facts)?, latest.accounting).await?;
            let kept: Vec<&str> =
                self.plan.kept().filter(|model| model.kind == Kind::Table).map(|model| model.name).collect();
            exchange = steps.exchange(&kept, &facts)?;
        }
        self.job.stop.check()?;
        let row = self.published_row(latest, &outcomes);
        if self.job.target.is_noted_beforehand() {
            write_statements(self.job, "increment_exchange", &exchange)?;
            self.one_by_one(row, exchange.into_iter().map(Step::Alone).collect()).await?;
        } else {
            let mut together = self.plan.record(self.job.target.publishing, &row, list.rows());
            together.extend(exchange);
            write_statements(self.job, "increment_exchange", &together)?;
            self.show(Step::Together(together)).await?;
        }
        Ok((made, outcomes))
    }

    /// Makes the steps from the new rows on, and notes what each tells the next.
    async fn make_what_changes(
        &self,
        steps: &Increment<'_>,
        facts: &mut Facts,
    ) -> Result<Vec<Made>, WarehouseError> {
        let mut made = vec![self.make_step(steps, "increment_staged", facts).await?];
        let gone = self.ask("count the displaced tracks", &steps.count_gone()).await?;
        facts.tracks_deleted = gone.integer(0) != Some(0);
        made.extend(self.make_what_follows(steps, facts).await?);
        Ok(made)
    }

    /// Makes the steps after what becomes of rows, and notes what each tells the next.
    pub(crate) async fn make_what_follows(
        &self,
        steps: &Increment<'_>,
        facts: &mut Facts,
    ) -> Result<Vec<Made>, WarehouseError> {
        let dialect = self.job.target.dialect;
        let mut made = Vec::new();
        for name in ["increment_pairs", "increment_aliases"] {
            made.push(self.make_step(steps, name, facts).await?);
        }
        let moved = self.ask("find the ids that change hands", &steps.moved_since()).await?;
        facts.aliases_moved = moved.integer(0) != Some(0);
        if let Some(since) = moved.time(1) {
            facts.moved_since = dialect.time(since);
        }
        made.push(self.make_step(steps, "increment_restarts", facts).await?);
        let restarted = self.ask("find what changes", &steps.restarted_since()).await?;
        if let Some(since) = restarted.time(1) {
            facts.restarted_since = dialect.time(since);
        }
        for name in ["increment_events", "increment_sessions"] {
            made.push(self.make_step(steps, name, facts).await?);
        }
        Ok(made)
    }
}
