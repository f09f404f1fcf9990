//! What must hold between the tables, whatever the input was.

use std::collections::{BTreeMap, BTreeSet};

use super::{OracleTable, Value};
use crate::rules::{Duplicates, Rules};

/// The tables that have one row per sessionized track.
const PER_TRACK: [&str; 3] = ["dbt_mapped_tracks", "dbt_track_facts", "dbt_tracks_flow"];

/// The tables that have one row per session.
const PER_SESSION: [&str; 3] = ["dbt_session_tracks", "dbt_session_track_facts", "dbt_session_duration"];

/// Every way in which `tables` break the invariants, in words; empty when they hold.
///
/// A missing table, column or value is a violation too, never a panic.
pub fn check_invariants(tables: &BTreeMap<&'static str, OracleTable>, rules: &Rules) -> Vec<String> {
    let mut checks = OracleChecks { tables, violations: Vec::new() };
    checks.one_row_per_track();
    checks.unique_keys();
    checks.sums(rules.duplicates);
    checks.gaps(rules);
    checks.references();
    checks.violations
}

struct OracleChecks<'a> {
    tables: &'a BTreeMap<&'static str, OracleTable>,
    violations: Vec<String>,
}

impl<'a> OracleChecks<'a> {
    /// The values of some columns, a row each; nothing, and a violation, if one is missing.
    fn columns<const N: usize>(&mut self, table: &str, columns: [&str; N]) -> Vec<[&'a Value; N]> {
        let Some(found) = self.tables.get(table) else {
            self.violations.push(format!("there is no table {table}"));
            return Vec::new();
        };
        let places = columns.map(|column| found.columns.iter().position(|name| name == column));
        if let Some(missing) = places.iter().position(Option::is_none) {
            self.violations.push(format!("{table} has no column {}", columns[missing]));
            return Vec::new();
        }
        let mut rows = Vec::new();
        for row in &found.rows {
            if row.len() == found.columns.len() {
                rows.push(places.map(|place| &row[place.expect("checked above")]));
            } else {
                self.violations.push(format!("{table} has a row of {} values", row.len()));
            }
        }
        rows
    }

    fn column(&mut self, table: &str, column: &str) -> Vec<&'a Value> {
        self.columns(table, [column]).into_iter().map(|[value]| value).collect()
    }

    /// 1. One row per sessionized track: the same tracks in each of these tables.
    fn one_row_per_track(&mut self) {
        let columns = ["event_id", "dbt_visitor_id", "timestamp", "event"];
        let [mapped, facts, flow] = PER_TRACK.map(|table| {
            let mut rows = self.columns(table, columns);
            rows.sort();
            rows
        });
        if mapped != facts {
            self.violations.push("dbt_track_facts and dbt_mapped_tracks hold different tracks".to_owned());
        }
        if mapped != flow {
            self.violations.push("dbt_tracks_flow and dbt_mapped_tracks hold different tracks".to_owned());
        }
    }

    /// 2. Keys are unique.
    fn unique_keys(&mut self) {
        let keys = PER_SESSION.map(|table| (table, "session_id"));
        let others = [("dbt_aliases_mapping", "alias"), ("dbt_user_session_facts", "dbt_visitor_id")];
        for (table, column) in keys.into_iter().chain(others) {
            let mut seen = BTreeSet::new();
            for value in self.column(table, column) {
                if *value == Value::Null {
                    self.violations.push(format!("{table}.{column} is null"));
                } else if !seen.insert(value) {
                    self.violations.push(format!("{table}.{column} holds {value:?} twice"));
                }
            }
        }
    }

    /// 3. Sums agree with row counts.
    fn sums(&mut self, duplicates: Duplicates) {
        let tracks = self.column("dbt_mapped_tracks", "event_id").len() as i64;
        let views = self.sum("dbt_session_track_facts", "num_pvs");
        if duplicates != Duplicates::Keep && views != tracks {
            self.violations.push(format!("the sum of num_pvs is {views}, the tracks are {tracks}"));
        }
        let counted = self.sum("dbt_user_session_facts", "number_of_sessions");
        let sessions = self.column("dbt_session_tracks", "session_id").len() as i64;
        if counted != sessions {
            self.violations.push(format!("the sum of number_of_sessions is {counted}, the rows {sessions}"));
        }
    }

    fn sum(&mut self, table: &str, column: &str) -> i64 {
        let mut sum = 0;
        for value in self.column(table, column) {
            match value {
                Value::Integer(value) => sum += value,
                other => self.violations.push(format!("{table}.{column} holds {other:?}, not an integer")),
            }
        }
        sum
    }

    /// 4. No session holds a gap over the timeout; a visitor's consecutive sessions are apart by more.
    fn gaps(&mut self, rules: &Rules) {
        let mut times: BTreeMap<&Value, Vec<i64>> = BTreeMap::new();
        for [session, time] in self.columns("dbt_track_facts", ["session_id", "timestamp"]) {
            match time {
                Value::Time(time) => times.entry(session).or_default().push(*time),
                other => {
                    self.violations.push(format!("dbt_track_facts.timestamp holds {other:?}, not a time"));
                }
            }
        }
        for (session, times) in &mut times {
            times.sort_unstable();
            if times.windows(2).any(|pair| rules.are_apart(pair[0], pair[1])) {
                self.violations.push(format!("session {session:?} holds a gap over the timeout"));
            }
        }
        let columns = [
            "dbt_visitor_id",
            "session_sequence_number",
            "session_id",
            "session_start_at",
            "next_session_start_at",
        ];
        let mut sessions = self.columns("dbt_session_tracks", columns);
        sessions.sort();
        let mut previous: Option<[&Value; 5]> = None;
        for session in sessions.iter().copied() {
            let [visitor, number, id, start, _] = session;
            let before = previous.filter(|before| before[0] == visitor);
            let expected = match before.map(|before| before[1]) {
                Some(Value::Integer(before)) => Value::Integer(before + 1),
                _ => Value::Integer(1),
            };
            if *number != expected {
                self.violations.push(format!("session {id:?} has number {number:?}, not {expected:?}"));
            }
            match times.get(id).and_then(|times| times.first()) {
                Some(&first) if *start == Value::Time(first) => {}
                first => self
                    .violations
                    .push(format!("session {id:?} starts at {start:?}, its tracks at {first:?}")),
            }
            if let Some([_, _, before, _, next]) = before {
                if next != start {
                    self.violations.push(format!("{before:?} has the next start {next:?}, not {start:?}"));
                }
                let last = times.get(before).and_then(|times| times.last());
                if let (Some(&last), Value::Time(start)) = (last, start)
                    && !rules.are_apart(last, *start)
                {
                    self.violations.push(format!("sessions {before:?} and {id:?} are not apart"));
                }
            }
            previous = Some(session);
        }
        self.ends(&times);
        // The last session of each visitor has no next one.
        for (index, [visitor, _, id, _, next]) in sessions.iter().enumerate() {
            let is_last = sessions.get(index + 1).is_none_or(|following| following[0] != *visitor);
            if is_last && **next != Value::Null {
                self.violations.push(format!("the last session {id:?} has the next start {next:?}"));
            }
        }
    }

    /// `ended_at` is the time of the session's last track.
    fn ends(&mut self, times: &BTreeMap<&Value, Vec<i64>>) {
        for [id, end] in self.columns("dbt_session_track_facts", ["session_id", "ended_at"]) {
            match times.get(id).and_then(|times| times.last()) {
                Some(&last) if *end == Value::Time(last) => {}
                last => {
                    self.violations.push(format!("session {id:?} ends at {end:?}, its tracks at {last:?}"));
                }
            }
        }
    }

    /// 5. Every `session_id` and `dbt_visitor_id` exists where it is defined, and no session lacks its rows.
    fn references(&mut self) {
        let sessions: BTreeSet<&Value> =
            self.column("dbt_session_tracks", "session_id").into_iter().collect();
        for table in ["dbt_track_facts", "dbt_tracks_flow", "dbt_session_track_facts", "dbt_session_duration"]
        {
            let used: BTreeSet<&Value> = self.column(table, "session_id").into_iter().collect();
            for unknown in used.symmetric_difference(&sessions) {
                self.violations
                    .push(format!("{table} and dbt_session_tracks disagree on session {unknown:?}"));
            }
        }
        let visitors: BTreeSet<&Value> =
            self.column("dbt_aliases_mapping", "dbt_visitor_id").into_iter().collect();
        let others = ["dbt_session_tracks", "dbt_user_session_facts", "dbt_session_duration"];
        for table in PER_TRACK.into_iter().chain(others) {
            let used: BTreeSet<&Value> = self.column(table, "dbt_visitor_id").into_iter().collect();
            for unknown in used.difference(&visitors) {
                self.violations
                    .push(format!("{table} has visitor {unknown:?}, unknown to dbt_aliases_mapping"));
            }
        }
    }
}
