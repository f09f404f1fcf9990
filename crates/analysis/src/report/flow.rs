//! How sessions go on from their first event.

use super::Events;
use crate::figures::{Selection, windowed};
use crate::tables::{QueryDialect, Tables, TablesError};
use serde::Serialize;

/// The steps that are looked at, the first event included.
const STEPS: usize = 5;
/// How many events have a node of their own in each step.
const NAMES: usize = 16;
/// How many of these are chosen for the sessions that they open.
const ENTRIES: usize = 8;
/// How many paths from one first event the page lists, and how many in all.
const PATHS_OF_A_START: usize = 15;
const PATHS: usize = 300;
/// The places of events without a node of their own, and of events without a name, before the named ones.
const OTHERS: usize = 0;
const NAMELESS: usize = 1;
/// The place of what follows a session's last event.
const END: i64 = -1;

/// The first steps of sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// How many steps the tables show, at most five.
    pub steps: usize,
    /// The names of places from 2 on; 0 is all other events, 1 events without a name.
    pub names: Vec<String>,
    /// How many sessions go from one place to the next.
    pub links: Vec<Link>,
    /// The most frequent paths, most frequent first.
    pub paths: Vec<Path>,
}

/// Sessions that go from one event to the next: (place of the first event of the session, step from 1, place, place of the
/// next event or -1 where the session ends, sessions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Link(pub u64, pub u64, pub u64, pub i64, pub u64);

/// The first events of sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Path {
    /// The names of the first events, `None` for an event without one; shorter than the steps when the sessions end here.
    pub events: Vec<Option<String>>,
    /// How many sessions begin so.
    pub sessions: u64,
}

impl Flow {
    pub(super) fn of(
        tables: &dyn Tables,
        selection: &Selection,
        events: &Events,
    ) -> Result<Self, TablesError> {
        let dialect = tables.dialect();
        let there = tables.columns("dbt_tracks_flow")?;
        let following: Vec<String> =
            (2..=STEPS).map(|step| format!("event_{step}")).take_while(|name| there.contains(name)).collect();
        let names = places(events);
        let windowed = windowed(&dialect, selection, "dbt_tracks_flow", &following);
        let first = format!("{windowed} where number = 1");
        let columns: Vec<&str> =
            std::iter::once("event").chain(following.iter().map(String::as_str)).collect();
        Ok(Self {
            steps: columns.len(),
            links: links(tables, &dialect, &columns, &first, &names)?,
            paths: paths(tables, &columns, &first)?,
            names,
        })
    }
}

/// The events with a node of their own: those that open many sessions, then the most frequent.
fn places(events: &Events) -> Vec<String> {
    let mut entries: Vec<_> = events.named.iter().filter(|event| event.entries > 0).collect();
    entries.sort_by_key(|event| std::cmp::Reverse(event.entries));
    let mut names: Vec<String> = Vec::new();
    for event in entries.into_iter().take(ENTRIES).chain(&events.named) {
        if let Some(name) = &event.name
            && names.len() < NAMES
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    names
}

fn links(
    tables: &dyn Tables,
    dialect: &QueryDialect,
    columns: &[&str],
    first: &str,
    names: &[String],
) -> Result<Vec<Link>, TablesError> {
    if columns.len() < 2 {
        return Ok(Vec::new());
    }
    let place = |column: &str| {
        let cases: String = (NAMELESS + 1..)
            .zip(names)
            .map(|(place, name)| format!(" when {column} = {} then {place}", dialect.text(name)))
            .collect();
        format!("case when {column} is null then {NAMELESS}{cases} else {OTHERS} end")
    };
    let placed: Vec<String> =
        (1..).zip(columns).map(|(step, column)| format!("{} as place_{step}", place(column))).collect();
    let grouped: Vec<String> = (1..=columns.len()).map(|step| format!("place_{step}")).collect();
    let grouped = grouped.join(", ");
    // One pass: every path is looked at once for each of its steps.
    let steps: Vec<String> = (1..columns.len()).map(|step| format!("select {step} as step")).collect();
    let from: String = (1..columns.len()).map(|step| format!(" when {step} then place_{step}")).collect();
    let to: String = (1..columns.len()).map(|step| format!(" when {step} then place_{}", step + 1)).collect();
    let answer = tables.ask(&format!(
        "select start_place, step, from_place, to_place, cast(sum(sessions) as {integer}) as sessions from (\
         select place_1 as start_place, step, case step{from} end as from_place, \
         case when steps_after >= step then case step{to} end else {END} end as to_place, sessions \
         from (select {grouped}, steps_after, count(*) as sessions from (\
         select steps_after, {placed} from {first}) placed group by {grouped}, steps_after) paths \
         cross join ({steps}) steps where steps_after >= step - 1) links \
         group by start_place, step, from_place, to_place \
         order by start_place, step, from_place, to_place",
        placed = placed.join(", "),
        steps = steps.join(" union all "),
        integer = dialect.integer(),
    ))?;
    let link = |row: crate::tables::AnswerRow| {
        Ok(Link(row.count(0)?, row.count(1)?, row.count(2)?, row.number(3)?.unwrap_or(END), row.count(4)?))
    };
    answer.rows().map(link).collect()
}

fn paths(tables: &dyn Tables, columns: &[&str], first: &str) -> Result<Vec<Path>, TablesError> {
    let columns_after = columns.len() - 1;
    let list = columns.join(", ");
    // Engines put nulls at different ends when they are not told.
    let order: Vec<String> = columns.iter().map(|column| format!("{column} nulls last")).collect();
    let order = order.join(", ");
    let answer = tables.ask(&format!(
        "select steps, sessions, {list} from (\
         select steps, sessions, {list}, \
         row_number() over (partition by event order by sessions desc, {order}, steps) as place from (\
         select {list}, steps, count(*) as sessions from (\
         select {list}, case when steps_after > {columns_after} then {columns_after} else steps_after end as steps \
         from {first}) first_events group by {list}, steps) paths) ranked \
         where place <= {PATHS_OF_A_START} order by sessions desc, {order}, steps limit {PATHS}",
    ))?;
    let path = |row: crate::tables::AnswerRow| {
        let events = (0..=row.count(0)? as usize).map(|step| Ok(row.text(2 + step)?.map(str::to_owned)));
        Ok(Path { events: events.collect::<Result<_, TablesError>>()?, sessions: row.count(1)? })
    };
    answer.rows().map(path).collect()
}
