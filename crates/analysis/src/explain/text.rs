//! The answers for people. Control characters in ids are written out, so that none reaches a terminal.

use super::reasons::duration;
use super::timeline::{TimelineEvent, rfc3339};
use super::{EventStory, Explanation, RejectStory, SessionStory, VisitorStory};
use std::fmt::{self, Display, Formatter};
use tracklet_display::visible::visible;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Event(story) => event(story),
            Self::Session(story) => session(story),
            Self::Visitor(story) => visitor(story),
        };
        text.iter().try_for_each(|line| writeln!(f, "{}", visible(line).trim_end()))
    }
}

fn name(event: Option<&String>) -> String {
    event.map_or_else(|| "(no name)".to_owned(), Clone::clone)
}

/// A time without its trailing zeros.
fn time(micros: i64) -> String {
    let text = rfc3339(micros).replacen('T', " ", 1);
    text.replace(".000000Z", "Z")
}

fn event(story: &EventStory) -> Vec<String> {
    let mut lines = Vec::new();
    for found in &story.sessionized {
        let track = &found.track;
        lines.push(format!(
            "event {}  {}  {}",
            track.event_id,
            name(track.event.as_ref()),
            time(track.timestamp)
        ));
        lines.push(format!(
            "  number {} of the {} events of session `{}`",
            track.track_sequence_number, found.events_of_session, track.session_id
        ));
        lines.push(format!("  {}", found.why_session));
        if !found.columns.is_empty() {
            let columns = found.columns.iter().map(|(name, text)| format!("{name} {}", visible(text)));
            lines.push(format!("  it has {}", columns.collect::<Vec<_>>().join(", ")));
        }
        lines.push(format!("  visitor `{}`: {}", track.dbt_visitor_id, found.why_visitor));
    }
    for row in &story.evidence {
        lines.push(format!("evidence {}  {} call  {}", row.event_id, row.event_type, time(row.timestamp)));
        lines.push(format!("  in no session; {}", row.why));
    }
    for row in &story.duplicates {
        lines.push(format!(
            "duplicate of {}  {}  {}",
            story.id,
            name(row.event.as_ref()),
            time(row.timestamp)
        ));
        lines.push(format!("  {}", row.why));
    }
    for row in &story.rejected {
        lines.extend(reject(row));
    }
    lines
}

fn reject(row: &RejectStory) -> Vec<String> {
    let place = match row.row_number {
        Some(number) => format!("{}:{number}", row.source_file),
        None => row.source_file.clone(),
    };
    let mut lines = vec![format!("rejected row {place}"), format!("  {}: {}", row.reason, row.why)];
    let shown = |text: &str| if text.is_empty() { "(empty)".to_owned() } else { text.to_owned() };
    lines.extend(row.columns.iter().map(|(column, text)| format!("  {column} {}", shown(text))));
    lines.extend(row.raw.as_ref().map(|raw| format!("  line {raw}")));
    lines
}

fn session(story: &SessionStory) -> Vec<String> {
    let mut lines = vec![format!("session {}  of visitor {}", story.session_id, story.dbt_visitor_id)];
    lines.extend(body(story));
    lines
}

fn visitor(story: &VisitorStory) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(alias) = &story.asked_by_alias {
        lines.push(format!("{alias} is an alias of {}", story.dbt_visitor_id));
    }
    lines.push(format!(
        "visitor {}  {} events in {} sessions",
        story.dbt_visitor_id,
        story.events_of_visitor,
        story.sessions.len()
    ));
    lines.push(format!("  aliases: {}", story.aliases.join(", ")));
    lines.extend(story.named_by.iter().map(|named| format!("  {}", named.why)));
    let mut left_out = 0;
    for session in &story.sessions {
        if session.events.is_empty() {
            left_out += 1;
            continue;
        }
        lines.push(String::new());
        lines.push(format!("session {}", session.session_id));
        lines.extend(body(session));
    }
    if left_out > 0 {
        lines.push(String::new());
        lines.push(format!("{left_out} later sessions are left out; --limit 0 shows all"));
    }
    lines
}

/// What a session is made of.
fn body(story: &SessionStory) -> Vec<String> {
    let mut lines = vec![format!(
        "  {} to {}, {} min, {} events",
        time(story.started_at),
        time(story.ended_at),
        story.session_duration,
        story.events_of_session
    )];
    lines.push(format!("  it {}", story.why_start));
    lines.extend(story.events.iter().map(step));
    let left = story.events_of_session - story.events.len() as u64;
    if left > 0 {
        lines.push(format!("    {left} more events are left out; --limit 0 shows all"));
    }
    lines.push(format!("  it ends: {}", story.why_end));
    lines
}

fn step(event: &TimelineEvent) -> String {
    let gap = match &event.previous {
        Some(previous) if event.track_sequence_number > 1 => format!("+{}", duration(previous.gap_micros)),
        _ => String::new(),
    };
    format!(
        "    {:>3}  {}  {gap:>16}  {}  ({})",
        event.track_sequence_number,
        time(event.timestamp),
        name(event.event.as_ref()),
        event.event_id
    )
}
