//! What the state says about the parts of a snapshot.

use super::parts::PartKey;
use crate::checks::PartSummary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The folder of the state in a snapshot's.
pub const STATE: &str = "state";
/// The file of [`StoredParts`] in the folder of the state.
pub const PARTS_FILE: &str = "parts.json";
/// The version of everything in the folder of the state, described in `FORMAT.md`.
const STATE_FORMAT: u32 = 1;

/// Every part of a snapshot by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredParts {
    format: u32,
    parts: BTreeMap<String, PartSummary>,
}

impl Default for StoredParts {
    fn default() -> Self {
        Self { format: STATE_FORMAT, parts: BTreeMap::new() }
    }
}

impl StoredParts {
    /// Adds a part.
    pub(crate) fn add(&mut self, part: PartKey, summary: PartSummary) {
        self.parts.insert(part.to_string(), summary);
    }

    /// Whether this version of the program can read the state that this stands in.
    pub(crate) fn is_readable(&self) -> bool {
        self.format == STATE_FORMAT
    }

    /// The parts by name.
    pub(crate) fn parts(&self) -> &BTreeMap<String, PartSummary> {
        &self.parts
    }

    /// The file's bytes.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("names and numbers");
        text.push(b'\n');
        text
    }
}
