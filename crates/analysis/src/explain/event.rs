//! An event: where every row with its id went, and why.

use super::nearest::nearest;
use super::timeline::{TimelineEvent, as_rfc3339, timeline};
use super::{ExplainError, Subject, reasons};
use crate::tables::{Evidence, Tables, TablesError};
use serde::{Serialize, Serializer};
use tracklet_config::{RecordedColumn, RecordedType};
use tracklet_kernel::registry;
use tracklet_native::manifest::RecordedRules;

/// Every row with the id of an event: sessionized, evidence, dropped or rejected, each with the reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventStory {
    /// The event id that was asked for.
    pub id: String,
    /// The tracks; more than one only where duplicates are kept.
    pub sessionized: Vec<TrackStory>,
    /// The rows that are evidence, and in no session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceStory>,
    /// The rows that were dropped as duplicates.
    pub duplicates: Vec<DuplicateStory>,
    /// The rows that were rejected.
    pub rejected: Vec<RejectStory>,
}

/// A track, and why it is where it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackStory {
    /// The track with its session and visitor.
    #[serde(flatten)]
    pub track: TimelineEvent,
    /// The user that it names; `None` also where that was not kept.
    pub user_id: Option<String>,
    /// How many events its session has.
    pub events_of_session: u64,
    /// A sentence: why the track is in this session.
    pub why_session: String,
    /// A sentence: why the track is with this visitor.
    pub why_visitor: String,
    /// The event's type and the columns that it brings along, those with a value; none where there is no table of events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<(String, String)>,
}

/// A row that is evidence, and what it says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvidenceStory {
    /// The row's id.
    pub event_id: String,
    /// The type of the call.
    pub event_type: String,
    /// The row's device.
    pub anonymous_id: Option<String>,
    /// The user that it names.
    pub user_id: Option<String>,
    /// When the call happened, microseconds since 1970; RFC 3339 in JSON.
    #[serde(serialize_with = "as_rfc3339")]
    pub timestamp: i64,
    /// A sentence: what the row says of its device.
    pub why: String,
}

impl EvidenceStory {
    pub(super) fn new(row: Evidence, why: String) -> Self {
        let Evidence { event_id, event_type, anonymous_id, user_id, timestamp } = row;
        Self { event_id, event_type, anonymous_id, user_id, timestamp, why }
    }
}

/// A row that was dropped as a duplicate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DuplicateStory {
    /// The dropped row's device.
    pub anonymous_id: Option<String>,
    /// The dropped row's user.
    pub user_id: Option<String>,
    /// The name of the dropped row's event.
    pub event: Option<String>,
    /// When the event happened, microseconds since 1970; RFC 3339 in JSON.
    #[serde(serialize_with = "as_rfc3339")]
    pub timestamp: i64,
    /// When the dropped row arrived, microseconds since 1970 UTC.
    #[serde(serialize_with = "as_optional_rfc3339")]
    pub received_at: Option<i64>,
    /// A sentence: why the row was dropped.
    pub why: String,
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectStory {
    /// The file, or the source's table.
    pub source_file: String,
    /// The number of the row in the file or table.
    pub row_number: Option<i64>,
    /// The reason as `tracklet_rejects` has it.
    pub reason: String,
    /// A sentence: what the reason means.
    pub why: &'static str,
    /// The rejected row's canonical columns as they stood in the source, without those that are absent.
    pub columns: Vec<(String, String)>,
    /// The line, where it could not be read.
    pub raw: Option<String>,
}

pub(super) fn event(
    tables: &dyn Tables,
    rules: &RecordedRules,
    id: &str,
) -> Result<EventStory, ExplainError> {
    let dialect = tables.dialect();
    let has_id = format!("event_id = {}", dialect.text(id));
    let sessionized = tracks(tables, rules, &has_id)?;
    let evidence = evidence(tables, id)?;
    let kept = match (sessionized.first(), evidence.first()) {
        (Some(story), _) => Some(KeptRow::Event(&story.track)),
        (None, story) => story.map(KeptRow::Evidence),
    };
    let duplicates = duplicates(tables, &has_id, kept)?;
    let mut rejected = rejects(tables, &has_id)?;
    if let Some((file, row)) = id.rsplit_once(':')
        && let Ok(row) = row.parse::<u64>()
    {
        let place = format!("row_number = {row} and source_file = {}", dialect.text(file));
        rejected.extend(rejects(tables, &place)?);
    }
    if sessionized.is_empty() && evidence.is_empty() && duplicates.is_empty() && rejected.is_empty() {
        let columns = [
            ("dbt_track_facts", "event_id"),
            ("tracklet_duplicates", "event_id"),
            ("tracklet_rejects", "event_id"),
        ];
        let nearest = nearest(tables, &columns, id)?;
        return Err(ExplainError::Unknown { subject: Subject::Event, id: id.to_owned(), nearest });
    }
    Ok(EventStory { id: id.to_owned(), sessionized, evidence, duplicates, rejected })
}

/// The row that is kept of all with one event id.
#[derive(Clone, Copy)]
pub(super) enum KeptRow<'a> {
    /// The kept row is an event.
    Event(&'a TimelineEvent),
    /// The kept row is evidence.
    Evidence(&'a EvidenceStory),
}

/// What evidence with this id says.
fn evidence(tables: &dyn Tables, id: &str) -> Result<Vec<EvidenceStory>, TablesError> {
    let found = tables.evidence(id)?;
    let story = |row: Evidence| {
        let (visitor, logins) = match &row.anonymous_id {
            Some(device) => (visitor_of(tables, device)?, tables.logins(id, Some(device))?),
            None => (None, None),
        };
        let why = reasons::of_evidence(&row, visitor.as_deref(), logins.as_ref());
        Ok(EvidenceStory::new(row, why))
    };
    found.into_iter().map(story).collect()
}

fn tracks(tables: &dyn Tables, rules: &RecordedRules, has_id: &str) -> Result<Vec<TrackStory>, TablesError> {
    let dialect = tables.dialect();
    let facts = dialect.table("dbt_track_facts");
    let visitors = tables.ask(&format!(
        "select distinct dbt_visitor_id from {facts} where {has_id} order by dbt_visitor_id"
    ))?;
    let mut stories = Vec::new();
    for visitor in visitors.rows() {
        for track in timeline(tables, &visitor.word(0)?, has_id, None)? {
            let answer = tables.ask(&format!(
                "select count(*) as events from {facts} where session_id = {}",
                dialect.text(&track.session_id)
            ))?;
            let device_visitor = match &track.anonymous_id {
                Some(device) => visitor_of(tables, device)?,
                None => None,
            };
            let logins = tables.logins(&track.event_id, track.anonymous_id.as_deref())?;
            stories.push(TrackStory {
                columns: columns(tables, rules, &track.event_id)?,
                events_of_session: answer.first().map_or(Ok(0), |row| row.count(0))?,
                why_session: reasons::of_session(&track, rules),
                why_visitor: reasons::of_visitor(&track, device_visitor.as_deref(), logins.as_ref()),
                user_id: logins.and_then(|logins| logins.user_id),
                track,
            });
        }
    }
    Ok(stories)
}

/// The type and the columns of an event, where the tables have them.
fn columns(
    tables: &dyn Tables,
    rules: &RecordedRules,
    event_id: &str,
) -> Result<Vec<(String, String)>, TablesError> {
    if !rules.events {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = rules.carried.iter().map(|column| column.name.as_str()).collect();
    let dialect = tables.dialect();
    // Redshift casts no truth to text.
    let text = |column: &RecordedColumn| match column.values {
        RecordedType::Truth => {
            let name = dialect.column(&column.name);
            format!("case when {name} then 'true' when not {name} then 'false' end")
        }
        RecordedType::Text | RecordedType::Number => dialect.as_text(&column.name),
    };
    let texts: Vec<String> = rules.carried.iter().map(text).collect();
    let answer = tables.ask(&format!(
        "select {} from {} where event_id = {}",
        texts.join(", "),
        dialect.table("tracklet_events"),
        dialect.text(event_id)
    ))?;
    let Some(row) = answer.first() else { return Ok(Vec::new()) };
    let mut columns = Vec::new();
    for (place, name) in names.into_iter().enumerate() {
        columns.extend(row.text(place)?.map(|text| (name.to_owned(), text.to_owned())));
    }
    Ok(columns)
}

/// The visitor that the mapping has for an alias.
pub(super) fn visitor_of(tables: &dyn Tables, alias: &str) -> Result<Option<String>, TablesError> {
    let dialect = tables.dialect();
    let answer = tables.ask(&format!(
        "select dbt_visitor_id from {} where alias = {}",
        dialect.table("dbt_aliases_mapping"),
        dialect.text(alias)
    ))?;
    answer.first().map(|row| row.word(0)).transpose()
}

fn duplicates(
    tables: &dyn Tables,
    has_id: &str,
    kept: Option<KeptRow<'_>>,
) -> Result<Vec<DuplicateStory>, TablesError> {
    let dialect = tables.dialect();
    let answer = tables.ask(&format!(
        "select anonymous_id, user_id, event, {at} as dropped_at, {received} as arrived_at from {table} \
         where {has_id} order by dropped_at, arrived_at nulls last, anonymous_id nulls last, \
         user_id nulls last, event nulls last",
        at = dialect.micros("timestamp"),
        received = dialect.micros("received_at"),
        table = dialect.table("tracklet_duplicates"),
    ))?;
    let story = |row: crate::tables::AnswerRow| {
        let own = |column| Ok::<_, TablesError>(row.text(column)?.map(str::to_owned));
        let timestamp = row.number(3)?.unwrap_or(0);
        Ok(DuplicateStory {
            anonymous_id: own(0)?,
            user_id: own(1)?,
            event: own(2)?,
            timestamp,
            received_at: row.number(4)?,
            why: reasons::of_duplicate(timestamp, kept),
        })
    };
    answer.rows().map(story).collect()
}

fn rejects(tables: &dyn Tables, condition: &str) -> Result<Vec<RejectStory>, TablesError> {
    let answer = tables.ask(&format!(
        "select source_file, row_number, reason, raw, {} from {} where {condition} order by source_file, row_number nulls last",
        registry::NAMES.join(", "),
        tables.dialect().table("tracklet_rejects"),
    ))?;
    let story = |row: crate::tables::AnswerRow| {
        let reason = row.word(2)?;
        let mut columns = Vec::new();
        for (place, name) in (4..).zip(registry::NAMES) {
            columns.extend(row.text(place)?.map(|text| (name.to_owned(), text.to_owned())));
        }
        Ok(RejectStory {
            source_file: row.word(0)?,
            row_number: row.number(1)?,
            why: reasons::of_reject(&reason),
            reason,
            columns,
            raw: row.text(3)?.map(str::to_owned),
        })
    };
    answer.rows().map(story).collect()
}

#[allow(clippy::ref_option, reason = "serde hands the field")]
fn as_optional_rfc3339<S: Serializer>(micros: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match micros {
        Some(micros) => as_rfc3339(micros, serializer),
        None => serializer.serialize_none(),
    }
}
