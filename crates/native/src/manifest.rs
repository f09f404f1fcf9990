//! `manifest.json`: what a run read, where every row went, and what it wrote.

mod inputs;

pub(crate) use inputs::modified;
pub use inputs::{Input, InputSegments, Inputs, Segment};

use crate::checks::Check;
use crate::digests::seal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU64;
use tracklet_config::RunMode;
pub use tracklet_config::{RecordedColumn, RecordedSessionColumn, RecordedType};
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::ignored_ids::IgnoredIds;
use tracklet_kernel::rules::{Count, Duplicates, MICROS_PER_MINUTE, Rules, Timeout};
use tracklet_kernel::tables::Table;

/// The manifest's name in a snapshot's folder.
pub const MANIFEST: &str = "manifest.json";
/// The version of the manifest and of the layout of the snapshot it describes.
pub const FORMAT: u32 = 3;
/// The first version, which has no digests. The second one has the list of inputs in the manifest itself.
const FIRST_FORMAT: u32 = 1;

/// The manifest of a snapshot, `manifest.json`: counts, files, rules and checks of the run that made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The snapshot's name.
    pub snapshot: String,
    /// When the run ended, RFC 3339 in UTC.
    pub created_at: String,
    /// The versions of the program and of the writer of the files.
    pub versions: Versions,
    /// A hash of all configuration that changes the meaning of the tables.
    pub config_fingerprint: String,
    /// A hash of the part of it that changes how files are read.
    #[serde(default)]
    pub source_fingerprint: String,
    /// The digest of the list of forgotten ids that the tables were made with; absent where nobody was forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<String>,
    /// Ids that were taken for none; absent where every id was one, as in earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_ids: Option<RecordedIgnoredIds>,
    /// The digest of `state/digests.json`; absent in the first format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digests: Option<String>,
    /// The digest of the manifest itself, made with zeros in its place; absent in the first format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// Whether the run was full or incremental.
    #[serde(default)]
    pub mode: RunMode,
    /// Why a run rebuilt all tables although there was a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The files that this run was the first to read, and their rows.
    #[serde(default)]
    pub new: New,
    /// How many parts were written, linked and read.
    #[serde(default)]
    pub parts: Parts,
    /// The bytes that this run has read.
    #[serde(default)]
    pub bytes_read: BytesRead,
    /// What a session is in these tables; absent in manifests of the first version.
    #[serde(default)]
    pub rules: Option<RecordedRules>,
    /// How many rows all runs together have read, sessionized, dropped and rejected.
    pub rows: RowCounts,
    /// Rejected rows by reason; reasons without rows are absent.
    pub rejects: BTreeMap<String, u64>,
    /// Skipped rows that are calls of other types, by type; types without calls are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_calls: BTreeMap<String, u64>,
    /// Rows of every table.
    pub tables: BTreeMap<String, u64>,
    /// Rows of tables that are left out and of which the next run needs something.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, u64>,
    /// How many sessions there are.
    pub sessions: u64,
    /// How many visitors there are.
    pub visitors: u64,
    /// The list of the files that were read.
    pub inputs: Inputs,
    /// How many of the inputs were gone when the run looked for them. Their rows stay.
    #[serde(default)]
    pub gone: u64,
    /// Settings that changed while files could not be read again: rows of the runs before follow the earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub older_settings: Vec<OlderSetting>,
    /// Findings that a person must look at, each a sentence.
    pub warnings: Vec<String>,
    /// The outcome of every invariant.
    pub checks: Vec<Check>,
    /// Sessionized rows of every event that counts ask for, also where there are none.
    #[serde(default)]
    pub counted: BTreeMap<String, u64>,
    /// Files and bytes that this run has written.
    pub written: Written,
    /// Seconds of every step, by its name.
    pub timings: BTreeMap<String, f64>,
}

/// Ids that were taken for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedIgnoredIds {
    /// The ids that stand for nobody, as [`IgnoredIds::rule`] lists them.
    pub rule: Vec<String>,
    /// How many there were in rows read, by what in the list they are; those without any are absent.
    pub found: BTreeMap<String, u64>,
}

impl Manifest {
    /// The ids that were taken for none.
    pub fn ignored_ids(&self) -> IgnoredIds {
        let rule = self.ignored_ids.as_ref().map(|recorded| recorded.rule.clone());
        IgnoredIds::of_rule(rule.unwrap_or_default())
    }
}

/// What stands in the place of the seal while the seal is made.
const UNSEALED: &str = "00000000000000000000000000000000";

/// Bytes that are no manifest, or not those that were written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are no manifest.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The digest is another.
    #[error("it is damaged: its seal is not that of its text")]
    Seal,
}

impl Manifest {
    /// Whether this version of the program knows the format.
    pub(crate) fn is_readable(&self) -> bool {
        (FIRST_FORMAT..=FORMAT).contains(&self.format)
    }

    /// The bytes of the file, sealed.
    /// # Errors
    /// Never: every field has a text.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let unsealed = Self { seal: Some(UNSEALED.to_owned()), ..self.clone() };
        let mut text = serde_json::to_string_pretty(&unsealed)?;
        text.push('\n');
        let seal = seal(text.as_bytes());
        Ok(text.replacen(&field(UNSEALED), &field(&seal), 1).into_bytes())
    }

    /// What the bytes of a file say, verified by its seal.
    /// # Errors
    /// [`ManifestError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)?;
        match &manifest.seal {
            None if manifest.format == FIRST_FORMAT => {}
            None => return Err(ManifestError::Seal),
            Some(sealed) => {
                let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::Seal)?;
                if seal(text.replacen(&field(sealed), &field(UNSEALED), 1).as_bytes()) != *sealed {
                    return Err(ManifestError::Seal);
                }
            }
        }
        Ok(manifest)
    }
}

/// How the seal stands in the text.
fn field(seal: &str) -> String {
    format!("\"seal\": \"{seal}\"")
}

/// The files that a run was the first to read, and their rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct New {
    /// Files.
    pub files: u64,
    /// The rows of the new files: `read` and `skipped` count these; all other counts are how many more there are than before.
    pub rows: RowCounts,
    /// The rejected rows of the new files, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// How many of the files have more than half of their rows rejected for one reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mostly_rejected: Option<NonZeroU64>,
    /// How many of the tracks have a number as their time that is too small for the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubtful_times: Option<NonZeroU64>,
    /// The skipped rows of the new files that are calls of other types, by type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_calls: BTreeMap<String, u64>,
    /// What was found of the columns of events; those of which there is nothing to say are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, RecordedFindings>,
}

/// Findings about a column of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFindings {
    /// Files that do not have it.
    pub files_without: u64,
    /// Values that are no numbers, in a column of numbers.
    pub unread: u64,
    /// Examples of values that are no numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// How many parts of the tables a run linked, wrote and read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Parts that are the files of the snapshot before, under another name.
    pub linked: u64,
    /// Parts that were written.
    pub rewritten: u64,
    /// Parts of the snapshot before whose events were read.
    pub read: u64,
}

/// Bytes that a run has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BytesRead {
    /// The bytes of input files, as stored.
    pub inputs: u64,
    /// The bytes of tables of the base snapshot.
    pub tables: u64,
    /// The bytes of state of the base snapshot.
    pub state: u64,
}

/// The versions of the program and of the writer of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The version of the program.
    pub tracklet: String,
    /// The name and version in the Parquet files' `created_by`.
    pub writer: String,
}

/// The rules of a run, as its manifest has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRules {
    /// The idle time that ends a session, in microseconds.
    pub timeout_micros: NonZeroU64,
    /// Whether idle time is compared with the timeout in whole minutes or to the microsecond.
    pub boundary: Boundary,
    /// Whether rows of one event id became one.
    pub dedupe: bool,
    /// Whether event ids were made of the rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ids_from_rows: bool,
    /// How many events `dbt_tracks_flow` shows.
    pub flow_length: usize,
    /// The counted events by the column that counts them.
    pub counts: BTreeMap<String, Vec<String>>,
    /// The count columns in their order in the tables; absent in older manifests.
    #[serde(default)]
    pub count_columns: Vec<String>,
    /// The columns that tracks carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<RecordedColumn>,
    /// Whether there are tables of events and sessions; their columns are the carried ones then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub events: bool,
    /// The types whose rows are evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The columns that sessions have of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub session_columns: Vec<RecordedSessionColumn>,
    /// The names of tables that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// Whether idle time is compared with the timeout in whole minutes or to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// Cut to whole minutes first.
    WholeMinutes,
    /// To the microsecond.
    Exact,
}

impl Manifest {
    /// Rows of a table, whether readers have it or only the next run.
    pub fn rows_of(&self, table: Table) -> u64 {
        let rows = self.tables.get(table.name()).or_else(|| self.kept.get(table.name()));
        rows.copied().unwrap_or_default()
    }
}

impl RecordedRules {
    /// The rules as the kernel takes them; none where the order of the counts is not known.
    pub fn rules(&self) -> Option<Rules> {
        let default = Rules::default().counts;
        let of_default = default.iter().map(|count| (count.column.clone(), count.events.clone()));
        let columns: Vec<&String> = if !self.count_columns.is_empty() {
            self.count_columns.iter().collect()
        } else if self.counts.len() < 2 {
            self.counts.keys().collect()
        } else if of_default.collect::<BTreeMap<_, _>>() == self.counts {
            default.iter().map(|count| &count.column).collect()
        } else {
            return None;
        };
        let count = |column: &String| {
            Some(Count { column: column.clone(), events: self.counts.get(column)?.clone() })
        };
        Some(Rules {
            timeout: self.timeout(),
            duplicates: match (self.ids_from_rows, self.dedupe) {
                (true, _) => Duplicates::Number,
                (false, true) => Duplicates::Drop,
                (false, false) => Duplicates::Keep,
            },
            counts: columns.into_iter().map(count).collect::<Option<Vec<_>>>()?,
            flow_length: self.flow_length,
            carried: self.carried.iter().map(RecordedColumn::spec).collect(),
            events: self.events,
            evidence: self.evidence(),
            session_columns: self
                .session_columns
                .iter()
                .map(RecordedSessionColumn::spec)
                .collect::<Option<Vec<_>>>()?,
            left_out: self.left_out(),
        })
    }

    /// The tables that are left out.
    pub fn left_out(&self) -> BTreeSet<Table> {
        self.left_out.iter().filter_map(|name| Table::of_name(name)).collect()
    }

    /// The types whose rows are evidence.
    pub fn evidence(&self) -> EventTypes {
        self.evidence.iter().filter_map(|name| EventType::of_call(name)).collect()
    }

    /// The timeout as the kernel takes it.
    pub fn timeout(&self) -> Timeout {
        match self.boundary {
            Boundary::Exact => Timeout::Exact(self.timeout_micros),
            Boundary::WholeMinutes => {
                let minutes = self.timeout_micros.get() / MICROS_PER_MINUTE as u64;
                NonZeroU64::new(minutes).map_or(Timeout::Exact(self.timeout_micros), Timeout::WholeMinutes)
            }
        }
    }
}

impl From<&Rules> for RecordedRules {
    fn from(rules: &Rules) -> Self {
        let (timeout_micros, boundary) = match rules.timeout {
            Timeout::Exact(micros) => (micros, Boundary::Exact),
            Timeout::WholeMinutes(minutes) => {
                let minute = NonZeroU64::new(MICROS_PER_MINUTE as u64).expect("a minute is not 0");
                (minutes.saturating_mul(minute), Boundary::WholeMinutes)
            }
        };
        let counts = rules.counts.iter().map(|count| (count.column.clone(), count.events.clone()));
        Self {
            timeout_micros,
            boundary,
            dedupe: rules.duplicates != Duplicates::Keep,
            ids_from_rows: rules.duplicates == Duplicates::Number,
            flow_length: rules.flow_length,
            counts: counts.collect(),
            count_columns: rules.counts.iter().map(|count| count.column.clone()).collect(),
            carried: rules.carried.iter().map(RecordedColumn::from).collect(),
            events: rules.events,
            evidence: rules.evidence.iter().map(|of| of.name().to_owned()).collect(),
            session_columns: rules.session_columns.iter().map(RecordedSessionColumn::from).collect(),
            left_out: rules.left_out.iter().map(|table| table.name().to_owned()).collect(),
        }
    }
}

/// Row accounting: `read = sessionized + evidence + duplicates + rejected`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows that could have been tracks.
    pub read: u64,
    /// Rows that are in a session.
    pub sessionized: u64,
    /// Rows that say which user a device has and are in no session.
    #[serde(default, skip_serializing_if = "is_none")]
    pub evidence: u64,
    /// Rows dropped as duplicates.
    pub duplicates: u64,
    /// Rows that are no tracks for a reason.
    pub rejected: u64,
    /// Rows of another type, filtered out, or forgotten; not part of `read`.
    pub skipped: u64,
}

/// Whether there is no such row: configurations without evidence have no figure for it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field")]
fn is_none(rows: &u64) -> bool {
    *rows == 0
}

/// A setting that changed while files that were read could not be read again. Displayed as a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OlderSetting {
    /// `identity.ignore` or `[source]`.
    pub setting: String,
    /// The last snapshot before the change.
    pub snapshot: String,
}

impl fmt::Display for OlderSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, snapshot } = self;
        write!(
            f,
            "rows up to snapshot {snapshot} follow an earlier {setting}, and some of their files can't be read again: put the \
             files back and they are read again, or drop their rows with --full-refresh"
        )
    }
}

/// The Parquet files that a run wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Parquet files.
    pub files: u64,
    /// The bytes of the Parquet files.
    pub bytes: u64,
}
