//! What was written, in figures.

use crate::arrivals::{ArrivingRow, Call};
use crate::options::Calls;

const HOUR_MS: i64 = 3_600_000;

/// What was written. `rows` is the sum of all but `late`, `files` and `bytes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Which calls were asked for.
    pub calls: Calls,
    /// Rows or lines in all files.
    pub rows: u64,
    /// Distinct tracks.
    pub tracks: u64,
    /// Distinct page calls among the events.
    pub pages: u64,
    /// Distinct screen calls.
    pub screens: u64,
    /// Identify calls beside the events.
    pub identifies: u64,
    /// Second deliveries of an event.
    pub duplicates: u64,
    /// Deliveries of events, first or second, an hour or more after they happened.
    pub late: u64,
    /// Identify and page calls beside tracks.
    pub other_calls: u64,
    /// Damaged lines.
    pub bad_lines: u64,
    /// Files.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

impl Summary {
    /// One JSON object, keys as the fields that the calls have.
    pub fn to_json(&self) -> String {
        let Self { rows, tracks, duplicates, late, files, bytes, .. } = *self;
        match self.calls {
            Calls::Tracks => serde_json::json!({
                "rows": rows,
                "tracks": tracks,
                "duplicates": duplicates,
                "late": late,
                "other_calls": self.other_calls,
                "bad_lines": self.bad_lines,
                "files": files,
                "bytes": bytes,
            }),
            Calls::All => serde_json::json!({
                "rows": rows,
                "tracks": tracks,
                "pages": self.pages,
                "screens": self.screens,
                "identifies": self.identifies,
                "duplicates": duplicates,
                "late": late,
                "files": files,
                "bytes": bytes,
            }),
        }
        .to_string()
    }

    /// Counts a row that is written.
    pub fn count(&mut self, row: &ArrivingRow) {
        self.rows += 1;
        let first = u64::from(!row.again);
        match (row.call, self.calls) {
            (Call::Identify, Calls::All) => self.identifies += 1,
            (Call::Identify | Call::Page, Calls::Tracks) => self.other_calls += 1,
            (Call::Damaged(_), _) => self.bad_lines += 1,
            (Call::Track | Call::Page | Call::Screen, _) => {
                self.late += u64::from(row.received_at - row.timestamp >= HOUR_MS);
                self.duplicates += u64::from(row.again);
                match row.call {
                    Call::Page => self.pages += first,
                    Call::Screen => self.screens += first,
                    _ => self.tracks += first,
                }
            }
        }
    }
}
