//! How a run makes its tables.

use serde::{Deserialize, Serialize};

/// How a run makes its tables: one list for both engines, manifests and `tracklet_runs`.
///
/// The engines decide by it; what they store is [`RunMode::name`], which has one word for both modes that take all rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunMode {
    /// From all rows that were found: no earlier run counts.
    #[default]
    Full,
    /// From all rows although there was a run to build on: its rules, its writer or its tables are not those of today.
    #[serde(rename = "full", skip_deserializing)]
    Rebuild,
    /// From new rows on top of the tables of the last run.
    Incremental,
    /// From the tables of the last run without the rows of forgotten people.
    Forget,
}

impl RunMode {
    /// The mode's name in manifests and in `tracklet_runs`: `full`, `incremental` or `forget`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full | Self::Rebuild => "full",
            Self::Incremental => "incremental",
            Self::Forget => "forget",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RunMode;

    #[test]
    fn what_is_stored_is_the_name() {
        for mode in [RunMode::Full, RunMode::Rebuild, RunMode::Incremental, RunMode::Forget] {
            let stored = serde_json::to_value(mode).unwrap();
            assert_eq!(stored, mode.name());
            let read: RunMode = serde_json::from_value(stored).unwrap();
            // A manifest says that all rows were taken, not whether a run came before.
            let expected = if mode == RunMode::Rebuild { RunMode::Full } else { mode };
            assert_eq!(read, expected);
        }
    }
}
