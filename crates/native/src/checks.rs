//! The invariants of the contract, checked on the very columns that are written.
//!
//! Sets of ids are compared by the sum of their hashes: it does not depend on order, and two different sets agree
//! once in 2^64.

mod part;
mod repeated;
mod strangers;
mod whole;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::UInt32Type;
use serde::{Deserialize, Serialize};
use strangers::{Heavy, Joined};
use tracklet_kernel::event_id::stored_hash;
use tracklet_kernel::rules::{Duplicates, Rules};
use whole::{Ascending, Numbered};

pub(crate) use part::PartChecks;
pub use part::PartSummary;
pub(crate) use repeated::Repeated;
pub use strangers::Strangers;
pub(crate) use whole::{AliasesSeen, SessionsSeen, VisitorsSeen};

/// The outcome of one invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The invariant, a sentence.
    pub invariant: String,
    /// Whether the invariant holds.
    pub passed: bool,
    /// The figures that were compared.
    pub found: String,
}

/// A multiset of ids: how many, and the sum of their hashes (XXH64) modulo 2^64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct IdSum {
    count: u64,
    sum: u64,
}

impl IdSum {
    fn add(&mut self, id: &str) {
        self.add_hash(hash(id));
    }

    fn add_hash(&mut self, hash: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash);
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

fn hash(id: &str) -> u64 {
    stored_hash(id.as_bytes()).cast_unsigned()
}

/// What is seen of all tables.
#[derive(Debug, Default)]
pub(crate) struct TableChecks {
    parts: PartSummary,
    /// Sessions of `dbt_session_tracks`, and what is wrong between neighbors.
    session_tracks: IdSum,
    close_sessions: u64,
    misnumbered: u64,
    session_visitors: IdSum,
    last_session: Option<Numbered>,
    /// Visitors of `dbt_user_session_facts`.
    visitors: IdSum,
    number_of_sessions: i64,
    visitors_in_order: Ascending,
    undefined_visitors: u64,
    aliases_in_order: Ascending,
    /// Visitors of `dbt_aliases_mapping`.
    mapped_visitors: Joined,
    heavy_visitors: Heavy,
    repeated: Repeated,
}

impl TableChecks {
    /// Takes in what was seen of a part.
    pub(crate) fn add_part(&mut self, part: &PartSummary) {
        self.parts.merge(part);
    }

    /// Takes in what was seen of the next rows of `dbt_session_tracks`.
    pub(crate) fn add_sessions(&mut self, seen: SessionsSeen) {
        self.heavy_visitors.append(seen.rows);
        self.session_tracks.merge(seen.sessions);
        self.close_sessions += seen.close;
        self.misnumbered += seen.misnumbered;
        self.session_visitors.merge(seen.visitors);
        let Some((first, last)) = seen.ends else { return };
        let before = self.last_session.replace(last).filter(|before| before.visitor == first.visitor);
        if before.is_none() {
            self.session_visitors.add(&first.visitor);
        }
        let expected = before.map_or(1, |before| before.number + 1);
        self.misnumbered += u64::from(seen.first_is_misnamed || first.number != expected);
    }

    /// Takes in what was seen of the next rows of `dbt_aliases_mapping`, before any visitor.
    pub(crate) fn add_aliases(&mut self, seen: AliasesSeen) {
        self.aliases_in_order.append(seen.aliases);
        self.mapped_visitors.add(&seen.visitors);
    }

    /// Takes in what was seen of the next rows of `dbt_user_session_facts`, after all aliases.
    pub(crate) fn add_visitors(&mut self, seen: VisitorsSeen) {
        self.visitors_in_order.append(seen.ids);
        for hash in seen.visitors {
            self.visitors.add_hash(hash);
            self.undefined_visitors += u64::from(!self.mapped_visitors.has(hash));
        }
        self.number_of_sessions += seen.number_of_sessions;
    }

    /// Takes in what was seen of the next rows of `tracklet_duplicates`.
    pub(crate) fn add_duplicates(&mut self, seen: Repeated) {
        self.repeated.append(seen);
    }

    /// The event id that most duplicates have.
    pub(crate) fn repeated(&self) -> Repeated {
        self.repeated.clone()
    }

    /// Ids that seem to stand for many people.
    pub(crate) fn strangers(&self) -> Strangers {
        Strangers::new(&self.mapped_visitors, &self.heavy_visitors)
    }

    /// The outcome of every invariant. `sessionized` is what the rows read say: read less rejects and duplicates.
    pub(crate) fn finish(&self, rules: &Rules, sessionized: u64) -> Vec<Check> {
        let check = |invariant: &str, passed: bool, found: String| Check {
            invariant: invariant.to_owned(),
            passed,
            found,
        };
        let none = |invariant: &str, count: u64| check(invariant, count == 0, format!("{count} do not"));
        let parts = &self.parts;
        let pvs_bound = match rules.duplicates {
            Duplicates::Drop | Duplicates::Number => parts.num_pvs as u64 == sessionized,
            Duplicates::Keep => parts.num_pvs as u64 <= sessionized,
        };
        vec![
            check(
                "tables of tracks have one row per sessionized track",
                parts.tracks == sessionized,
                format!("{} rows, {sessionized} sessionized", parts.tracks),
            ),
            none("every session_id of dbt_session_tracks is unique and numbered from 1", self.misnumbered),
            none("every alias is unique", self.aliases_in_order.unordered),
            none(
                "every dbt_visitor_id of dbt_user_session_facts is unique",
                self.visitors_in_order.unordered,
            ),
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
