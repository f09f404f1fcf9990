//! Tables that change one by one, each at once: where a warehouse has no transaction over all of them, and later runs still
//! build on what is there.
//!
//! ```text
//! the run's row as `running`, with the next number -> has another run that number? -> the tables, one after the other ->
//!   has another run a later number? -> the row as `published`
//! ```
//!
//! A run that is cut off anywhere after the first step leaves a row that is not `published` as the latest, and the next run
//! takes all rows. It changes nothing itself that it would have to take back.

use super::Run;
use crate::WarehouseError;
use crate::row::ResultRow;
use crate::sql::plan::Step;
use crate::sql::runs::{self, CONFLICT, RunRow};
use crate::targets::TargetError;
use chrono::Utc;

impl Run<'_> {
    /// Takes the steps that show the tables to readers, between the two changes of the run's row. `row` is what it says in
    /// the end.
    pub(super) async fn one_by_one(&self, row: RunRow, steps: Vec<Step>) -> Result<(), WarehouseError> {
        let number = row.sequence_number.unwrap_or(0);
        // A row that can't be said to be there or not is taken to be there; without a number it counts for nothing.
        self.note(RunRow { sequence_number: None, ..row.clone() });
        let running = RunRow { status: runs::RUNNING, ..row.clone() };
        let names = &self.job.target.names;
        self.show(Step::Alone(runs::insert(names, &running))).await?;
        let (with_number, highest) = self.numbers(number).await?;
        if with_number > 1 || highest > number {
            return Err(conflict());
        }
        self.note(row.clone());
        for step in steps {
            self.show(step).await?;
        }
        let (_, highest) = self.numbers(number).await?;
        if highest > number {
            // The tables may be some of this run and some of the other: the next run must not build on either.
            self.note(RunRow { sequence_number: Some(highest + 1), ..row });
            return Err(conflict());
        }
        let settled = runs::settle(names, &RunRow { finished_at: Utc::now(), ..row });
        self.show(Step::Alone(settled)).await
    }

    /// How many runs have this number, and the highest that one has.
    async fn numbers(&self, number: u64) -> Result<(u64, u64), WarehouseError> {
        let query = runs::numbers(&self.job.target.names, number);
        let row = ResultRow::first(self.job, "see whether another run has published", &query).await?;
        let at = |place| row.as_ref().and_then(|row: &ResultRow| row.integer(place)).unwrap_or(0);
        Ok((at(0), at(1)))
    }

    /// The row to change if the run fails.
    pub(super) fn noted(&self) -> Option<RunRow> {
        self.noted.lock().expect("nothing panics while it is held").clone()
    }

    fn note(&self, row: RunRow) {
        *self.noted.lock().expect("nothing panics while it is held") = Some(row);
    }
}

fn conflict() -> WarehouseError {
    WarehouseError::Statement {
        what: "show the new tables to readers".to_owned(),
        source: TargetError::Conflict { message: CONFLICT.to_owned() },
    }
}

/// The row of a run that fails.
pub(super) fn failed(row: RunRow, message: String) -> RunRow {
    RunRow { status: runs::FAILED, finished_at: Utc::now(), message: Some(message), ..row }
}
