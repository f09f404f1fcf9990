//! Which part of a table a session belongs to: its year, or month, or day, so that no part grows beyond reason.

use chrono::{DateTime, Datelike};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::TrackRun;
use tracklet_kernel::time::{MICROS_OF_A_DAY, day};

/// Tracks over which a year is cut into months, and such a month into days.
pub const TRACKS_OF_A_PART: u64 = 1_000_000;
/// Rows of a row group.
pub const ROWS_OF_A_GROUP: usize = 1 << 17;

/// The UTC time whose sessions a part holds: a year, a month or a day. Displayed as `2026`, `2026-03` or `2026-03-14`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartKey {
    year: i32,
    /// 0 for the whole year, so that it comes before the months.
    month: u32,
    /// 0 for the whole month.
    day: u32,
}

impl PartKey {
    /// The day of a time in microseconds.
    pub fn day_of(micros: i64) -> Self {
        date(day(micros))
    }

    /// Whether some time is in both parts.
    pub fn overlaps(self, other: Self) -> bool {
        let same = |a, b| a == 0 || b == 0 || a == b;
        self.year == other.year && same(self.month, other.month) && same(self.day, other.day)
    }
}

impl fmt::Display for PartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        for part in [self.month, self.day].into_iter().take_while(|part| *part > 0) {
            write!(f, "-{part:02}")?;
        }
        Ok(())
    }
}

/// The number of tracks of the sessions that start on each day since 1970.
#[derive(Debug, Clone)]
pub struct TracksOfDays(Vec<u64>);

impl TracksOfDays {
    /// The tracks of each day of these sessions, which are given by start in microseconds and number of tracks.
    pub fn of(sessions: impl Iterator<Item = (i64, u64)>) -> Self {
        let mut of_days = Self(Vec::new());
        of_days.add(sessions);
        of_days
    }

    /// Adds those of more sessions.
    pub fn add(&mut self, sessions: impl Iterator<Item = (i64, u64)>) {
        let Self(of_days) = self;
        sessions.for_each(|(start, tracks)| {
            let day = day(start);
            if of_days.len() <= day {
                of_days.resize(day + 1, 0);
            }
            of_days[day] += tracks;
        });
    }

    /// Takes those of some of the sessions away.
    pub fn remove(&mut self, sessions: impl Iterator<Item = (i64, u64)>) {
        sessions.for_each(|(start, tracks)| self.0[day(start)] -= tracks);
    }
}

/// How time is cut into parts: a function of when the sessions start and how many tracks they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// By day since 1970: its part, where a session starts on it.
    days: Vec<Option<PartKey>>,
}

impl Cut {
    /// The cut for these sessions, by their starts in microseconds and their tracks. `tracks_of_a_part` is
    /// [`TRACKS_OF_A_PART`] but in tests.
    pub fn new(sessions: impl Iterator<Item = (i64, u64)>, tracks_of_a_part: u64) -> Self {
        Self::of(&TracksOfDays::of(sessions), tracks_of_a_part)
    }

    /// The cut where so many tracks are in the sessions of each day.
    pub fn of(TracksOfDays(tracks_of_day): &TracksOfDays, tracks_of_a_part: u64) -> Self {
        let dates: Vec<Option<PartKey>> =
            tracks_of_day.iter().enumerate().map(|(day, tracks)| (*tracks > 0).then(|| date(day))).collect();
        let mut of_year: BTreeMap<i32, u64> = BTreeMap::new();
        let mut of_month: BTreeMap<(i32, u32), u64> = BTreeMap::new();
        for (date, tracks) in dates.iter().zip(tracks_of_day) {
            if let Some(date) = date {
                *of_year.entry(date.year).or_default() += tracks;
                *of_month.entry((date.year, date.month)).or_default() += tracks;
            }
        }
        let part = |date: PartKey| {
            if of_year[&date.year] <= tracks_of_a_part {
                PartKey { month: 0, day: 0, ..date }
            } else if of_month[&(date.year, date.month)] <= tracks_of_a_part {
                PartKey { day: 0, ..date }
            } else {
                date
            }
        };
        Self { days: dates.into_iter().map(|date| date.map(part)).collect() }
    }

    /// The part of sessions that start at this time; `None` if none does on that day.
    pub fn part(&self, start: i64) -> Option<PartKey> {
        self.days.get(day(start)).copied().flatten()
    }

    /// By day since 1970: the place among all parts of the one that its sessions belong to; 0 where none starts on it.
    pub fn places_of_days(&self) -> Vec<u32> {
        let parts: Vec<PartKey> = self.parts().into_iter().collect();
        let place = |part: &PartKey| parts.binary_search(part).expect("it is one of all");
        self.days.iter().map(|part| part.as_ref().map_or(0, place) as u32).collect()
    }

    /// The keys of all parts, in the order of time.
    pub fn parts(&self) -> BTreeSet<PartKey> {
        self.days.iter().flatten().copied().collect()
    }
}

fn date(day: usize) -> PartKey {
    let time = DateTime::from_timestamp_micros(day as i64 * MICROS_OF_A_DAY);
    let date = time.expect("tracks are before 2262");
    PartKey { year: date.year(), month: date.month(), day: date.day() }
}

/// A part: the sessions that start in one range of UTC time.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The part's time.
    pub key: PartKey,
    /// The part's sessions, in order.
    pub sessions: Vec<u32>,
}

/// The parts that `wanted` holds for, with their sessions, which must be in memory, in the order of time.
pub fn parts(sessionized: &Sessionized, cut: &Cut, wanted: impl Fn(PartKey) -> bool) -> Vec<Part> {
    let keys = cut.parts().into_iter().filter(|part| wanted(*part));
    let mut parts: Vec<Part> = keys.map(|key| Part { key, sessions: Vec::new() }).collect();
    let place = |key: &PartKey| parts.binary_search_by_key(key, |part| part.key).ok();
    let of_day: Vec<Option<usize>> = cut.days.iter().map(|key| key.as_ref().and_then(place)).collect();
    for session in 0..sessionized.session_count() {
        debug_assert!(cut.part(sessionized.session_start(session)).is_some(), "the cut is of all sessions");
        if let Some(part) = of_day[day(sessionized.session_start(session))] {
            parts[part].sessions.push(session as u32);
        }
    }
    parts
}

/// The tracks of a part, cut into row groups by row count alone; the first completes one that can take `capacity` rows, which is
/// not 0. Without a session there is one group, of no rows.
pub fn row_groups(
    sessionized: &Sessionized,
    part: &Part,
    mut capacity: usize,
    rows_of_a_group: usize,
) -> Vec<Vec<TrackRun>> {
    let mut groups = vec![Vec::new()];
    for session in &part.sessions {
        let session = *session as usize;
        let mut places = sessionized.session_places(session);
        while !places.is_empty() {
            if capacity == 0 {
                groups.push(Vec::new());
                capacity = rows_of_a_group;
            }
            let taken = places.start..places.end.min(places.start + capacity);
            places.start = taken.end;
            capacity -= taken.len();
            groups.last_mut().expect("there is one from the start").push(TrackRun { session, places: taken });
        }
    }
    groups
}
