//! Runs that take the new rows alone.

use super::accounting::account_for_increment;
use super::audit::different_days;
use super::build::{Made, Outcomes, Run};
use super::compiled::write_statements;
use super::forgotten::{List, Standing};
use super::housekeeping::{self, kinds, tables};
use super::partitions;
use super::row::Row;
use super::{Job, WarehouseError};
use crate::sql::Renderer;
use crate::sql::increment::{Facts, Increment};
use crate::sql::plan::{Plan, Planned, Step};
use crate::sql::runs::{Cursor, Latest, Mode};
use crate::targets::Kind;
use chrono::{DateTime, TimeDelta, Utc};
use tracklet_config::Refresh;
use tracklet_config::USUAL_OVERLAP;
use tracklet_dialects::description::Publishing;

/// Why a run takes all rows while rows may be there that were only noted to go.
const FORGOTTEN: &str = "ids were forgotten";

/// How a run goes about it.
pub(super) enum Way {
    /// It takes all rows.
    Full {
        /// Why.
        reason: String,
        /// The column by which the next run knows new rows.
        cursor_column: Option<String>,
    },
    /// It takes the new rows.
    Increment(Window),
}

/// Where a run looks for new rows.
pub(super) struct Window {
    /// The column that says when a row was loaded.
    cursor_column: String,
    /// The latest load time that earlier runs have read.
    cursor_at: DateTime<Utc>,
    /// From when on.
    since: DateTime<Utc>,
}

/// From when on a run would look at the source's rows if it were made now; none if it would take all rows.
pub(super) async fn since(
    job: &Job<'_>,
    renderer: &Renderer,
    plan: &Plan,
) -> Result<Option<DateTime<Utc>>, WarehouseError> {
    // A table that is not there, or is of an earlier version, is left alone: the run that changes it takes all rows.
    if !housekeeping::lacking(job).await?.is_empty() {
        return Ok(None);
    }
    let latest = housekeeping::latest(job).await?;
    let standing = List::read(job).await?.standing(job, &latest)?;
    match way(job, renderer, plan, &latest, standing).await? {
        Way::Full { .. } => Ok(None),
        Way::Increment(window) => Ok(Some(window.since)),
    }
}

/// Whether a run may take the new rows alone.
pub(super) async fn way(
    job: &Job<'_>,
    renderer: &Renderer,
    plan: &Plan,
    latest: &Latest,
    standing: Standing,
) -> Result<Way, WarehouseError> {
    let cursor_column = cursor_column(job, renderer)?;
    let full =
        |reason: &str| Ok(Way::Full { reason: reason.to_owned(), cursor_column: cursor_column.clone() });
    partitions::check(job.warehouse, job.target, job.config, renderer).await?;
    if standing == Standing::Pending {
        return full(FORGOTTEN);
    }
    if let Some(reason) = reason_before_looking(job, plan, latest) {
        return full(reason);
    }
    let Some(column) = &cursor_column else {
        return full("no column says when the source's rows were loaded: name one as source.loaded_at");
    };
    if latest.cursor.column.as_ref() != Some(column) {
        return full(
            "the source tables, or the column that says when their rows were loaded, are others than before",
        );
    }
    let Some(cursor_at) = latest.cursor.at else {
        return full("the last run has read no row with a load time");
    };
    if let Some(reason) = reason_in_schema(job, plan, latest).await? {
        return full(&reason);
    }
    let overlap = job.config.source.overlap.unwrap_or(USUAL_OVERLAP).get();
    let since = i64::try_from(overlap)
        .ok()
        .and_then(|micros| cursor_at.checked_sub_signed(TimeDelta::microseconds(micros)));
    Ok(Way::Increment(Window {
        cursor_column: column.clone(),
        cursor_at,
        since: since.unwrap_or(DateTime::UNIX_EPOCH),
    }))
}

/// The column of every source table that says when a row was loaded, with the table's name.
fn cursor_column(job: &Job<'_>, renderer: &Renderer) -> Result<Option<String>, WarehouseError> {
    let each = "{% for table in source_tables() %}{{ loaded_at(table) }}\n{% endfor %}";
    let columns = renderer.render_text("the load time", each, &job.target.names)?.sql;
    let sources = renderer.sources().iter().zip(columns.lines());
    let named: Option<Vec<String>> = sources
        .map(|(table, column)| (column != "null").then(|| format!("{}.{column}", table.relation)))
        .collect();
    Ok(named.map(|named| named.join(", ")))
}

/// Why all rows must be taken, as far as the last run tells.
fn reason_before_looking(job: &Job<'_>, plan: &Plan, latest: &Latest) -> Option<&'static str> {
    let chosen_are_all = job.select.is_empty() && job.exclude.is_empty();
    let is_together = matches!(job.target.publishing, Publishing::Swap | Publishing::Rows)
        && job.warehouse.is_transactional();
    if latest.sequence_number == 0 {
        Some("it is the first run")
    } else if job.refresh == Refresh::Full {
        Some("a full refresh was asked for")
    } else if let Some(reason) = job.target.dialect.fixed_rows(job.target.names.format()) {
        Some(reason)
    } else if !is_together && !job.target.is_noted_beforehand() {
        Some("the tables can't be changed in one transaction here")
    } else if !latest.is_whole {
        Some("the last run was cut off while it changed the tables")
    } else if !chosen_are_all {
        Some("only some models are chosen")
    } else if latest.config_fingerprint != job.config.fingerprint() {
        Some("the configuration has changed")
    } else if latest.sql_digest.as_deref() != Some(plan.digest()) {
        Some(if latest.sql_digest.is_some() {
            "the SQL of the models is not that of the last run"
        } else {
            "the last run was made by an earlier version"
        })
    } else if latest.models != plan.kept_names() {
        Some("the last run made only some of the models")
    } else {
        None
    }
}

/// Why rows of the tables can't be exchanged for what becomes of them, whatever the source has.
pub(super) async fn reason_against(
    job: &Job<'_>,
    plan: &Plan,
    latest: &Latest,
    standing: Standing,
) -> Result<Option<String>, WarehouseError> {
    if standing == Standing::Pending {
        return Ok(Some(FORGOTTEN.to_owned()));
    }
    if let Some(reason) = reason_before_looking(job, plan, latest) {
        return Ok(Some(reason.to_owned()));
    }
    // Tables that change one by one would have the person in some of them, and a reader who looks at two.
    if !job.warehouse.is_transactional() {
        return Ok(Some("the tables can't be changed in one transaction here".to_owned()));
    }
    reason_in_schema(job, plan, latest).await
}

/// Why all rows must be taken, as far as the tables tell.
async fn reason_in_schema(
    job: &Job<'_>,
    plan: &Plan,
    latest: &Latest,
) -> Result<Option<String>, WarehouseError> {
    let there = kinds(job, &tables(job).await?);
    let other = plan.kept().find(|model| there.get(model.name) != Some(&model.kind));
    if let Some(model) = other {
        let kind = match model.kind {
            Kind::Table => "table",
            Kind::View => "view",
        };
        return Ok(Some(format!("there is no {kind} {}", model.name)));
    }
    if job.target.is_noted_beforehand() {
        for model in plan.kept().filter(|model| model.kind == Kind::Table) {
            if !housekeeping::is_of_format(job, &plan.published().table(model.name)).await? {
                let format = job.target.names.format().name();
                return Ok(Some(format!("{} is no table of the format {format}", model.name)));
            }
        }
    }
    let staged = plan.published().relation("tracklet_staged");
    let query = format!(
        "select count(*) as rows_there\nfrom (\n    select event_id\n    from {staged}\n    limit 1\n) as one"
    );
    let row = Row::first(job, "look at what earlier runs have read", &query).await?;
    let is_empty = row.and_then(|row| row.integer(0)).unwrap_or(0) == 0;
    let is_lost = is_empty && latest.accounting.rows_read.unwrap_or(0) > 0;
    Ok(is_lost
        .then(|| "what earlier runs have read is no longer there: the server had to recover".to_owned()))
}

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
        let audited = if self.job.audit { Some(different_days(self).await?) } else { None };
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
            mode: Mode::Incremental { new_rows },
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
        facts.tracks_went = gone.integer(0) != Some(0);
        made.extend(self.make_what_follows(steps, facts).await?);
        Ok(made)
    }

    /// Makes the steps after what becomes of rows, and notes what each tells the next.
    pub(super) async fn make_what_follows(
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

    pub(super) fn steps(&self) -> Increment<'_> {
        Increment::new(&self.renderer, &self.job.target.names, &self.id)
    }

    pub(super) async fn ask(&self, what: &str, query: &str) -> Result<Row, WarehouseError> {
        self.job.stop.check()?;
        Row::first(self.job, what, query).await?.ok_or_else(|| WarehouseError::Statement {
            what: what.to_owned(),
            source: crate::targets::TargetError::Answer { message: "there was no row".to_owned() },
        })
    }

    pub(super) async fn make_step(
        &self,
        steps: &Increment<'_>,
        name: &'static str,
        facts: &Facts,
    ) -> Result<Made, WarehouseError> {
        self.make_planned(&steps.step(name, facts)?).await
    }

    pub(super) async fn make_planned(&self, step: &Planned) -> Result<Made, WarehouseError> {
        write_statements(self.job, step.name, &step.statements)?;
        let made = self.make(step).await?;
        self.progress.made(&made);
        Ok(made)
    }

    /// The statements that take away what an increment has made aside.
    pub(super) fn clean_increment(&self) -> Vec<String> {
        self.plan.clean(Publishing::Swap).into_iter().chain(self.steps().clean()).collect()
    }
}
