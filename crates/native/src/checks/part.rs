//! What is seen of the tables that are cut into parts.

use super::{IdSum, dictionary_texts};
use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType, UInt32Type};
use serde::{Deserialize, Serialize};
use tracklet_kernel::rules::Rules;

/// What is seen of a part's tables. It is stored beside them, so that a part that stays need not be looked at again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSummary {
    /// Rows of the tables of tracks.
    pub(crate) tracks: u64,
    /// Sessions among the tracks.
    pub(super) sessions_of_tracks: IdSum,
    /// Gaps within a session over the timeout, or backwards.
    pub(super) gaps: u64,
    /// Tracks whose sequence number is not one more than the one before.
    pub(super) out_of_sequence: u64,
    /// Sessions of the tables of sessions.
    pub(super) sessions: IdSum,
    /// The sum of `num_pvs`.
    pub(super) num_pvs: i64,
}

impl PartSummary {
    /// Rows of the tables of sessions.
    pub(crate) fn sessions(&self) -> u64 {
        self.sessions.count
    }

    pub(super) fn merge(&mut self, other: &Self) {
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

    /// The columns that are looked at.
    pub(crate) const OF_TRACKS: [&str; 3] = ["session_id", "timestamp", "track_sequence_number"];

    /// Looks at the next tracks.
    pub(crate) fn observe_tracks(&mut self, batch: &RecordBatch, rules: &Rules) {
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
                self.seen.gaps += u64::from(backwards || rules.are_apart(timestamp, timestamps[row]));
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
