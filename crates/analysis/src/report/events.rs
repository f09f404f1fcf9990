//! Which events happen, and which open and end sessions.

use super::Totals;
use crate::figures::{Selection, windowed};
use crate::tables::{Tables, TablesError};
use serde::Serialize;

/// How many events the page names by how often they happen.
const MOST_FREQUENT: usize = 30;
/// How many more it names for the sessions that they open or end.
const ENDS: usize = 15;

/// Events by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Events {
    /// Distinct names.
    pub names: u64,
    /// Events that are frequent, or often open or end a session; the most frequent first.
    pub named: Vec<EventFigures>,
    /// The sum of all other events; the name is `None`.
    pub others: EventFigures,
}

/// How often an event happens, and how often it opens or ends a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventFigures {
    /// The event's name; `None` for events without one.
    pub name: Option<String>,
    /// How often the event happens.
    pub events: u64,
    /// Sessions that it opens.
    pub entries: u64,
    /// Sessions that it ends.
    pub exits: u64,
}

impl Events {
    pub(super) fn of(
        tables: &dyn Tables,
        selection: &Selection,
        totals: &Totals,
    ) -> Result<Self, TablesError> {
        let dialect = tables.dialect();
        let counted = format!(
            "(select event, count(*) as events, \
             cast(sum(case when number = 1 then 1 else 0 end) as {integer}) as entries, \
             cast(sum(is_exit) as {integer}) as exits from {} group by event) counted",
            windowed(&dialect, selection, "dbt_track_facts", &[]),
            integer = dialect.integer(),
        );
        let rank = |by: &str| format!("row_number() over (order by {by} desc, event nulls last) as by_{by}");
        let answer = tables.ask(&format!(
            "select event, events, entries, exits, names from (\
             select event, events, entries, exits, count(*) over () as names, {}, {}, {} from {counted}) ranked \
             where by_events <= {MOST_FREQUENT} or by_entries <= {ENDS} or by_exits <= {ENDS} \
             order by events desc, event nulls last",
            rank("events"),
            rank("entries"),
            rank("exits"),
        ))?;
        let mut distinct = 0;
        let mut named = Vec::new();
        for row in answer.rows() {
            named.push(EventFigures {
                name: row.text(0)?.map(str::to_owned),
                events: row.count(1)?,
                entries: row.count(2)?,
                exits: row.count(3)?,
            });
            distinct = row.count(4)?;
        }
        let rest = |all: u64, of: fn(&EventFigures) -> u64| all - named.iter().map(of).sum::<u64>().min(all);
        let others = EventFigures {
            name: None,
            events: rest(totals.events, |event| event.events),
            entries: rest(totals.sessions, |event| event.entries),
            exits: rest(totals.sessions, |event| event.exits),
        };
        Ok(Self { names: distinct, named, others })
    }
}
