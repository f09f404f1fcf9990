//! What the manifest says of the files that were read.

use crate::read::{Digest, InputFile};
use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The file's path or URL.
    pub path: String,
    /// The file's size in bytes.
    pub bytes: u64,
    /// When the file was last changed, RFC 3339 in UTC; `None` if that is not known.
    pub modified: Option<String>,
    /// The object store's tag of its content, where there is one.
    pub etag: Option<String>,
    /// The digest of its bytes: 32 hexadecimal digits of BLAKE3; absent where an earlier version has read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The type of the calls that its rows were read as, where that is not tracks and they do not say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Rows read from it, in all runs.
    pub rows: u64,
    /// Rows of it that were rejected.
    pub rejected: u64,
    /// Rows of it that were skipped.
    pub skipped: u64,
}

impl Input {
    /// Takes in what more was read of it.
    pub(crate) fn add(&mut self, more: Self) {
        *self = Self {
            rows: self.rows + more.rows,
            rejected: self.rejected + more.rejected,
            skipped: self.skipped + more.skipped,
            ..more
        };
    }
}

/// The list of the files that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Inputs {
    /// In the manifest itself, as formats 1 and 2 have it.
    Listed(Vec<Input>),
    /// In files of the snapshot, which later snapshots link to.
    Segments(InputSegments),
}

impl Default for Inputs {
    fn default() -> Self {
        Self::Segments(InputSegments::default())
    }
}

impl Inputs {
    /// How many files were read.
    pub fn files(&self) -> u64 {
        match self {
            Self::Listed(inputs) => inputs.len() as u64,
            Self::Segments(list) => list.files,
        }
    }

    /// The bytes of all files that were read.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Listed(inputs) => inputs.iter().map(|input| input.bytes).sum(),
            Self::Segments(list) => list.bytes,
        }
    }
}

/// A list of files in segments, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSegments {
    /// How many files were read.
    pub files: u64,
    /// The bytes of all files that were read.
    pub bytes: u64,
    /// The segments of the list.
    pub segments: Vec<Segment>,
}

/// A part of the list of files: `state/inputs/<name>.jsonl.zst`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The snapshot that wrote it.
    pub name: String,
    /// Files that no earlier segment has.
    pub files: u64,
    /// The segment's size in bytes.
    pub bytes: u64,
    /// The digest of its bytes: 32 hexadecimal digits of BLAKE3.
    pub digest: String,
}

/// When a file was changed last, as the manifest has it.
pub(crate) fn modified(file: &InputFile) -> Option<String> {
    let time = file.modified.and_then(DateTime::from_timestamp_micros);
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
}
