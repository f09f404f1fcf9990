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
use crate::session::AnySession;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use std::ops::Range;

/// Bytes that few ids are longer than.
const LONG_ID: usize = 64;

/// The aliases and sessions of a snapshot.
#[derive(Debug)]
pub struct Past {
    pub(crate) ids: Interner,
    pub(crate) identity: Identity,
    pub(crate) sessions: OwnedSessions,
}

impl Past {
    /// The past of a snapshot, from its aliases, their visitors and its sessions.
    pub fn new(aliases: PastAliases, identity: Identity, sessions: OwnedSessions) -> Self {
        Self { ids: aliases.ids, identity, sessions }
    }

    /// The start of every session in microseconds, and its number of tracks.
    pub fn sessions(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.sessions.starts_and_tracks(0..self.sessions.len())
    }
}

/// Tables that contradict each other: somebody else changed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Contradiction(&'static str);

/// The aliases of a snapshot, taken in some at a time.
#[derive(Debug)]
pub struct PastAliases {
    ids: Interner,
    /// How many there will be.
    expected: usize,
}

impl PastAliases {
    /// No aliases, with capacity for so many and for the ids of new tracks.
    pub fn with_capacity(aliases: usize, new: usize) -> Self {
        Self { ids: Interner::with_capacity(aliases + new), expected: aliases }
    }

    /// In: the next `alias` of `dbt_aliases_mapping`, as `Utf8`.
    ///
    /// # Errors
    /// One that is not behind those before.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), Contradiction> {
        if self.ids.is_empty() && batch.num_rows() > 0 {
            // As the first ones are, so are all as a rule; where only those are long, no memory is reserved that nothing will fill.
            let bytes: usize = texts(batch, "alias").map(str::len).sum();
            let of_one = bytes.div_ceil(batch.num_rows()).min(LONG_ID);
            self.ids.reserve_text(of_one * self.expected);
        }
        let before = (self.ids.len() as u32).checked_sub(1).map(|last| self.ids.get(last));
        if !before.into_iter().chain(texts(batch, "alias")).is_sorted_by(|before, next| before < next) {
            return Err(Contradiction("aliases are not in their order"));
        }
        self.ids.extend(texts(batch, "alias"));
        Ok(())
    }
}

/// The visitors of a snapshot's aliases, added some rows at a time.
#[derive(Debug)]
pub struct PastIdentity<'a> {
    aliases: &'a PastAliases,
    visitors: Vec<u32>,
    logins: Vec<Login>,
}

impl<'a> PastIdentity<'a> {
    /// No visitors yet, with capacity for one for each of `aliases`.
    pub fn new(aliases: &'a PastAliases) -> Self {
        let capacity = aliases.ids.len();
        Self { aliases, visitors: Vec::with_capacity(capacity), logins: Vec::with_capacity(capacity) }
    }

    /// In: the next `dbt_visitor_id` of `dbt_aliases_mapping`, as `Utf8`, with `last_login_at` of the state.
    ///
    /// # Errors
    /// A visitor that is no alias, or more rows than aliases.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), Contradiction> {
        let ids = &self.aliases.ids;
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

    /// The visitors of all aliases.
    ///
    /// # Errors
    /// Aliases without a visitor.
    pub fn finish(self) -> Result<Identity, Contradiction> {
        if self.visitors.len() < self.aliases.ids.len() {
            return Err(Contradiction("an alias has no visitor"));
        }
        Ok(Identity::stored(self.visitors, self.logins))
    }
}

/// A session of a snapshot.
#[derive(Debug, Clone, Copy)]
struct PastSession {
    visitor: u32,
    tracks: u32,
    start: i64,
    end: i64,
}

/// The sessions of a snapshot, taken in some at a time.
#[derive(Debug)]
pub struct PastSessions {
    sessions: Vec<PastSession>,
    /// Tracks of all of them.
    tracks: u64,
}

impl PastSessions {
    /// No sessions, with capacity for so many.
    pub fn with_capacity(sessions: usize) -> Self {
        Self { sessions: Vec::with_capacity(sessions), tracks: 0 }
    }

    /// In: the next `session_start_at` of `dbt_session_tracks` with `ended_at` and `tracks` of the state.
    pub fn push(&mut self, batch: &RecordBatch) {
        let starts = batch["session_start_at"].as_primitive::<TimestampMicrosecondType>().values();
        let ends = batch["ended_at"].as_primitive::<TimestampMicrosecondType>().values();
        let tracks = batch["tracks"].as_primitive::<Int64Type>().values();
        let columns = starts.iter().zip(ends).zip(tracks);
        // Another table says whose they are.
        self.tracks += tracks.iter().map(|tracks| u64::from(*tracks as u32)).sum::<u64>();
        self.sessions.extend(columns.map(|((start, end), tracks)| PastSession {
            visitor: NONE,
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
        Self { aliases, sessions, of_visitor: vec![0..0; aliases.ids.len()], alias: 0, session: 0 }
    }

    /// In: the next `dbt_visitor_id`, as `Utf8`, and `number_of_sessions` of `dbt_user_session_facts`.
    ///
    /// # Errors
    /// Visitors that are not in their order or no aliases, sessions that are not in their order or too few.
    ///
    /// # Cost
    /// That of a merge: visitors and aliases both go by their bytes.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), Contradiction> {
        let ids = &self.aliases.ids;
        let numbers = batch["number_of_sessions"].as_primitive::<Int64Type>().values();
        for (id, sessions) in texts(batch, "dbt_visitor_id").zip(numbers) {
            let visitor = (self.alias..ids.len() as u32).find(|alias| ids.get(*alias) == id);
            let visitor = visitor.ok_or(Contradiction("a visitor is no alias, or not in order"))?;
            let end = usize::try_from(*sessions).ok().and_then(|sessions| self.session.checked_add(sessions));
            let of_visitor = end.and_then(|end| self.sessions.sessions.get_mut(self.session..end));
            let of_visitor = of_visitor.ok_or(Contradiction("a visitor has more sessions than there are"))?;
            if !of_visitor.is_sorted_by(|before, next| before.end < next.start) {
                return Err(Contradiction("sessions are not in their order"));
            }
            for session in of_visitor.iter_mut() {
                session.visitor = visitor;
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
        let PastSessions { sessions, tracks } = self.sessions;
        if self.session < sessions.len() {
            return Err(Contradiction("a session is nobody's"));
        }
        Ok(OwnedSessions { sessions, tracks, of_visitor: self.of_visitor })
    }
}

/// All sessions of a snapshot with their visitors.
#[derive(Debug, Default)]
pub struct OwnedSessions {
    sessions: Vec<PastSession>,
    /// Tracks of all of them.
    tracks: u64,
    /// By alias: its sessions, if it is a visitor.
    of_visitor: Vec<Range<u32>>,
}

impl OwnedSessions {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// The session in this place.
    pub(crate) fn get(&self, place: usize) -> AnySession {
        let PastSession { visitor, tracks, start, end } = self.sessions[place];
        let number = (place - self.of_visitor(visitor).start) as u32 + 1;
        AnySession { visitor, number, tracks, start, end }
    }

    /// Tracks of all sessions.
    pub(crate) fn tracks(&self) -> u64 {
        self.tracks
    }

    /// When those in these places start, and how many tracks they have.
    pub(crate) fn starts_and_tracks(&self, places: Range<usize>) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.sessions[places].iter().map(|session| (session.start, u64::from(session.tracks)))
    }

    /// When the session in this place starts.
    pub(crate) fn start(&self, place: usize) -> i64 {
        self.sessions[place].start
    }

    /// Of whole visitors' sessions in these places, those that are their visitor's first.
    pub(crate) fn first_of_visitor(&self, places: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let is_one = move |first: &usize| *first < places.end;
        std::iter::successors(Some(places.start).filter(is_one), move |first| {
            Some(self.of_visitor(self.sessions[*first].visitor).end).filter(is_one)
        })
    }

    /// Those in these places.
    pub(crate) fn range(&self, places: Range<usize>) -> impl Iterator<Item = AnySession> + '_ {
        places.map(|place| self.get(place))
    }

    /// The first place from `from` on whose session's visitor `before` does not hold for, as it does for none after it.
    pub(crate) fn first_from(&self, from: usize, before: impl Fn(u32) -> bool) -> usize {
        from + self.sessions[from..].partition_point(|session| before(session.visitor))
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Timeline;
    use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;

    fn ids(name: &str, ids: &[&str]) -> (String, ArrayRef) {
        (name.to_owned(), Arc::new(StringArray::from(ids.to_vec())))
    }

    fn batch(columns: Vec<(String, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn aliases(all: &[&str]) -> Result<PastAliases, Contradiction> {
        let mut aliases = PastAliases::with_capacity(0, 0);
        for some in all.chunks(2) {
            aliases.push(&batch(vec![ids("alias", some)]))?;
        }
        Ok(aliases)
    }

    /// Sessions from these times on, of a microsecond each.
    fn owned(visitors: &[(&str, i64)], starts: &[i64]) -> Result<OwnedSessions, Contradiction> {
        let aliases = aliases(&["a", "b", "c", "d"])?;
        let times = |times: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(times)) };
        let mut sessions = PastSessions::with_capacity(0);
        sessions.push(&batch(vec![
            ("session_start_at".to_owned(), times(starts.to_vec())),
            ("ended_at".to_owned(), times(starts.iter().map(|start| start + 1).collect())),
            ("tracks".to_owned(), Arc::new(Int64Array::from(vec![1; starts.len()]))),
        ]));
        let mut owned = PastVisitors::new(&aliases, sessions);
        for (visitor, sessions) in visitors {
            let sessions: ArrayRef = Arc::new(Int64Array::from(vec![*sessions]));
            owned.push(&batch(vec![
                ids("dbt_visitor_id", &[visitor]),
                ("number_of_sessions".to_owned(), sessions),
            ]))?;
        }
        owned.finish()
    }

    #[test]
    fn sessions_get_their_visitors_and_numbers() {
        let owned = owned(&[("a", 2), ("c", 1)], &[0, 10, 5]).unwrap();
        let found: Vec<_> = owned
            .range(0..owned.len())
            .map(|session| (session.visitor, session.number, session.start))
            .collect();
        assert_eq!(found, [(0, 1, 0), (0, 2, 10), (2, 1, 5)]);
        assert_eq!([0, 1, 2, 9].map(|visitor| owned.of_visitor(visitor)), [0..2, 0..0, 2..3, 0..0]);
    }

    #[test]
    fn tables_that_somebody_changed_are_noticed() {
        assert!(aliases(&["a", "b", "c"]).is_ok());
        for wrong in [&["a", "a"][..], &["b", "a"], &["a", "c", "b"]] {
            assert!(aliases(wrong).is_err(), "{wrong:?}");
        }
        for (wrong, starts) in [
            (&[("x", 1)][..], &[0][..]),
            (&[("c", 1), ("a", 1)], &[0, 1]),
            (&[("a", 2)], &[0]),
            (&[("a", -1)], &[0]),
            (&[("a", 1)], &[0, 10]),
            (&[("a", 2)], &[10, 0]),
        ] {
            assert!(owned(wrong, starts).is_err(), "{wrong:?} {starts:?}");
        }
        let known = aliases(&["a", "b"]).unwrap();
        let identity = |visitors: &[&str]| {
            let logins: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![None; visitors.len()]));
            let mut identity = PastIdentity::new(&known);
            let columns = vec![ids("dbt_visitor_id", visitors), ("last_login_at".to_owned(), logins)];
            identity.push(&batch(columns)).and_then(|()| identity.finish())
        };
        assert!(identity(&["b", "b"]).is_ok());
        for wrong in [&["a"][..], &["a", "x"], &["a", "b", "b"]] {
            assert!(identity(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_timeline_is_the_past_with_gaps_filled() {
        let past = Arc::new(owned(&[("a", 2), ("b", 1), ("c", 3)], &[0, 10, 5, 0, 10, 20]).unwrap());
        assert_eq!(Timeline::on_top_of(Arc::clone(&past)).gone().count(), past.len(), "nobody's is kept yet");
        let mut timeline = Timeline::on_top_of(Arc::clone(&past));
        timeline.push_past(0..2);
        let own = |visitor, number, start| AnySession { visitor, number, tracks: 1, start, end: start + 1 };
        timeline.push(own(1, 1, 5));
        timeline.push(own(1, 2, 50));
        timeline.push(own(9, 1, 7));
        timeline.push_past(3..3);
        timeline.push_past(3..6);
        let starts = [0, 10, 5, 50, 7, 0, 10, 20];
        assert_eq!((timeline.len(), timeline.tracks()), (8, 8));
        assert_eq!(timeline.first_of_visitor(), [0, 2, 4, 5]);
        assert_eq!(timeline.gone().collect::<Vec<_>>(), [(5, 1)]);
        assert_eq!(timeline.come().collect::<Vec<_>>(), [(5, 1), (50, 1), (7, 1)]);
        for start in 0..=8 {
            for end in start..=8 {
                let found: Vec<i64> = timeline.range(start..end).map(|session| session.start).collect();
                assert_eq!(found, starts[start..end], "{start}..{end}");
            }
        }
        let mut unchanged = Timeline::on_top_of(past);
        for of_visitor in [0..2, 2..3, 3..6] {
            unchanged.push_past(of_visitor);
        }
        assert_eq!(unchanged.first_of_visitor(), [0, 2, 3]);
        assert_eq!((unchanged.tracks(), unchanged.gone().count(), unchanged.come().count()), (6, 0, 0));
        assert_eq!(unchanged.range(1..5).map(|session| session.start).collect::<Vec<_>>(), [10, 5, 0, 10]);
    }
}
