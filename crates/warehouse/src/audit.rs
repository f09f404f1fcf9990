//! What a run by load times alone can't see: the source compared with what was made into sessions.

use super::row::ResultRow;
use super::{Job, WarehouseError};
use crate::sql::Renderer;
use crate::sql::plan::Plan;

/// A day on which the source has other rows than those that runs have seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferentDay {
    /// The UTC day of `received_at`; `none` for rows without one.
    pub received_on: String,
    /// How many rows the source has.
    pub rows_in_source: u64,
    /// How many rows were seen before this run.
    pub rows_seen: u64,
}

/// The days that differ, in order. Reads the source and `tracklet_staged` whole.
pub(super) async fn different_days(
    job: &Job<'_>,
    renderer: &Renderer,
    plan: &Plan,
) -> Result<Vec<DifferentDay>, WarehouseError> {
    let query = renderer.render("tracklet_audit", plan.published())?.sql;
    let rows = ResultRow::all(job, "compare the source with what was made into sessions", &query).await?;
    let day = |row: &ResultRow| DifferentDay {
        received_on: row.text(0).unwrap_or_default(),
        rows_in_source: row.integer(1).unwrap_or(0),
        rows_seen: row.integer(2).unwrap_or(0),
    };
    Ok(rows.iter().map(day).collect())
}
