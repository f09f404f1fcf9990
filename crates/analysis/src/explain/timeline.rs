//! A visitor's events in order, each with the one before it.

use crate::tables::{AnswerRow, Tables, TablesError};
use chrono::{DateTime, SecondsFormat};
use serde::{Serialize, Serializer};

/// An event of a visitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEvent {
    /// The event's id.
    pub event_id: String,
    /// The event's name.
    pub event: Option<String>,
    /// The event's device.
    pub anonymous_id: Option<String>,
    /// When the event happened, microseconds since 1970; RFC 3339 in JSON.
    #[serde(serialize_with = "as_rfc3339")]
    pub timestamp: i64,
    /// The event's session.
    pub session_id: String,
    /// The event's visitor.
    pub dbt_visitor_id: String,
    /// The event's number in its session, from 1.
    pub track_sequence_number: i64,
    /// The visitor's event before; `None` for the first.
    pub previous: Option<Neighbor>,
}

/// The event before another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbor {
    /// The event's id.
    pub event_id: String,
    /// The event's name.
    pub event: Option<String>,
    /// When the event happened, microseconds since 1970.
    #[serde(serialize_with = "as_rfc3339")]
    pub timestamp: i64,
    /// The event's session.
    pub session_id: String,
    /// Microseconds from it to the other.
    pub gap_micros: i64,
}

/// The events of `visitor` for which `condition` holds, in order; the event before is that of the whole history.
///
/// The condition may use `session_id` and `event_id`.
pub(super) fn timeline(
    tables: &dyn Tables,
    visitor: &str,
    condition: &str,
    most: Option<usize>,
) -> Result<Vec<TimelineEvent>, TablesError> {
    let dialect = tables.dialect();
    let before = |what: &str| {
        format!("lag({what}, 1) over (partition by dbt_visitor_id order by timestamp, track_sequence_number)")
    };
    let micros = dialect.micros("timestamp");
    let limit = most.map_or_else(String::new, |most| format!(" limit {most}"));
    let answer = tables.ask(&format!(
        "select event_id, event, anonymous_id, happened_at, session_id, number, before_id, before_event, before_at, \
         before_session, dbt_visitor_id from (\
         select event_id, event, anonymous_id, {micros} as happened_at, session_id, track_sequence_number as number, \
         {id} as before_id, {event} as before_event, {at} as before_at, {session} as before_session, dbt_visitor_id \
         from {table} where dbt_visitor_id = {visitor}) history where {condition} order by happened_at, number{limit}",
        id = before("event_id"),
        event = before("event"),
        at = before(&micros),
        session = before("session_id"),
        table = dialect.table("dbt_track_facts"),
        visitor = dialect.text(visitor),
    ))?;
    answer.rows().map(event).collect()
}

fn event(row: AnswerRow) -> Result<TimelineEvent, TablesError> {
    let own = |column| Ok::<_, TablesError>(row.text(column)?.map(str::to_owned));
    let timestamp = row.number(3)?.unwrap_or(0);
    let previous = match (own(6)?, row.number(8)?) {
        (Some(event_id), Some(before)) => Some(Neighbor {
            event_id,
            event: own(7)?,
            timestamp: before,
            session_id: row.word(9)?,
            gap_micros: timestamp - before,
        }),
        _ => None,
    };
    Ok(TimelineEvent {
        event_id: row.word(0)?,
        event: own(1)?,
        anonymous_id: own(2)?,
        timestamp,
        session_id: row.word(4)?,
        dbt_visitor_id: row.word(10)?,
        track_sequence_number: row.number(5)?.unwrap_or(0),
        previous,
    })
}

/// `2026-01-04T10:00:00.000000Z`.
pub(super) fn rfc3339(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field")]
pub(super) fn as_rfc3339<S: Serializer>(micros: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*micros))
}
