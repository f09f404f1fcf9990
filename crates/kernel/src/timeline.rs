//! All sessions in their order, where the tracks of only some are at hand.

use crate::sessionize::AnySession;

/// Every session of every visitor, in the order (visitor by bytes, time).
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    sessions: Vec<AnySession>,
    /// The first session of every visitor.
    first_of_visitor: Vec<u32>,
    tracks: u64,
    /// Of the sessions at hand: when the visitor's event before was; [`NO_EVENT`] where there is none.
    previous_ends: Vec<i64>,
}

/// Tracks are from 1970 on.
pub(crate) const NO_EVENT: i64 = i64::MIN;

impl Timeline {
    /// Adds the next session.
    pub(crate) fn push(&mut self, session: AnySession) {
        if session.number == 1 {
            self.first_of_visitor.push(self.sessions.len() as u32);
        }
        self.tracks += u64::from(session.tracks);
        self.sessions.push(session);
    }

    /// Notes what was before the next of the sessions at hand.
    pub(crate) fn push_previous_end(&mut self, end: Option<i64>) {
        self.previous_ends.push(end.unwrap_or(NO_EVENT));
    }

    pub(crate) fn get(&self, session: usize) -> AnySession {
        self.sessions[session]
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn visitor_count(&self) -> usize {
        self.first_of_visitor.len()
    }

    pub(crate) fn first_of_visitor(&self) -> &[u32] {
        &self.first_of_visitor
    }

    /// Tracks of all sessions.
    pub(crate) fn tracks(&self) -> u64 {
        self.tracks
    }

    /// When the event before the first of a session at hand was.
    pub(crate) fn previous_end(&self, session: usize) -> Option<i64> {
        Some(self.previous_ends[session]).filter(|end| *end != NO_EVENT)
    }
}
