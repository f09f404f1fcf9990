//! How long sessions are, and whose are the longest.

use crate::figures::{Distribution, Quantile, Selection};
use crate::tables::{Tables, TablesError};
use serde::Serialize;

/// Where bins of minutes start: narrow where most sessions are.
const MINUTES: [i64; 15] = [0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 120, 240, 480];
/// Where bins of events start.
const EVENTS: [i64; 15] = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500];
/// How many visitors the list has.
const TOP_USERS: usize = 20;

/// How many sessions have each value of a figure, and the quantiles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// The least value of each bin; the last has no end.
    pub starts: Vec<i64>,
    /// Sessions of each bin.
    pub counts: Vec<u64>,
    /// `None` without sessions.
    pub quantiles: Option<Quantile>,
}

/// A visitor of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopUser {
    /// The visitor.
    pub visitor: String,
    /// The mean of the visitor's session durations, in minutes.
    pub average: f64,
    /// How many sessions that is.
    pub sessions: u64,
}

/// By whole minutes.
pub(super) fn durations(tables: &dyn Tables, selection: &Selection) -> Result<Histogram, TablesError> {
    let dialect = tables.dialect();
    let counts = counts(
        tables,
        &format!(
            "select session_duration, count(*) as sessions from {} where {} \
             group by session_duration order by session_duration",
            dialect.table("dbt_session_duration"),
            selection.condition(&dialect),
        ),
    )?;
    Ok(histogram(&Distribution::new(counts), &MINUTES))
}

/// By events. A session reaches every number up to its last event's, so that counting tracks by their number is enough.
pub(super) fn lengths(tables: &dyn Tables, selection: &Selection) -> Result<Histogram, TablesError> {
    let dialect = tables.dialect();
    let reached = counts(
        tables,
        &format!(
            "select track_sequence_number, count(*) as sessions from {} where {} \
             group by track_sequence_number order by track_sequence_number",
            dialect.table("dbt_track_facts"),
            selection.condition(&dialect),
        ),
    )?;
    Ok(histogram(&Distribution::of_reached(&reached), &EVENTS))
}

/// The analysis of the contract, of the chosen sessions.
pub(super) fn top_users(tables: &dyn Tables, selection: &Selection) -> Result<Vec<TopUser>, TablesError> {
    let dialect = tables.dialect();
    let double = dialect.double();
    let answer = tables.ask(&format!(
        "select dbt_visitor_id, cast(sum(session_duration) as {double}) / cast(count(*) as {double}) as average, \
         count(*) as sessions from {} where {} group by dbt_visitor_id \
         order by average desc, dbt_visitor_id limit {TOP_USERS}",
        dialect.table("dbt_session_duration"),
        selection.condition(&dialect),
    ))?;
    let user = |row: crate::tables::AnswerRow| {
        Ok(TopUser { visitor: row.word(0)?, average: row.double(1)?.unwrap_or(0.0), sessions: row.count(2)? })
    };
    answer.rows().map(user).collect()
}

fn counts(tables: &dyn Tables, sql: &str) -> Result<Vec<(i64, u64)>, TablesError> {
    tables.ask(sql)?.rows().map(|row| Ok((row.number(0)?.unwrap_or(0), row.count(1)?))).collect()
}

fn histogram(distribution: &Distribution, starts: &[i64]) -> Histogram {
    Histogram {
        starts: starts.to_vec(),
        counts: distribution.bins(starts),
        quantiles: distribution.quantiles(),
    }
}
