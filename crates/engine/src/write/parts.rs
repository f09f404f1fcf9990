//! Which part of a table a session belongs to: its year, or month, or day, so that no part grows beyond reason.

use chrono::{DateTime, Datelike};
use std::collections::BTreeMap;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::Run;

/// Tracks over which a year is cut into months, and such a month into days.
pub const TRACKS_OF_A_PART: u64 = 1_000_000;
/// Rows of a row group.
pub const ROWS_OF_A_GROUP: usize = 1 << 17;

/// A part: the sessions that start in one stretch of UTC time.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// `2026`, `2026-03` or `2026-03-14`.
    pub name: String,
    /// Its sessions, in order.
    pub sessions: Vec<u32>,
}

/// A UTC day as (year, month, day).
type Day = (i32, u32, u32);

/// All sessions, cut into parts in the order of time. `tracks_of_a_part` is [`TRACKS_OF_A_PART`] but in tests.
pub fn parts(sessionized: &Sessionized, tracks_of_a_part: u64) -> Vec<Part> {
    let days: Vec<Day> =
        (0..sessionized.session_count()).map(|session| day(sessionized.session_start(session))).collect();
    let mut of_year: BTreeMap<i32, u64> = BTreeMap::new();
    let mut of_month: BTreeMap<(i32, u32), u64> = BTreeMap::new();
    for (session, (year, month, _)) in days.iter().enumerate() {
        let tracks = sessionized.session_places(session).len() as u64;
        *of_year.entry(*year).or_default() += tracks;
        *of_month.entry((*year, *month)).or_default() += tracks;
    }
    // Zero stands for "all": it comes before every month and day.
    let mut parts: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
    for (session, (year, month, day)) in days.into_iter().enumerate() {
        let key = if of_year[&year] <= tracks_of_a_part {
            (year, 0, 0)
        } else if of_month[&(year, month)] <= tracks_of_a_part {
            (year, month, 0)
        } else {
            (year, month, day)
        };
        parts.entry(key).or_default().push(session as u32);
    }
    parts.into_iter().map(|(key, sessions)| Part { name: name(key), sessions }).collect()
}

fn day(micros: i64) -> Day {
    let date = DateTime::from_timestamp_micros(micros).expect("tracks are within years 1970 to 2262");
    (date.year(), date.month(), date.day())
}

fn name(key: Day) -> String {
    match key {
        (year, 0, _) => format!("{year:04}"),
        (year, month, 0) => format!("{year:04}-{month:02}"),
        (year, month, day) => format!("{year:04}-{month:02}-{day:02}"),
    }
}

/// The tracks of a part, cut into row groups by row count alone.
pub fn row_groups(sessionized: &Sessionized, part: &Part, rows_of_a_group: usize) -> Vec<Vec<Run>> {
    let mut groups = vec![Vec::new()];
    let mut room = rows_of_a_group;
    for session in &part.sessions {
        let session = *session as usize;
        let mut places = sessionized.session_places(session);
        while !places.is_empty() {
            if room == 0 {
                groups.push(Vec::new());
                room = rows_of_a_group;
            }
            let taken = places.start..places.end.min(places.start + room);
            places.start = taken.end;
            room -= taken.len();
            groups.last_mut().expect("there is one from the start").push(Run { session, places: taken });
        }
    }
    groups
}
