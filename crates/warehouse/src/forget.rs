//! Erasure: rows of a person leave all tables of a schema, and do not come back.
//!
//! ```text
//! ids --hashed here--> hashes, and those of all ids of a visitor --> staged rows that go, and what becomes of others with the
//!   same event id --> pairs, aliases, restarts, events, sessions as in an increment
//!   --> begin; hashes noted; rows exchanged in every table; the row of tracklet_runs; commit
//! ```
//!
//! Where an increment could not be made, the hashes are noted first and a run takes all rows of the source but theirs. Until
//! one has come to its end, every run is such a run.

use super::accounting::account_for_increment;
use super::compiled::write_statements;
use super::forgotten::List;
use super::housekeeping::{self, tables};
use super::progress::Progress;
use super::row::ResultRow;
use super::run::{BuildReport, Checks, Outcomes, Run, build, reason_to_rebuild};
use super::token::Token;
use super::{Job, WarehouseError};
use crate::sql::forgotten::{self, FORGOTTEN, Hashes, InForce};
use crate::sql::increment::{Facts, STEPS_OF_ERASURE};
use crate::sql::names::relation;
use crate::sql::plan::Plan;
use crate::sql::runs::{self, Latest, RunDetail};
use crate::targets::{Kind, Outcome};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Instant;
use tracklet_config::Refresh;
use tracklet_kernel::subject::Subject;

/// Rows of the source that were a person's, by what had become of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gone {
    /// In sessions.
    pub tracks: u64,
    /// Evidence.
    pub evidence: u64,
    /// Dropped for another with the same event id.
    pub duplicates: u64,
    /// Rejected.
    pub rejected: u64,
}

impl Gone {
    /// The sum of all rows that were erased.
    pub fn rows(&self) -> u64 {
        self.tracks + self.evidence + self.duplicates + self.rejected
    }
}

/// What happened to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The table.
    pub table: &'static str,
    /// Rows deleted, where the warehouse says.
    pub deleted: Option<u64>,
    /// Rows inserted, made of the rows that are left, where the warehouse says.
    pub inserted: Option<u64>,
}

/// What was erased.
#[derive(Debug)]
pub struct Erased {
    /// The run's name in `tracklet_runs`.
    pub run_id: String,
    /// The person's rows; none where they could not be counted.
    pub gone: Option<Gone>,
    /// The tables whose rows were exchanged; none if all tables were rebuilt.
    pub changed: Vec<Changed>,
    /// The run that took all rows, if there was one.
    pub rebuilt: Option<BuildReport>,
    /// How long it took.
    pub seconds: f64,
}

/// Erases the subjects from every table of the target's schema. The source is not touched.
///
/// # Errors
/// [`WarehouseError`]; [`WarehouseError::NothingThere`] where no run has made tables. After an error the tables are as they
/// were, or, where a run has to take all rows, the next one that comes to its end erases.
/// # Cost
/// `tracklet_staged` is read whole, of the other tables what the person's visitors have; or a run that takes all rows.
pub async fn forget(
    job: &Job<'_>,
    subjects: &BTreeSet<Subject>,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Erased, WarehouseError> {
    let (started, clock) = (Utc::now(), Instant::now());
    let renderer = job.renderer().await?;
    let chosen = job.chosen(&renderer)?;
    let token = Token::new().to_string();
    let plan = Plan::new(&renderer, &job.target.names, &chosen, &token)?;
    let nothing_there = || WarehouseError::NothingThere { schema: job.target.names.schema().to_owned() };
    // Nothing is made where nothing is.
    if tables(job).await?.is_empty() {
        return Err(nothing_there());
    }
    let held = housekeeping::begin(job).await?;
    let run = Run { job, plan, renderer, id: token, started, progress, noted: Mutex::default() };
    let erasure = Erasure { run: &run, subjects };
    let result = erasure.through(clock).await;
    if let Err(error) = &result {
        run.clean_up_after(error).await;
    }
    drop(held);
    match result? {
        Progressed::Erased(erased) => Ok(*erased),
        Progressed::Nothing => Err(nothing_there()),
        Progressed::Noted(gone) => {
            let report =
                build(&Job { refresh: Refresh::Full, ..*job }, threads, Checks::Skip, progress).await?;
            Ok(Erased {
                run_id: report.run_id.clone(),
                gone,
                changed: Vec::new(),
                rebuilt: Some(report),
                seconds: clock.elapsed().as_secs_f64(),
            })
        }
    }
}

/// How far an erasure has come by itself.
enum Progressed {
    /// To its end.
    Erased(Box<Erased>),
    /// No run has made tables.
    Nothing,
    /// The hashes are noted; a run must take all rows.
    Noted(Option<Gone>),
}

struct Erasure<'a> {
    run: &'a Run<'a>,
    subjects: &'a BTreeSet<Subject>,
}

impl Erasure<'_> {
    async fn through(&self, clock: Instant) -> Result<Progressed, WarehouseError> {
        let Run { job, plan, .. } = self.run;
        let names = &job.target.names;
        if job.warehouse.columns(&names.own(crate::sql::runs::RUNS)).await?.is_none() {
            return Ok(Progressed::Nothing);
        }
        housekeeping::prepare(job).await?;
        let latest = housekeeping::latest(job).await?;
        if latest.sequence_number == 0 {
            return Ok(Progressed::Nothing);
        }
        let list = List::read(job).await?;
        let standing = list.standing(job, &latest)?;
        self.prepare_list().await?;
        let reason = reason_to_rebuild(job, plan, &latest, standing).await?;
        let there = housekeeping::kinds(job, &tables(job).await?);
        let salt = list.salt();
        let hashes = Hashes::new(names, &salt, self.subjects, there.contains_key("dbt_aliases_mapping"));
        self.run.make_planned(&self.run.steps().hashes(&hashes)?).await?;
        let made = self.run.steps().hashes_made();
        let made = ResultRow::all(job, "read the hashes of what is forgotten", &made).await?;
        let digest = list.digest_with(&salt, made.iter().filter_map(|row| row.text(0)));
        if reason.is_none() {
            // The list is created, if it did not exist, before the run reads it.
            let forgotten = InForce { digest: Some(digest), rows: Some(list.rows().unwrap_or(0)) };
            return Ok(Progressed::Erased(Box::new(self.exchange(&latest, forgotten, clock).await?)));
        }
        self.note(&latest, &list, &digest).await?;
        Ok(Progressed::Noted(self.noted().await?))
    }

    /// Creates the table of the list, or adds what it lacks.
    async fn prepare_list(&self) -> Result<(), WarehouseError> {
        let job = self.run.job;
        let names = &job.target.names;
        let statements = match job.warehouse.columns(&names.own(FORGOTTEN)).await? {
            None => vec![forgotten::create(names)],
            Some(columns) => {
                let there: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                forgotten::add_columns(names, &there)
            }
        };
        for statement in statements {
            housekeeping::statement_for(job, "make the table of what is forgotten", &statement).await?;
        }
        Ok(())
    }

    /// Notes what is forgotten, for the run that follows to leave out.
    async fn note(&self, latest: &Latest, list: &List, digest: &str) -> Result<(), WarehouseError> {
        let run = self.run;
        let names = &run.job.target.names;
        let note = run.steps().note(latest.sequence_number, digest);
        let is_transaction =
            run.job.target.publishing.is_transaction() && run.job.warehouse.is_transactional();
        if is_transaction {
            // Of two that note at once each would take the list for what it read.
            let turn = runs::take_turn(names, &run.id);
            let check = forgotten::check(names, list.rows().unwrap_or(0));
            let together: Vec<String> = turn.into_iter().chain([check, note]).collect();
            write_statements(run.job, "forget_note", &together)?;
            run.show_together(&together).await?;
        } else {
            write_statements(run.job, "forget_note", std::slice::from_ref(&note))?;
            housekeeping::statement_for(run.job, "note what is forgotten", &note).await?;
        }
        for statement in run.steps().clean_erasure() {
            housekeeping::statement_for(run.job, "drop the hashes", &statement).await?;
        }
        Ok(())
    }

    /// The rows that are only noted to go, where it is known: what was staged may be lost, or of an earlier version.
    async fn noted(&self) -> Result<Option<Gone>, WarehouseError> {
        let names = &self.run.job.target.names;
        let table = relation(names.dialect(), &names.own(FORGOTTEN));
        let query = self.run.steps().count_staged_of(&table)?;
        Ok(self.run.ask("count the rows that go", &query).await.ok().map(|row| gone(&row)))
    }

    /// Makes what changes, and exchanges it.
    async fn exchange(
        &self,
        latest: &Latest,
        forgotten: InForce,
        clock: Instant,
    ) -> Result<Erased, WarehouseError> {
        let run = self.run;
        let (job, steps) = (run.job, run.steps());
        let mut facts = Facts::of_erasure(job.target.dialect.time(DateTime::UNIX_EPOCH));
        run.make_step(&steps, "forget_staged", &facts).await?;
        let row = run.ask("count the rows that go", &steps.count_forgotten()).await?;
        let gone = gone(&row);
        let mut outcomes = Outcomes {
            mode: RunDetail::forget(gone.rows()),
            cursor: latest.cursor.clone(),
            accounting: latest.accounting,
            audited: None,
            forgotten,
        };
        let kept: Vec<&str> =
            run.plan.kept().filter(|model| model.kind == Kind::Table).map(|model| model.name).collect();
        let mut exchange = Vec::new();
        let mut made = vec!["forget_staged"];
        if gone.rows() > 0 {
            run.make_what_follows(&steps, &mut facts).await?;
            run.check_rows().await?;
            made = STEPS_OF_ERASURE.to_vec();
            outcomes.accounting =
                account_for_increment(job, &steps.accounting(&facts)?, latest.accounting).await?;
            exchange = steps.exchange(&kept, &facts)?;
        }
        job.stop.check()?;
        let InForce { digest, rows } = &outcomes.forgotten;
        let row = run.published_row(latest, &outcomes);
        let mut together = run.plan.record(job.target.publishing, &row, *rows);
        together.push(steps.note(latest.sequence_number, digest.as_deref().unwrap_or_default()));
        let first = together.len();
        let exchanged = exchange.len();
        together.extend(exchange);
        together.extend(steps.empty(&made));
        write_statements(job, "forget_exchange", &together)?;
        let done = run.show_together(&together).await?;
        run.clean(outcomes.mode.mode).await;
        let tables = steps.tables_exchanged(&kept);
        let changed = if exchanged == 0 { Vec::new() } else { changes(&tables, &done[first..][..exchanged]) };
        Ok(Erased {
            run_id: run.id.clone(),
            gone: Some(gone),
            changed,
            rebuilt: None,
            seconds: clock.elapsed().as_secs_f64(),
        })
    }
}

pub(super) fn gone(row: &ResultRow) -> Gone {
    let count = |place: usize| row.integer(place).unwrap_or(0);
    Gone { tracks: count(0), duplicates: count(1), rejected: count(2), evidence: count(3) }
}

/// What the statements of an exchange did: a delete for each table, then an insert for each.
fn changes(tables: &[&'static str], outcomes: &[Outcome]) -> Vec<Changed> {
    let (deletes, inserts) = outcomes.split_at(outcomes.len() / 2);
    let both = deletes.iter().zip(inserts);
    let changed = tables.iter().zip(both).map(|(table, (deleted, inserted))| Changed {
        table,
        deleted: deleted.rows,
        inserted: inserted.rows,
    });
    changed.collect()
}
