//! The invariants of the contract, checked on the very columns that are written.
//!
//! Sets of ids are compared by the sum of their hashes: it does not depend on order, and two different sets agree
//! once in 2^64.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType, UInt32Type};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt::Write;
use tracklet_kernel::event_id::stored_hash;
use tracklet_kernel::rules::{Duplicates, Rules, Timeout};

/// What came of one invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What must hold.
    pub invariant: String,
    /// Whether it does.
    pub passed: bool,
    /// The figures that were compared.
    pub found: String,
}

/// A multiset of ids: how many, and the sum of their hashes (XXH64) modulo 2^64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ids {
    count: u64,
    sum: u64,
}

impl Ids {
    fn add(&mut self, id: &str) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash(id));
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

fn hash(id: &str) -> u64 {
    stored_hash(id.as_bytes()).cast_unsigned()
}

/// What is seen of a part's tables. It is stored beside them, so that a part that stays need not be looked at again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSummary {
    /// Rows of the tables of tracks.
    pub(crate) tracks: u64,
    /// Sessions among the tracks.
    sessions_of_tracks: Ids,
    /// Gaps within a session over the timeout, or backwards.
    gaps: u64,
    /// Tracks whose sequence number is not one more than the one before.
    out_of_sequence: u64,
    /// Sessions of the tables of sessions.
    sessions: Ids,
    /// The sum of `num_pvs`.
    num_pvs: i64,
}

impl PartSummary {
    /// Rows of the tables of sessions.
    pub(crate) fn sessions(&self) -> u64 {
        self.sessions.count
    }

    fn merge(&mut self, other: &Self) {
        self.tracks += other.tracks;
        self.sessions_of_tracks.merge(other.sessions_of_tracks);
        self.gaps += other.gaps;
        self.out_of_sequence += other.out_of_sequence;
        self.sessions.merge(other.sessions);
        self.num_pvs += other.num_pvs;
    }
}

/// Looks at a part's tables, their rows in order.
#[derive(Debug, Default)]
pub(crate) struct PartChecks {
    seen: PartSummary,
    last: Option<LastTrack>,
}

#[derive(Debug)]
struct LastTrack {
    session_id: String,
    timestamp: i64,
    sequence_number: i64,
}

impl PartChecks {
    /// What was seen.
    pub(crate) fn finish(self) -> PartSummary {
        self.seen
    }

    /// Looks at the next sessions.
    pub(crate) fn observe_sessions(&mut self, batch: &RecordBatch) {
        for id in dictionary_texts(batch, "session_id") {
            self.seen.sessions.add(id);
        }
        self.seen.num_pvs += batch["num_pvs"].as_primitive::<Int64Type>().values().iter().sum::<i64>();
    }

    /// Looks at the next tracks.
    pub(crate) fn observe_tracks(&mut self, batch: &RecordBatch, timeout: Timeout) {
        let ids = batch["session_id"].as_dictionary::<UInt32Type>();
        let names: &StringArray = ids.values().as_string();
        let keys = ids.keys().values();
        let timestamps = batch["timestamp"].as_primitive::<TimestampMicrosecondType>().values();
        let numbers = batch["track_sequence_number"].as_primitive::<Int64Type>().values();
        for row in 0..batch.num_rows() {
            let previous = if row > 0 {
                (keys[row - 1] == keys[row]).then(|| (timestamps[row - 1], numbers[row - 1]))
            } else {
                let last = self.last.take();
                last.filter(|last| last.session_id == names.value(keys[0] as usize))
                    .map(|last| (last.timestamp, last.sequence_number))
            };
            if let Some((timestamp, _)) = previous {
                let backwards = timestamps[row] < timestamp;
                self.seen.gaps += u64::from(backwards || timeout.splits(timestamp, timestamps[row]));
            } else {
                self.seen.sessions_of_tracks.add(names.value(keys[row] as usize));
            }
            let expected = previous.map_or(1, |(_, number)| number + 1);
            self.seen.out_of_sequence += u64::from(numbers[row] != expected);
        }
        self.seen.tracks += batch.num_rows() as u64;
        if let Some(row) = batch.num_rows().checked_sub(1) {
            self.last = Some(LastTrack {
                session_id: names.value(keys[row] as usize).to_owned(),
                timestamp: timestamps[row],
                sequence_number: numbers[row],
            });
        }
    }
}

/// What is seen of all tables.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    parts: PartSummary,
    /// Sessions of `dbt_session_tracks`, and what is wrong between neighbours.
    session_tracks: Ids,
    close_sessions: u64,
    misnumbered: u64,
    session_visitors: Ids,
    last_session: Option<(String, i64)>,
    /// What a `session_id` should be; kept for its room.
    expected_id: String,
    /// Visitors of `dbt_user_session_facts`.
    visitors: Ids,
    number_of_sessions: i64,
    unordered_visitors: u64,
    undefined_visitors: u64,
    last_visitor: Option<String>,
    aliases: u64,
    unordered_aliases: u64,
    last_alias: Option<String>,
    mapped_visitors: HashSet<u64>,
}

impl Checks {
    /// Takes in what was seen of a part.
    pub(crate) fn add_part(&mut self, part: &PartSummary) {
        self.parts.merge(part);
    }

    /// Looks at the next rows of `dbt_session_tracks`.
    pub(crate) fn observe_session_tracks(&mut self, batch: &RecordBatch, timeout: Timeout) {
        let next = batch["next_session_start_at"].as_primitive::<TimestampMicrosecondType>();
        let ended = batch["ended_at"].as_primitive::<TimestampMicrosecondType>().values();
        let numbers = batch["session_sequence_number"].as_primitive::<Int64Type>().values();
        let ids = dictionary_texts(batch, "session_id");
        for (row, (id, visitor)) in ids.zip(dictionary_texts(batch, "dbt_visitor_id")).enumerate() {
            self.session_tracks.add(id);
            let number = numbers[row];
            let expected = match &self.last_session {
                Some((last, number)) if last == visitor => number + 1,
                _ => {
                    self.session_visitors.add(visitor);
                    1
                }
            };
            self.expected_id.clear();
            write!(self.expected_id, "{number} - {visitor}").expect("memory takes all writes");
            self.misnumbered += u64::from(number != expected || id != self.expected_id);
            self.close_sessions +=
                u64::from(next.is_valid(row) && !timeout.splits(ended[row], next.value(row)));
            match &mut self.last_session {
                Some((last, last_number)) if last == visitor => *last_number = number,
                Some((last, last_number)) => {
                    visitor.clone_into(last);
                    *last_number = number;
                }
                none @ None => *none = Some((visitor.to_owned(), number)),
            }
        }
    }

    /// Looks at the next rows of `dbt_aliases_mapping`, before any visitor.
    pub(crate) fn observe_aliases(&mut self, batch: &RecordBatch) {
        self.aliases += batch.num_rows() as u64;
        self.unordered_aliases += unordered(&mut self.last_alias, batch["alias"].as_string());
        let visitors: &StringArray = batch["dbt_visitor_id"].as_string();
        self.mapped_visitors.extend(visitors.iter().flatten().map(hash));
    }

    /// Looks at the next rows of `dbt_user_session_facts`, after all aliases.
    pub(crate) fn observe_visitors(&mut self, batch: &RecordBatch) {
        let visitors: &StringArray = batch["dbt_visitor_id"].as_string();
        self.unordered_visitors += unordered(&mut self.last_visitor, visitors);
        for visitor in visitors.iter().flatten() {
            self.visitors.add(visitor);
            self.undefined_visitors += u64::from(!self.mapped_visitors.contains(&hash(visitor)));
        }
        self.number_of_sessions +=
            batch["number_of_sessions"].as_primitive::<Int64Type>().values().iter().sum::<i64>();
    }

    /// What came of every invariant. `sessionized` is what the rows read say: read less rejects and duplicates.
    pub(crate) fn finish(&self, rules: &Rules, sessionized: u64) -> Vec<Check> {
        let check = |invariant: &str, passed: bool, found: String| Check {
            invariant: invariant.to_owned(),
            passed,
            found,
        };
        let none = |invariant: &str, count: u64| check(invariant, count == 0, format!("{count} do not"));
        let parts = &self.parts;
        let pvs_bound = match rules.duplicates {
            Duplicates::Drop => parts.num_pvs as u64 == sessionized,
            Duplicates::Keep => parts.num_pvs as u64 <= sessionized,
        };
        vec![
            check(
                "tables of tracks have one row per sessionized track",
                parts.tracks == sessionized,
                format!("{} rows, {sessionized} sessionized", parts.tracks),
            ),
            none("every session_id of dbt_session_tracks is unique and numbered from 1", self.misnumbered),
            none("every alias is unique", self.unordered_aliases),
            none("every dbt_visitor_id of dbt_user_session_facts is unique", self.unordered_visitors),
            check(
                "all tables have the same sessions",
                parts.sessions == self.session_tracks && parts.sessions_of_tracks == self.session_tracks,
                format!(
                    "{} in dbt_session_tracks, {} in the session facts, {} among tracks",
                    self.session_tracks.count, parts.sessions.count, parts.sessions_of_tracks.count
                ),
            ),
            check(
                "num_pvs adds up to the sessionized tracks",
                pvs_bound,
                format!("{} to {sessionized}", parts.num_pvs),
            ),
            check(
                "number_of_sessions adds up to the rows of dbt_session_tracks",
                self.number_of_sessions as u64 == self.session_tracks.count,
                format!("{} to {}", self.number_of_sessions, self.session_tracks.count),
            ),
            none("tracks of a session follow each other within the timeout", parts.gaps),
            none("track_sequence_number counts a session's tracks from 1", parts.out_of_sequence),
            none("sessions of a visitor are apart by more than the timeout", self.close_sessions),
            check(
                "all tables have the same visitors",
                self.visitors == self.session_visitors,
                format!("{} with facts, {} with sessions", self.visitors.count, self.session_visitors.count),
            ),
            none("every visitor is defined in dbt_aliases_mapping", self.undefined_visitors),
        ]
    }
}

fn dictionary_texts<'a>(batch: &'a RecordBatch, column: &str) -> impl Iterator<Item = &'a str> {
    let column = batch.column_by_name(column).expect("a column of the kernel").as_dictionary::<UInt32Type>();
    let values: &StringArray = column.values().as_string();
    column.keys().values().iter().map(|key| values.value(*key as usize))
}

/// How many texts are not greater than the one before, which makes them unique where none is.
fn unordered(last: &mut Option<String>, texts: &StringArray) -> u64 {
    let mut count = 0;
    let mut previous = last.as_deref();
    for text in texts.iter().flatten() {
        count += u64::from(previous.is_some_and(|previous| previous >= text));
        previous = Some(text);
    }
    *last = previous.map(str::to_owned);
    count
}
