//! Rows that did not become tracks.

use crate::gate::Reason;

/// At most this much of an unreadable line, and of a column of any other, is kept, in bytes.
pub const RAW_BYTES: usize = 64 << 10;

/// Columns of text, by their names in `tracklet_rejects`.
pub const TEXTS: [&str; 7] =
    ["event_id", "anonymous_id", "user_id", "event", "timestamp", "received_at", "raw"];

/// A row that did not become a track, as it stood in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The file's name as given or found; a URL for objects.
    pub source_file: String,
    /// The line or row, from 1; of a CSV record the line it starts on. `None` for a whole file.
    pub row_number: Option<u64>,
    /// What is wrong with it.
    pub reason: Reason,
    /// Raw text.
    pub event_id: Option<String>,
    /// Raw text.
    pub anonymous_id: Option<String>,
    /// Raw text.
    pub user_id: Option<String>,
    /// Raw text, not normalised.
    pub event: Option<String>,
    /// Raw text; a time of a typed column as RFC 3339.
    pub timestamp: Option<String>,
    /// Raw text; a time of a typed column as RFC 3339.
    pub received_at: Option<String>,
    /// The start of what could not be taken apart, with U+FFFD for bytes that are not UTF-8.
    pub raw: Option<String>,
}

/// The raw text of a row's canonical columns, in the order of the registry.
pub type RawColumns = [Option<String>; 6];

impl Reject {
    /// The reject with these texts, in the order of [`TEXTS`].
    pub fn of_texts(
        file: &str,
        row_number: Option<u64>,
        reason: Reason,
        texts: [Option<String>; TEXTS.len()],
    ) -> Self {
        let [event_id, anonymous_id, user_id, event, timestamp, received_at, raw] = texts;
        let source_file = file.to_owned();
        Self {
            source_file,
            row_number,
            reason,
            event_id,
            anonymous_id,
            user_id,
            event,
            timestamp,
            received_at,
            raw,
        }
    }

    /// The rejected row's texts, in the order of [`TEXTS`].
    pub fn texts(&self) -> [Option<&str>; TEXTS.len()] {
        let Self { event_id, anonymous_id, user_id, event, timestamp, received_at, raw, .. } = self;
        [event_id, anonymous_id, user_id, event, timestamp, received_at, raw].map(Option::as_deref)
    }

    /// A row with these columns.
    pub fn row(file: &str, row_number: u64, reason: Reason, columns: RawColumns) -> Self {
        let [event_id, anonymous_id, user_id, event, timestamp, received_at] =
            columns.map(|column| column.map(start_of));
        let texts = [event_id, anonymous_id, user_id, event, timestamp, received_at, None];
        Self::of_texts(file, Some(row_number), reason, texts)
    }

    /// Something that could not be taken apart. `raw` is what it starts with, empty if that is not known.
    pub fn unreadable(file: &str, row_number: Option<u64>, raw: &[u8]) -> Self {
        let texts = [None, None, None, None, None, None, raw_text(raw)];
        Self::of_texts(file, row_number, Reason::Unreadable, texts)
    }
}

/// The text's start, if it is long.
fn start_of(mut text: String) -> String {
    if text.len() > RAW_BYTES {
        text.truncate(text.floor_char_boundary(RAW_BYTES));
        text.shrink_to_fit();
    }
    text
}

fn raw_text(raw: &[u8]) -> Option<String> {
    if raw.is_empty() {
        return None;
    }
    let mut end = raw.len().min(RAW_BYTES);
    // Not inside a character: a cut one would look like bytes that are not UTF-8.
    while end < raw.len() && end > RAW_BYTES - 4 && raw[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    Some(String::from_utf8_lossy(&raw[..end]).into_owned())
}
