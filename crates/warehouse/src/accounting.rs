//! Where the rows of a run went.

use super::row::ResultRow;
use super::{Job, WarehouseError};
use crate::sql::plan::{self, Plan};
use crate::sql::runs::Accounting;

/// What the queries here are for.
const COUNT: &str = "count the rows";

/// Counts the rows of the staging tables of a run.
///
/// # Errors
/// [`WarehouseError::Lost`] when they don't add up.
pub(super) async fn account(job: &Job<'_>, plan: &Plan) -> Result<Accounting, WarehouseError> {
    let row = ResultRow::first(job, COUNT, &plan::accounting(plan)).await?;
    let number = |place: usize| row.as_ref().and_then(|row| row.integer(place));
    let counted = Accounting {
        rows_read: number(0),
        sessionized: number(1),
        duplicates: number(2),
        rejected: number(3),
        sessions: number(4),
        visitors: number(5),
        evidence: number(6),
    };
    checked(counted)
}

/// What the counts of the latest run become by an increment.
///
/// # Errors
/// [`WarehouseError::Lost`] when they don't add up.
pub(super) async fn account_for_increment(
    job: &Job<'_>,
    query: &str,
    latest: Accounting,
) -> Result<Accounting, WarehouseError> {
    let row = ResultRow::first(job, COUNT, query).await?;
    let then = |before: Option<u64>, place: usize| {
        let row = row.as_ref()?;
        (before? + row.integer(2 * place)?).checked_sub(row.integer(2 * place + 1)?)
    };
    let counted = Accounting {
        rows_read: then(latest.rows_read, 0),
        sessionized: then(latest.sessionized, 1),
        duplicates: then(latest.duplicates, 2),
        rejected: then(latest.rejected, 3),
        sessions: then(latest.sessions, 4),
        visitors: then(latest.visitors, 5),
        evidence: then(latest.evidence.or(Some(0)), 6),
    };
    // What is not known would be no proof.
    if counted.visitors.and(counted.sessions).and(counted.places()).is_none() {
        return Err(lost(counted));
    }
    checked(counted)
}

fn checked(counted: Accounting) -> Result<Accounting, WarehouseError> {
    if counted.adds_up() {
        return Ok(counted);
    }
    Err(lost(counted))
}

fn lost(counted: Accounting) -> WarehouseError {
    WarehouseError::Lost {
        read: counted.rows_read.unwrap_or(0),
        sessionized: counted.sessionized.unwrap_or(0),
        evidence: counted.evidence.unwrap_or(0),
        duplicates: counted.duplicates.unwrap_or(0),
        rejected: counted.rejected.unwrap_or(0),
    }
}
