//! `tracklet explain`: why an event is in its session and with its visitor, or where it went instead.
//!
//! All facts are read from the tables, and every sentence is written in one place, `reasons.rs`.

mod error;
mod event;
mod nearest;
mod reasons;
mod session;
mod text;
mod timeline;
mod visitor;

pub use error::ExplainError;
pub use event::{DuplicateStory, EventStory, EvidenceStory, RejectStory, TrackStory};
pub use session::SessionStory;
pub use timeline::{Neighbor, TimelineEvent};
pub use visitor::VisitorStory;

use crate::tables::Tables;
use serde::Serialize;
use tracklet_native::manifest::RecordedRules;

/// The kinds of id that `explain` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An event by its id, or a rejected row by its file and number (`FILE:ROW`).
    Event,
    /// A session by its id.
    Session,
    /// A visitor by the id, or by any alias.
    Visitor,
}

/// What `explain` found: the story of an event, a session or a visitor.
#[derive(Debug, Serialize)]
#[serde(tag = "explains", rename_all = "snake_case")]
pub enum Explanation {
    /// The story of an event.
    Event(EventStory),
    /// The story of a session.
    Session(SessionStory),
    /// The story of a visitor.
    Visitor(VisitorStory),
}

/// Explains `id`. At most `most` events of a session or visitor are listed one by one; `None` lists all.
///
/// # Errors
/// [`ExplainError::Unknown`] with the nearest ids, and what the tables say.
/// # Cost
/// A few queries that read the visitor's rows; for an unknown id, one or more over all ids.
pub fn explain(
    tables: &dyn Tables,
    rules: &RecordedRules,
    subject: Subject,
    id: &str,
    most: Option<usize>,
) -> Result<Explanation, ExplainError> {
    match subject {
        Subject::Event => event::event(tables, rules, id).map(Explanation::Event),
        Subject::Session => session::session(tables, rules, id, most).map(Explanation::Session),
        Subject::Visitor => visitor::visitor(tables, rules, id, most).map(Explanation::Visitor),
    }
}
