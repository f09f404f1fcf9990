//! What the tables of a snapshot say about its aliases and sessions, taken in some rows at a time.
//!
//! ```text
//! dbt_aliases_mapping: alias --> PastAliases --+-- visitor, last login --> PastIdentity --> Identity --+
//!                                              |                                                       +--> Past
//! dbt_session_tracks: times --> PastSessions --+-- dbt_user_session_facts --> PastVisitors ------------+
//! ```
//!
//! All of these tables go by the bytes of ids, so whose a session is takes a merge, no look-up; and no more than what is
//! kept of them is ever in memory.

use crate::identity::{Identity, Login, NO_LOGIN};
use crate::intern::{Interner, NONE};
use crate::sessionize::AnySession;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use std::ops::Range;

/// What the tables of a snapshot say about its aliases and sessions.
#[derive(Debug)]
pub struct Past {
    pub(crate) ids: Interner,
    pub(crate) identity: Identity,
    pub(crate) sessions: OwnedSessions,
}

impl Past {
    /// What was taken in.
    pub fn new(aliases: PastAliases, identity: Identity, sessions: OwnedSessions) -> Self {
        Self { ids: aliases.0, identity, sessions }
    }

    /// When every session starts, in microseconds, and how many tracks it has.
    pub fn sessions(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.sessions.sessions.iter().map(|session| (session.start, u64::from(session.tracks)))
    }
}

/// Tables that contradict each other: somebody else changed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Contradiction(&'static str);

/// The aliases of a snapshot, taken in some at a time.
#[derive(Debug)]
pub struct PastAliases(Interner);

impl PastAliases {
    /// None yet, with room for so many.
    pub fn with_capacity(aliases: usize) -> Self {
        Self(Interner::with_capacity(aliases))
    }

    /// In: the next `alias` of `dbt_aliases_mapping`, as `Utf8`.
    ///
    /// # Errors
    /// One that is not behind those before.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), Contradiction> {
        for alias in texts(batch, "alias") {
            let last = (self.0.len() as u32).checked_sub(1).map(|last| self.0.get(last));
            if last.is_some_and(|last| last >= alias) {
                return Err(Contradiction("aliases are not in their order"));
            }
            self.0.intern(alias);
        }
        Ok(())
    }
}

/// Who the aliases of a snapshot are, taken in some at a time.
#[derive(Debug)]
pub struct PastIdentity<'a> {
    aliases: &'a PastAliases,
    visitors: Vec<u32>,
    logins: Vec<Login>,
}

impl<'a> PastIdentity<'a> {
    /// None yet.
    pub fn new(aliases: &'a PastAliases) -> Self {
        let room = aliases.0.len();
        Self { aliases, visitors: Vec::with_capacity(room), logins: Vec::with_capacity(room) }
    }

    /// In: the next `dbt_visitor_id` of `dbt_aliases_mapping`, as `Utf8`, with `last_login_at` of the state.
    ///
    /// # Errors
    /// A visitor that is no alias, or more rows than aliases.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), Contradiction> {
        let ids = &self.aliases.0;
        if self.visitors.len() + batch.num_rows() > ids.len() {
            return Err(Contradiction("there are more visitors than aliases"));
        }
        let last_logins = batch["last_login_at"].as_primitive::<TimestampMicrosecondType>();
        for (visitor, last_login) in texts(batch, "dbt_visitor_id").zip(last_logins) {
            let alias = self.visitors.len() as u32;
            // Most are called by their own id.
            let number = if ids.get(alias) == visitor { Some(alias) } else { ids.find(visitor) };
            let user_id = number.ok_or(Contradiction("a visitor is no alias"))?;
            self.visitors.push(user_id);
            self.logins.push(last_login.map_or(NO_LOGIN, |timestamp| Login { timestamp, user_id }));
        }
        Ok(())
    }

    /// All of them.
    ///
    /// # Errors
    /// Aliases without a visitor.
    pub fn finish(self) -> Result<Identity, Contradiction> {
        if self.visitors.len() < self.aliases.0.len() {
            return Err(Contradiction("an alias has no visitor"));
        }
        Ok(Identity::stored(self.visitors, self.logins))
    }
}

/// The sessions of a snapshot, taken in some at a time.
#[derive(Debug)]
pub struct PastSessions(Vec<AnySession>);

impl PastSessions {
    /// None yet, with room for so many.
    pub fn with_capacity(sessions: usize) -> Self {
        Self(Vec::with_capacity(sessions))
    }

    /// In: the next `session_start_at` of `dbt_session_tracks` with `ended_at` and `tracks` of the state.
    pub fn push(&mut self, batch: &RecordBatch) {
        let starts = batch["session_start_at"].as_primitive::<TimestampMicrosecondType>().values();
        let ends = batch["ended_at"].as_primitive::<TimestampMicrosecondType>().values();
        let tracks = batch["tracks"].as_primitive::<Int64Type>().values();
        let columns = starts.iter().zip(ends).zip(tracks);
        // Whose they are is told by another table.
        self.0.extend(columns.map(|((start, end), tracks)| AnySession {
            visitor: NONE,
            number: 0,
            tracks: *tracks as u32,
            start: *start,
            end: *end,
        }));
    }
}

/// Whose the sessions of a snapshot are, taken in some visitors at a time.
#[derive(Debug)]
pub struct PastVisitors<'a> {
    aliases: &'a PastAliases,
    sessions: PastSessions,
    of_visitor: Vec<Range<u32>>,
    /// The first alias that may be the next visitor.
    alias: u32,
    /// The first session of the next visitor.
    session: usize,
}

impl<'a> PastVisitors<'a> {
    /// Nobody's yet.
    pub fn new(aliases: &'a PastAliases, sessions: PastSessions) -> Self {
        Self { aliases, sessions, of_visitor: vec![0..0; aliases.0.len()], alias: 0, session: 0 }
    }

    /// In: the next `dbt_visitor_id`, as `Utf8`, and `number_of_sessions` of `dbt_user_session_facts`.
    ///
    /// # Errors
    /// Visitors that are not in their order or no aliases, sessions that are not in their order or too few.
    ///
    /// # Cost
    /// That of a merge: visitors and aliases both go by their bytes.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), Contradiction> {
        let ids = &self.aliases.0;
        let numbers = batch["number_of_sessions"].as_primitive::<Int64Type>().values();
        for (id, sessions) in texts(batch, "dbt_visitor_id").zip(numbers) {
            let visitor = (self.alias..ids.len() as u32).find(|alias| ids.get(*alias) == id);
            let visitor = visitor.ok_or(Contradiction("a visitor is no alias, or not in order"))?;
            let end = usize::try_from(*sessions).ok().and_then(|sessions| self.session.checked_add(sessions));
            let of_visitor = end.and_then(|end| self.sessions.0.get_mut(self.session..end));
            let of_visitor = of_visitor.ok_or(Contradiction("a visitor has more sessions than there are"))?;
            if !of_visitor.is_sorted_by(|before, next| before.end < next.start) {
                return Err(Contradiction("sessions are not in their order"));
            }
            for (session, number) in of_visitor.iter_mut().zip(1..) {
                (session.visitor, session.number) = (visitor, number);
            }
            let end = self.session + of_visitor.len();
            self.of_visitor[visitor as usize] = self.session as u32..end as u32;
            (self.alias, self.session) = (visitor + 1, end);
        }
        Ok(())
    }

    /// All sessions and whose they are.
    ///
    /// # Errors
    /// Sessions that are nobody's.
    pub fn finish(self) -> Result<OwnedSessions, Contradiction> {
        if self.session < self.sessions.0.len() {
            return Err(Contradiction("a session is nobody's"));
        }
        Ok(OwnedSessions { sessions: self.sessions.0, of_visitor: self.of_visitor })
    }
}

/// All sessions of a snapshot and whose they are.
#[derive(Debug, Default)]
pub struct OwnedSessions {
    pub(crate) sessions: Vec<AnySession>,
    /// By alias: its sessions, if it is a visitor.
    of_visitor: Vec<Range<u32>>,
}

impl OwnedSessions {
    /// The sessions of a visitor, who may be new.
    pub(crate) fn of_visitor(&self, visitor: u32) -> Range<usize> {
        let range = self.of_visitor.get(visitor as usize);
        range.map_or(0..0, |range| range.start as usize..range.end as usize)
    }
}

/// The texts of a column that has no null; one all the same is empty, which no id is.
fn texts<'b>(batch: &'b RecordBatch, column: &str) -> impl Iterator<Item = &'b str> {
    let texts = batch[column].as_string::<i32>();
    (0..texts.len()).map(|row| texts.value(row))
}
