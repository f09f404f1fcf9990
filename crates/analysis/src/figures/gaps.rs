//! Sessions as a function of the timeout, from one pass over the gaps.

use super::{Selection, windowed};
use crate::tables::{Tables, TablesError};
use serde::Serialize;
use tracklet_kernel::rules::{MICROS_PER_MINUTE, Timeout};
use tracklet_native::manifest::RecordedRules;

/// The longest timeout that is looked at, in minutes.
pub const MOST_MINUTES: usize = 240;
/// The place of all gaps that no timeout here bridges.
const LONGER: usize = MOST_MINUTES + 1;
/// The place of events without a neighbor.
const NONE: usize = LONGER + 1;
const PLACES: usize = NONE + 1;

/// The gaps between events, by minutes.
///
/// A gap's place is the shortest timeout that bridges it: whole minutes, cut when the boundary is `whole_minutes` and
/// rounded up when it is `exact`. An event opens a session when the gap before it has a place over the timeout, and is a
/// session by itself when also the gap after it has.
#[derive(Debug, Clone)]
pub struct Gaps {
    /// Events by the place of the gap before.
    before: [u64; PLACES],
    /// Events by the lesser of the places of both gaps.
    lesser: [u64; PLACES],
    events: u64,
}

/// How many sessions a timeout gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The timeout in minutes.
    pub timeout: u64,
    /// Sessions that open among the events looked at.
    pub sessions: u64,
    /// How many of these sessions have one event.
    pub one_event_sessions: u64,
}

impl Gaps {
    /// The gaps of the chosen events of tables with these rules; with `event`, those of events with this name alone.
    ///
    /// # Errors
    /// What the tables say.
    /// # Cost
    /// One query, one pass over the events.
    pub fn of(
        tables: &dyn Tables,
        selection: &Selection,
        rules: &RecordedRules,
        event: Option<&str>,
    ) -> Result<Self, TablesError> {
        let dialect = tables.dialect();
        let place = |gap: &str| {
            let (minutes, longer) = match rules.timeout() {
                Timeout::WholeMinutes(_) => {
                    let longest = LONGER as i64 * MICROS_PER_MINUTE;
                    (dialect.divided(gap, MICROS_PER_MINUTE), format!("{gap} >= {longest}"))
                }
                Timeout::Exact(_) => {
                    let longest = MOST_MINUTES as i64 * MICROS_PER_MINUTE;
                    let up = format!("{gap} + {}", MICROS_PER_MINUTE - 1);
                    (dialect.divided(&up, MICROS_PER_MINUTE), format!("{gap} > {longest}"))
                }
            };
            format!("case when {gap} is null then {NONE} when {longer} then {LONGER} else {minutes} end")
        };
        let named = event.map_or_else(String::new, |event| format!(" where event = {}", dialect.text(event)));
        let answer = tables.ask(&format!(
            "select before_place, after_place, count(*) as events from (\
             select {before} as before_place, {after} as after_place from {windowed}{named}) places \
             group by before_place, after_place",
            before = place("gap_before"),
            after = place("gap_after"),
            windowed = windowed(&dialect, selection, "dbt_track_facts", &[]),
        ))?;
        let mut gaps = Self { before: [0; PLACES], lesser: [0; PLACES], events: 0 };
        for row in answer.rows() {
            let (before, after, events) = (row.count(0)? as usize, row.count(1)? as usize, row.count(2)?);
            gaps.before[before] += events;
            gaps.lesser[before.min(after)] += events;
            gaps.events += events;
        }
        Ok(gaps)
    }

    /// How many events were looked at.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many sessions each timeout gives, from 1 minute to [`MOST_MINUTES`].
    pub fn curve(&self) -> Vec<CurvePoint> {
        let over = |places: &[u64; PLACES], timeout: usize| places[timeout + 1..].iter().sum();
        (1..=MOST_MINUTES)
            .map(|timeout| CurvePoint {
                timeout: timeout as u64,
                sessions: over(&self.before, timeout),
                one_event_sessions: over(&self.lesser, timeout),
            })
            .collect()
    }

    /// How many gaps have each place from 0 to [`MOST_MINUTES`], and then all longer ones.
    pub fn histogram(&self) -> &[u64] {
        &self.before[..=LONGER]
    }
}
