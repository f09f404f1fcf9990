//! What every timeout would make of the same events.

use crate::figures::{CurvePoint, Gaps, Selection};
use crate::tables::{Tables, TablesError};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};
use serde::Serialize;
use std::sync::Arc;
use tracklet_native::manifest::RecordedRules;

/// How many sessions the chosen events give with each timeout.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuning {
    /// The event that is looked at; `None` for all.
    pub event: Option<String>,
    /// How many events were looked at.
    pub events: u64,
    /// The timeout that the tables have.
    pub configured: Configured,
    /// Every timeout of whole minutes, from 1.
    pub curve: Vec<CurvePoint>,
    /// Events by the whole minutes since the visitor's event before, from 0, and then all longer ones. A gap is as long as
    /// the shortest timeout that bridges it.
    pub gaps: Vec<u64>,
}

/// The timeout that the tables have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Configured {
    /// In minutes, with a fraction when the boundary is exact.
    pub minutes: f64,
    /// Sessions that open among the events looked at.
    pub sessions: u64,
}

impl Tuning {
    /// Looks at the chosen sessions; with `event`, at events of this name alone: a session is then one that opens with it.
    ///
    /// Gaps count also where the event at their other end is in a session that is not chosen.
    /// # Errors
    /// What the tables say.
    /// # Cost
    /// Two queries: one pass over the events, and a count of those that open a session.
    pub fn of(
        tables: &dyn Tables,
        rules: &RecordedRules,
        selection: &Selection,
        event: Option<&str>,
    ) -> Result<Self, TablesError> {
        let gaps = Gaps::of(tables, selection, rules, event)?;
        let dialect = tables.dialect();
        let named = event.map_or_else(String::new, |event| format!(" and event = {}", dialect.text(event)));
        let opened = tables.ask(&format!(
            "select count(*) as sessions from {} where track_sequence_number = 1 and {}{named}",
            dialect.table("dbt_track_facts"),
            selection.condition(&dialect),
        ))?;
        let sessions = opened.first().map_or(Ok(0), |row| row.count(0))?;
        Ok(Self {
            event: event.map(str::to_owned),
            events: gaps.events(),
            configured: Configured { minutes: rules.timeout_micros.get() as f64 / 60e6, sessions },
            curve: gaps.curve(),
            gaps: gaps.histogram().to_vec(),
        })
    }
}

impl Tuning {
    /// The curve as rows to print: `timeout` (minutes), `sessions`, `events_per_session` (null without sessions; for one event
    /// the events of this name for each session that opens with it), `one_event_sessions`, and `gaps`: events that are this
    /// many minutes after the visitor's event before.
    pub fn rows(&self) -> RecordBatch {
        let points = || self.curve.iter();
        let each =
            |point: &CurvePoint| (point.sessions > 0).then(|| self.events as f64 / point.sessions as f64);
        let columns: [(&str, ArrayRef, bool); 5] = [
            ("timeout", Arc::new(UInt64Array::from_iter_values(points().map(|point| point.timeout))), false),
            (
                "sessions",
                Arc::new(UInt64Array::from_iter_values(points().map(|point| point.sessions))),
                false,
            ),
            ("events_per_session", Arc::new(points().map(each).collect::<Float64Array>()), true),
            (
                "one_event_sessions",
                Arc::new(UInt64Array::from_iter_values(points().map(|point| point.one_event_sessions))),
                false,
            ),
            (
                "gaps",
                Arc::new(UInt64Array::from_iter_values(
                    points().map(|point| self.gaps[point.timeout as usize]),
                )),
                false,
            ),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).expect("the columns have one value a timeout")
    }
}
