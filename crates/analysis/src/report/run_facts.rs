//! The run, as its manifest tells it.

use crate::tables::{Tables, TablesError};
use serde::Serialize;
use std::collections::BTreeMap;
use tracklet_native::checks::Check;
use tracklet_native::manifest::{Manifest, RecordedRules, RowCounts};

/// How many rejected rows of each reason are shown.
const EXAMPLES: usize = 3;
/// Characters of a rejected line that are shown.
const RAW: usize = 240;

/// The run, and where its rows went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunFacts {
    /// The snapshot's name.
    pub snapshot: String,
    /// When the run ended, RFC 3339 in UTC.
    pub created_at: String,
    /// The version of the program that ran.
    pub version: String,
    /// The hash of all configuration that changes the tables.
    pub fingerprint: String,
    /// The rules by which the run made sessions.
    pub rules: RecordedRules,
    /// How many rows were sessionized, dropped and rejected.
    pub rows: RowCounts,
    /// Events by type, the most frequent first; none where tracks alone are events.
    pub types: Vec<EventsOfType>,
    /// Skipped rows that are calls of other types, by type.
    pub other_calls: BTreeMap<String, u64>,
    /// Files read.
    pub files: u64,
    /// The bytes of all files read.
    pub bytes: u64,
    /// Seconds from start to end.
    pub seconds: Option<f64>,
    /// Why rows were rejected, the most frequent reason first.
    pub rejects: Vec<RejectReason>,
    /// The outcome of every invariant.
    pub checks: Vec<Check>,
}

/// Events of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventsOfType {
    /// The type, as in `event_type`.
    pub name: String,
    /// How many events are of it.
    pub events: u64,
}

/// A reason for which rows were rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectReason {
    /// The reason's name.
    pub reason: String,
    /// How many rows.
    pub rows: u64,
    /// The first of them.
    pub examples: Vec<RejectExample>,
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectExample {
    /// The file of the rejected row, or the table of the source.
    pub source_file: String,
    /// The row's number there; `None` in a warehouse.
    pub row_number: Option<i64>,
    /// What of it shows the reason: its columns, or the beginning of the raw line.
    pub shown: String,
}

impl RunFacts {
    pub(super) fn of(
        tables: &dyn Tables,
        manifest: &Manifest,
        rules: &RecordedRules,
    ) -> Result<Self, TablesError> {
        let mut rejects: Vec<RejectReason> = manifest
            .rejects
            .iter()
            .map(|(reason, rows)| RejectReason { reason: reason.clone(), rows: *rows, examples: Vec::new() })
            .collect();
        rejects.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.reason.cmp(&b.reason)));
        if !rejects.is_empty() {
            add_examples(tables, &mut rejects)?;
        }
        Ok(Self {
            snapshot: manifest.snapshot.clone(),
            created_at: manifest.created_at.clone(),
            version: manifest.versions.tracklet.clone(),
            fingerprint: manifest.config_fingerprint.clone(),
            rules: rules.clone(),
            rows: manifest.rows,
            types: if rules.events { types(tables)? } else { Vec::new() },
            other_calls: manifest.other_calls.clone(),
            files: manifest.inputs.files(),
            bytes: manifest.inputs.bytes(),
            seconds: manifest.timings.get("total").copied(),
            rejects,
            checks: manifest.checks.clone(),
        })
    }
}

/// The sessionized events of every type.
fn types(tables: &dyn Tables) -> Result<Vec<EventsOfType>, TablesError> {
    let answer = tables.ask(&format!(
        "select event_type, count(*) as events from {} group by event_type order by events desc, event_type",
        tables.dialect().table("tracklet_events"),
    ))?;
    answer.rows().map(|row| Ok(EventsOfType { name: row.word(0)?, events: row.count(1)? })).collect()
}

fn add_examples(tables: &dyn Tables, rejects: &mut [RejectReason]) -> Result<(), TablesError> {
    const COLUMNS: [&str; 5] = ["event_id", "anonymous_id", "user_id", "event", "timestamp"];
    let dialect = tables.dialect();
    let columns: Vec<String> =
        COLUMNS.iter().map(|column| format!("substr({column}, 1, {RAW}) as {column}")).collect();
    let answer = tables.ask(&format!(
        "select reason, source_file, row_number, substr(raw, 1, {RAW}) as raw, {columns} from (\
         select reason, source_file, row_number, raw, {listed}, \
         row_number() over (partition by reason order by source_file, row_number nulls last, event_id nulls last, \
         timestamp nulls last) as place \
         from {table}) placed where place <= {EXAMPLES} order by reason, place",
        columns = columns.join(", "),
        listed = COLUMNS.join(", "),
        table = dialect.table("tracklet_rejects"),
    ))?;
    for row in answer.rows() {
        let reason = row.word(0)?;
        let Some(found) = rejects.iter_mut().find(|reject| reject.reason == reason) else { continue };
        let mut shown = Vec::new();
        for (place, column) in (4..).zip(COLUMNS) {
            if let Some(text) = row.text(place)? {
                shown.push(format!("{column} {text}"));
            }
        }
        if let Some(raw) = row.text(3)? {
            shown.push(raw.to_owned());
        }
        found.examples.push(RejectExample {
            source_file: row.word(1)?,
            row_number: row.number(2)?,
            shown: shown.join(" · "),
        });
    }
    Ok(())
}
