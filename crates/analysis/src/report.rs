//! `tracklet report`: one HTML page that shows a run, made of figures that the tables are asked for.
//!
//! ```text
//! manifest + tables --queries--> Report (figures alone) --page--> one file
//! ```
//! Whatever the number of events, the page holds only what it draws.

mod activity;
mod events;
mod flow;
mod models;
mod page;
mod run_facts;
mod sessions;
mod warnings;

pub use activity::{Activity, Day};
pub use events::{EventFigures, Events};
pub use flow::{Flow, Link, Path};
pub(crate) use models::models;
pub use models::{Model, ModelColumn};
pub use run_facts::{RejectExample, RejectReason, RunFacts};
pub use sessions::{Histogram, TopUser};
pub use warnings::Warning;

use crate::figures::{Selection, Zone};
use crate::tables::{Tables, TablesError};
use crate::tune::Tuning;
use serde::Serialize;
use tracklet_native::manifest::{Manifest, RecordedRules};

/// All figures of the HTML report.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The title of the page.
    pub title: String,
    /// The run and where its rows went, whatever is chosen.
    pub run: RunFacts,
    /// The conditions on the sessions, as written on the command line; empty if all sessions are chosen.
    pub chosen: Vec<String>,
    /// The name of the time zone of days and hours.
    pub time_zone: String,
    /// Events, sessions and visitors of the selection.
    pub totals: Totals,
    /// Findings that a person must look at.
    pub warnings: Vec<Warning>,
    /// Sessions and visitors by day, and by hour of the week.
    pub activity: Activity,
    /// Sessions by their length in whole minutes.
    pub durations: Histogram,
    /// Sessions by how many events they have.
    pub lengths: Histogram,
    /// How often each event happens, and opens and ends sessions.
    pub events: Events,
    /// The visitors with the longest sessions on average.
    pub top_users: Vec<TopUser>,
    /// The steps that sessions take after their first event.
    pub flow: Flow,
    /// Sessions as a function of the timeout.
    pub tuning: Tuning,
    /// The tables, where they come from and what is in them.
    pub models: Vec<Model>,
}

/// How many events, sessions and visitors were chosen, and when the sessions start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Events in the chosen sessions.
    pub events: u64,
    /// How many sessions were chosen.
    pub sessions: u64,
    /// Visitors who have the chosen sessions.
    pub visitors: u64,
    /// When the first one starts, microseconds since 1970; `None` without sessions.
    pub first: Option<i64>,
    /// When the last chosen session starts.
    pub last: Option<i64>,
}

/// What the report is asked to show.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The title of the page; `None` for the usual one.
    pub title: Option<String>,
    /// The sessions that the report shows.
    pub selection: Selection,
    /// The conditions on the sessions, as written on the command line.
    pub chosen: Vec<String>,
    /// The time zone of days and hours.
    pub zone: Zone,
}

impl Report {
    /// Asks the tables for all figures.
    ///
    /// # Errors
    /// What the tables say.
    /// # Cost
    /// About twenty queries. Those over tracks read a few columns each; four need them in the order of the files.
    pub fn of(
        tables: &dyn Tables,
        manifest: &Manifest,
        rules: &RecordedRules,
        request: &Request,
    ) -> Result<Self, TablesError> {
        let Request { title, selection, chosen, zone } = request;
        let totals = totals(tables, selection)?;
        let events = Events::of(tables, selection, &totals)?;
        let flow = Flow::of(tables, selection, &events)?;
        Ok(Self {
            title: title.clone().unwrap_or_else(|| "Sessions".to_owned()),
            run: RunFacts::of(tables, manifest, rules)?,
            chosen: chosen.clone(),
            time_zone: zone.name().to_owned(),
            warnings: warnings::warnings(tables, manifest, selection, &totals)?,
            activity: Activity::of(tables, selection, zone, &totals)?,
            durations: sessions::durations(tables, selection)?,
            lengths: sessions::lengths(tables, selection)?,
            top_users: sessions::top_users(tables, selection)?,
            tuning: Tuning::of(tables, rules, selection, None)?,
            models: models::models(manifest),
            totals,
            events,
            flow,
        })
    }

    /// The page, a whole HTML document that needs nothing else.
    pub fn page(&self) -> String {
        page::page(self)
    }
}

fn totals(tables: &dyn Tables, selection: &Selection) -> Result<Totals, TablesError> {
    let dialect = tables.dialect();
    let condition = selection.condition(&dialect);
    let start = dialect.micros("session_start_at");
    let answer = tables.ask(&format!(
        "select count(*) as sessions, count(distinct dbt_visitor_id) as visitors, \
         min({start}) as first_start, max({start}) as last_start from {} where {condition}",
        dialect.table("dbt_session_tracks"),
    ))?;
    let (sessions, visitors, first, last) = match answer.first() {
        Some(row) => (row.count(0)?, row.count(1)?, row.number(2)?, row.number(3)?),
        None => (0, 0, None, None),
    };
    let tracks = dialect.table("dbt_track_facts");
    let answer = tables.ask(&format!("select count(*) as events from {tracks} where {condition}"))?;
    let events = answer.first().map_or(Ok(0), |row| row.count(0))?;
    Ok(Totals { events, sessions, visitors, first, last })
}
