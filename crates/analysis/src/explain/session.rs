//! A session: why it starts and ends where it does, and what is in it.

use super::nearest::nearest;
use super::timeline::{TimelineEvent, as_rfc3339, timeline};
use super::{ExplainError, Subject, reasons};
use crate::tables::{AnswerRow, Tables, TablesError};
use serde::Serialize;
use tracklet_native::manifest::RecordedRules;

/// A session with its events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionStory {
    /// The session's id.
    pub session_id: String,
    /// The session's visitor.
    pub dbt_visitor_id: String,
    /// The session's number among those of its visitor, from 1.
    pub session_sequence_number: i64,
    /// When the session's first event happened, microseconds since 1970; RFC 3339 in JSON.
    #[serde(serialize_with = "as_rfc3339")]
    pub started_at: i64,
    /// When the session's last event happened, in the same form.
    #[serde(serialize_with = "as_rfc3339")]
    pub ended_at: i64,
    /// Whole minutes between.
    pub session_duration: i64,
    /// How many events it has.
    pub events_of_session: u64,
    /// A sentence: why the session starts.
    pub why_start: String,
    /// A sentence: why the session ends.
    pub why_end: String,
    /// The session's events in order, as many as were asked for.
    pub events: Vec<TimelineEvent>,
}

pub(super) fn session(
    tables: &dyn Tables,
    rules: &RecordedRules,
    id: &str,
    most: Option<usize>,
) -> Result<SessionStory, ExplainError> {
    let condition = format!("s.session_id = {}", tables.dialect().text(id));
    let Some(mut story) = sessions(tables, rules, &condition)?.pop() else {
        let nearest = nearest(tables, &[("dbt_session_tracks", "session_id")], id)?;
        return Err(ExplainError::Unknown { subject: Subject::Session, id: id.to_owned(), nearest });
    };
    let own = format!("session_id = {}", tables.dialect().text(id));
    story.events = timeline(tables, &story.dbt_visitor_id, &own, most)?;
    if let Some(first) = story.events.first() {
        story.why_start = reasons::of_session(first, rules);
    }
    Ok(story)
}

/// The sessions for which a condition on `s.session_id` and `s.dbt_visitor_id` holds, in order, without their events.
pub(super) fn sessions(
    tables: &dyn Tables,
    rules: &RecordedRules,
    condition: &str,
) -> Result<Vec<SessionStory>, TablesError> {
    let dialect = tables.dialect();
    let answer = tables.ask(&format!(
        "select s.session_id, s.dbt_visitor_id, s.session_sequence_number, {start} as started_at, {end} as ended_at, \
         d.session_duration, t.events, {next} as next_start from {sessions} s \
         join {facts} f on f.session_id = s.session_id join {durations} d on d.session_id = s.session_id \
         join (select session_id, max(track_sequence_number) as events from {tracks} s where {condition} \
         group by session_id) t on t.session_id = s.session_id where {condition} \
         order by s.dbt_visitor_id, s.session_sequence_number",
        start = dialect.micros("s.session_start_at"),
        end = dialect.micros("f.ended_at"),
        next = dialect.micros("s.next_session_start_at"),
        sessions = dialect.table("dbt_session_tracks"),
        facts = dialect.table("dbt_session_track_facts"),
        durations = dialect.table("dbt_session_duration"),
        tracks = dialect.table("dbt_track_facts"),
    ))?;
    answer.rows().map(|row| story(row, rules)).collect()
}

fn story(row: AnswerRow, rules: &RecordedRules) -> Result<SessionStory, TablesError> {
    let ended_at = row.number(4)?.unwrap_or(0);
    Ok(SessionStory {
        session_id: row.word(0)?,
        dbt_visitor_id: row.word(1)?,
        session_sequence_number: row.number(2)?.unwrap_or(0),
        started_at: row.number(3)?.unwrap_or(0),
        ended_at,
        session_duration: row.number(5)?.unwrap_or(0),
        events_of_session: row.count(6)?,
        why_start: String::new(),
        why_end: reasons::of_end(ended_at, row.number(7)?, rules),
        events: Vec::new(),
    })
}
