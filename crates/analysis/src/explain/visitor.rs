//! A visitor: the aliases, and all sessions with their events.

use super::event::{EvidenceStory, visitor_of};
use super::nearest::nearest;
use super::session::{SessionStory, sessions};
use super::timeline::timeline;
use super::{ExplainError, Subject, reasons};
use crate::tables::Tables;
use serde::Serialize;
use std::collections::HashMap;
use tracklet_native::manifest::RecordedRules;

/// A visitor's history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VisitorStory {
    /// The visitor.
    pub dbt_visitor_id: String,
    /// The alias that was asked for, when it is not the visitor's own id.
    pub asked_by_alias: Option<String>,
    /// Every id that is mapped to the visitor.
    pub aliases: Vec<String>,
    /// The evidence that decided that a device is the visitor's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named_by: Vec<EvidenceStory>,
    /// How many events there are.
    pub events_of_visitor: u64,
    /// The sessions in order; their events are listed one by one, up to the number that was asked for.
    pub sessions: Vec<SessionStory>,
}

pub(super) fn visitor(
    tables: &dyn Tables,
    rules: &RecordedRules,
    id: &str,
    most: Option<usize>,
) -> Result<VisitorStory, ExplainError> {
    let dialect = tables.dialect();
    let of = |visitor: &str| format!("s.dbt_visitor_id = {}", dialect.text(visitor));
    let mut visitor = id.to_owned();
    let mut sessions_of = sessions(tables, rules, &of(id))?;
    let mut is_known = !sessions_of.is_empty();
    if !is_known && let Some(mapped) = visitor_of(tables, id)? {
        sessions_of = sessions(tables, rules, &of(&mapped))?;
        visitor = mapped;
        // Evidence alone gives nobody a session.
        is_known = true;
    }
    if !is_known {
        let columns = [("dbt_aliases_mapping", "alias")];
        let nearest = nearest(tables, &columns, id)?;
        return Err(ExplainError::Unknown { subject: Subject::Visitor, id: id.to_owned(), nearest });
    }
    let places: HashMap<String, usize> =
        (0..).zip(&sessions_of).map(|(place, story)| (story.session_id.clone(), place)).collect();
    for event in timeline(tables, &visitor, "1 = 1", most)? {
        let Some(place) = places.get(&event.session_id) else { continue };
        let story = &mut sessions_of[*place];
        if story.events.is_empty() {
            story.why_start = reasons::of_session(&event, rules);
        }
        story.events.push(event);
    }
    let answer = tables.ask(&format!(
        "select alias from {} where dbt_visitor_id = {} order by alias",
        dialect.table("dbt_aliases_mapping"),
        dialect.text(&visitor),
    ))?;
    let aliases = answer.rows().map(|row| row.word(0)).collect::<Result<Vec<_>, _>>()?;
    let named_by = tables.deciding_evidence(&visitor)?.into_iter();
    let named_by = named_by.map(|row| EvidenceStory::new(row.clone(), reasons::of_deciding(&row))).collect();
    Ok(VisitorStory {
        named_by,
        asked_by_alias: (visitor != id).then(|| id.to_owned()),
        dbt_visitor_id: visitor,
        aliases,
        events_of_visitor: sessions_of.iter().map(|story| story.events_of_session).sum(),
        sessions: sessions_of,
    })
}
