//! `run` and `build`: make the tables, show them to readers.

use super::accounting::account;
use super::audit::DifferentDay;
use super::checks;
use super::compiled::{compiled_file, write_compiled};
use super::forgotten::List;
use super::housekeeping::{self, kinds, statement_for, tables};
use super::increment::{self, Way};
use super::one_by_one::failed;
use super::row::Row;
use super::token::Token;
use super::{Job, WarehouseError};
use crate::sql::forgotten::InForce;
use crate::sql::names::relation;
use crate::sql::plan::{Change, Existing, Plan, Planned, Step, drop_if_there};
use crate::sql::runs::{Accounting, CONFLICT, Cursor, Latest, Mode, RunRow};
use crate::sql::{Dialect, Renderer, runs};
use crate::targets::{Kind, Outcome, TableColumn, TargetError};
use crate::testing::CheckResult;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Instant;
use tracklet_dialects::description::{Publishing, Stay};

/// A model that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The model.
    pub model: &'static str,
    /// Table or view.
    pub kind: Kind,
    /// Whether it goes away at the end of the run.
    pub is_aside: bool,
    /// Its rows, where the warehouse says.
    pub rows: Option<u64>,
    /// Bytes that were scanned for it, where the warehouse says.
    pub bytes: Option<u64>,
    /// How long it took.
    pub seconds: f64,
}

/// Is told what happens.
pub trait Progress: Sync {
    /// A model is being made.
    fn started(&self, model: &'static str);
    /// A model was made.
    fn made(&self, made: &Made);
    /// A data test gave its answer.
    fn checked(&self, result: &CheckResult);
}

/// What came of a run.
#[derive(Debug)]
pub struct BuildReport {
    /// The run's name in `tracklet_runs`.
    pub run_id: String,
    /// Where the rows went, those of earlier runs included.
    pub accounting: Accounting,
    /// Whether it took all rows or the new ones.
    pub mode: Mode,
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
    /// They do, once the tables are published and before what is aside goes away.
    Run,
    /// They don't.
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

pub(super) struct Run<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) plan: Plan,
    pub(super) renderer: Renderer,
    pub(super) id: String,
    pub(super) started: DateTime<Utc>,
    pub(super) progress: &'a dyn Progress,
    /// The run's own row, once it is there before the tables change.
    pub(super) noted: Mutex<Option<RunRow>>,
}

/// What a run has come to when it shows its tables.
pub(super) struct Outcomes {
    pub(super) mode: Mode,
    pub(super) cursor: Cursor,
    pub(super) accounting: Accounting,
    pub(super) audited: Option<Vec<DifferentDay>>,
    /// The list of forgotten ids whose rows the tables lack.
    pub(super) forgotten: InForce,
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
        let way = increment::way(self.job, &self.renderer, &self.plan, &latest, standing).await?;
        let (made, outcomes) = match way {
            Way::Increment(window) => self.increment(&latest, &list, window).await?,
            Way::Full { reason, cursor_column } => {
                let mut made = self.make_all(threads).await?;
                self.check_whole().await?;
                let outcomes = Outcomes {
                    mode: Mode::Full { reason },
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
        self.clean(&outcomes.mode).await;
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

    /// Runs the data tests that look at what is there only while a run lasts: the view of the tracks. An increment has not
    /// made it, and that of a full run may look at a table that has got another name.
    async fn check(&self, threads: NonZeroUsize) -> Result<Vec<CheckResult>, WarehouseError> {
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

    /// Makes the models that are made aside, each as soon as what it needs is there.
    async fn make_all(&self, threads: NonZeroUsize) -> Result<Vec<Made>, WarehouseError> {
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

    /// Makes one table or view aside.
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
            is_aside: model.is_aside,
            rows: total.rows.filter(|_| model.kind == Kind::Table),
            bytes: total.bytes,
            seconds: clock.elapsed().as_secs_f64(),
        })
    }

    /// Up to where the source was read, by the rows that were made aside.
    async fn cursor(&self, column: Option<String>) -> Result<Cursor, WarehouseError> {
        let staged = self.plan.models.iter().find(|model| model.name == "tracklet_staged");
        let (Some(_), Some(column)) = (staged, column) else { return Ok(Cursor::default()) };
        let query = runs::cursor_at(
            &self.plan.building().relation("tracklet_staged"),
            &self.dialect().time(self.started),
        );
        let row = Row::first(self.job, "find out when the latest row was loaded", &query).await?;
        Ok(Cursor { column: Some(column), at: row.and_then(|row| row.time(0)) })
    }

    fn dialect(&self) -> Dialect {
        self.job.target.dialect
    }

    async fn publish(&self, latest: &Latest, outcomes: &Outcomes) -> Result<Vec<Made>, WarehouseError> {
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
                is_aside: false,
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
    pub(super) async fn show(&self, step: Step) -> Result<(), WarehouseError> {
        let outcome = match step {
            Step::Alone(statement) => self.job.warehouse.execute(&statement).await.map(|_| ()),
            Step::Together(statements) => self.job.warehouse.transaction(&statements).await.map(|_| ()),
        };
        outcome.map_err(not_shown)
    }

    /// Runs the statements of a transaction; answers what each did.
    pub(super) async fn show_together(&self, statements: &[String]) -> Result<Vec<Outcome>, WarehouseError> {
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
    pub(super) fn published_row(&self, latest: &Latest, outcomes: &Outcomes) -> RunRow {
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

    /// Takes away what is aside. What stays is taken away by the next run.
    pub(super) async fn clean(&self, mode: &Mode) {
        let asides = match mode {
            Mode::Full { .. } => self.plan.clean(self.job.target.publishing),
            Mode::Incremental { .. } => self.clean_increment(),
            Mode::Forget { .. } => self.steps().clean_erasure(),
        };
        for statement in asides {
            if let Err(error) = self.job.warehouse.execute(&statement).await {
                tracing::warn!("could not take away what was aside, the next run will: {error}");
                break;
            }
        }
    }

    pub(super) async fn clean_up_after(&self, error: &WarehouseError) {
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
