//! When people come: by day, and by hour of the week.

use super::Totals;
use crate::figures::{Selection, Zone};
use crate::tables::{Tables, TablesError};
use serde::Serialize;

const HOURS_OF_A_WEEK: i64 = 168;
/// From Thursday, on which 1970 began, to Monday.
const THURSDAY_FROM_MONDAY: usize = 3 * 24;
/// Days that a page can show; wild device clocks can span centuries.
const MOST_DAYS: usize = 1_100;

/// Sessions and events over time, in the time zone of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// The days with sessions, ascending: of more than 1,100 the 1,100 successive days with the most sessions.
    pub days: Vec<Day>,
    /// Sessions of days that are not among them.
    pub sessions_elsewhere: u64,
    /// Events by the hour of the week, from Monday 0:00.
    pub events_by_hour: Vec<u64>,
    /// Sessions by the hour of the week in which they start.
    pub sessions_by_hour: Vec<u64>,
}

/// Sessions and visitors of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Sessions that start.
    pub sessions: u64,
    /// Visitors whose first session starts on the day.
    pub new: u64,
    /// Visitors with a session that starts.
    pub visitors: u64,
}

impl Activity {
    pub(super) fn of(
        tables: &dyn Tables,
        selection: &Selection,
        zone: &Zone,
        totals: &Totals,
    ) -> Result<Self, TablesError> {
        let dialect = tables.dialect();
        let (first, last) = (totals.first.unwrap_or(0), totals.last.unwrap_or(0));
        let start = dialect.micros("session_start_at");
        let answer = tables.ask(&format!(
            "select start_day, count(*) as sessions, \
             cast(sum(case when session_sequence_number = 1 then 1 else 0 end) as {integer}) as new_sessions, \
             count(distinct dbt_visitor_id) as visitors \
             from (select {day} as start_day, session_sequence_number, dbt_visitor_id from {sessions} where {condition}) \
             session_days group by start_day order by start_day",
            day = zone.day(&dialect, &start, first, last),
            sessions = dialect.table("dbt_session_tracks"),
            condition = selection.condition(&dialect),
            integer = dialect.integer(),
        ))?;
        let days = answer
            .rows()
            .map(|row| {
                Ok(Day {
                    day: row.number(0)?.unwrap_or(0),
                    sessions: row.count(1)?,
                    new: row.count(2)?,
                    visitors: row.count(3)?,
                })
            })
            .collect::<Result<Vec<Day>, TablesError>>()?;
        let (days, sessions_elsewhere) = shown(&days);
        // A session goes on after its start: a day more is enough for any that is no accident, and a change of the clocks
        // later than that only shifts hours by one.
        let last_event = last.saturating_add(86_400_000_000);
        let by_hour = |table: &str, time: &str| -> Result<Vec<u64>, TablesError> {
            let hour = zone.hour(&dialect, &dialect.micros(time), first, last_event);
            let weeks = dialect.divided("clock_hour", HOURS_OF_A_WEEK);
            let answer = tables.ask(&format!(
                "select week_hour, count(*) as rows_of_hour from (\
                 select clock_hour - {HOURS_OF_A_WEEK} * ({weeks}) as week_hour from (\
                 select {hour} as clock_hour from {table} where {condition}) clock_hours) week_hours \
                 group by week_hour",
                table = dialect.table(table),
                condition = selection.condition(&dialect),
            ))?;
            let mut hours = vec![0; HOURS_OF_A_WEEK as usize];
            for row in answer.rows() {
                let hour = (row.count(0)? as usize + THURSDAY_FROM_MONDAY) % HOURS_OF_A_WEEK as usize;
                hours[hour] = row.count(1)?;
            }
            Ok(hours)
        };
        Ok(Self {
            days,
            sessions_elsewhere,
            events_by_hour: by_hour("dbt_track_facts", "timestamp")?,
            sessions_by_hour: by_hour("dbt_session_tracks", "session_start_at")?,
        })
    }
}

/// The [`MOST_DAYS`] successive days, or fewer, that have the most sessions, and how many sessions are outside.
fn shown(days: &[Day]) -> (Vec<Day>, u64) {
    let (mut best, mut most) = (0..0, 0);
    let (mut start, mut sessions) = (0, 0);
    for (end, day) in days.iter().enumerate() {
        sessions += day.sessions;
        while day.day - days[start].day >= MOST_DAYS as i64 {
            sessions -= days[start].sessions;
            start += 1;
        }
        if sessions > most {
            (best, most) = (start..end + 1, sessions);
        }
    }
    let all: u64 = days.iter().map(|day| day.sessions).sum();
    (days[best].to_vec(), all - most)
}

#[cfg(test)]
mod tests {
    use super::{Day, shown};

    #[test]
    fn a_wild_clock_does_not_squeeze_the_days_that_count() {
        let day = |day, sessions| Day { day, sessions, new: 0, visitors: sessions };
        let (days, elsewhere) = shown(&[day(0, 1), day(20_000, 5), day(20_001, 6), day(90_000, 2)]);
        assert_eq!(days, [day(20_000, 5), day(20_001, 6)]);
        assert_eq!(elsewhere, 3);
        assert_eq!(shown(&[]), (vec![], 0));
    }
}
