//! All sessions in their order, where the tracks of only some are in memory.

use crate::past::OwnedSessions;
use crate::session::AnySession;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Every session of every visitor, in the order (visitor by bytes, time).
///
/// ```text
/// past: a1 a2 | b1 | c1 c2 c3 | d1        own: b1 b2 | bb1
/// runs: past 0..2, own 0..3, past 3..7  --> a1 a2 b1 b2 bb1 c1 c2 c3 d1
/// ```
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// Sessions as they were; those of visitors whose sessions may change are not looked at.
    past: Arc<OwnedSessions>,
    /// Sessions of visitors whose sessions may have changed.
    own: Vec<AnySession>,
    runs: Vec<SessionRun>,
    len: usize,
    /// The first session of every visitor, once that was asked for.
    first_of_visitor: OnceLock<Vec<u32>>,
    /// Of the sessions in memory: when the visitor's event before was; [`NO_EVENT`] where there is none.
    previous_ends: Vec<i64>,
    /// Of the sessions in memory: when the visitor's next session starts; [`NO_EVENT`] where there is none.
    next_starts: Vec<i64>,
}

/// Sessions that follow each other in one of the two lists.
#[derive(Debug, Clone, Copy)]
struct SessionRun {
    /// The place of the first one in the order of all.
    first: u32,
    /// The place of the run of sessions in its list.
    from: u32,
    list: List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Past,
    Own,
}

/// Tracks are from 1970 on.
pub(crate) const NO_EVENT: i64 = i64::MIN;

impl Timeline {
    /// No session yet, on top of past ones.
    pub(crate) fn on_top_of(past: Arc<OwnedSessions>) -> Self {
        Self { past, ..Self::default() }
    }

    /// Adds all past sessions of some visitors, which stay as they were.
    pub(crate) fn push_past(&mut self, sessions: Range<usize>) {
        if sessions.is_empty() {
            return;
        }
        // What follows the last run's sessions there as well is of the same run.
        let goes_on = self.runs.last().is_some_and(|run| {
            run.list == List::Past && run.from as usize + self.len - run.first as usize == sessions.start
        });
        if !goes_on {
            self.runs.push(SessionRun {
                first: self.len as u32,
                from: sessions.start as u32,
                list: List::Past,
            });
        }
        self.first_of_visitor.take();
        self.len += sessions.len();
    }

    /// Reserves memory for so many more sessions that may have changed.
    pub(crate) fn reserve(&mut self, sessions: usize) {
        self.own.reserve(sessions);
    }

    /// Adds the next session of a visitor whose sessions may have changed.
    pub(crate) fn push(&mut self, session: AnySession) {
        self.first_of_visitor.take();
        if self.runs.last().is_none_or(|run| run.list == List::Past) {
            self.runs.push(SessionRun {
                first: self.len as u32,
                from: self.own.len() as u32,
                list: List::Own,
            });
        }
        self.own.push(session);
        self.len += 1;
    }

    /// Notes what was before the next of the sessions in memory.
    pub(crate) fn push_previous_end(&mut self, end: Option<i64>) {
        self.previous_ends.push(end.unwrap_or(NO_EVENT));
    }

    /// Notes when the session after the next of the sessions in memory starts.
    pub(crate) fn push_next_start(&mut self, start: Option<i64>) {
        self.next_starts.push(start.unwrap_or(NO_EVENT));
    }

    /// The sessions in these places.
    ///
    /// # Cost
    /// A search for the first one.
    pub(crate) fn range(&self, places: Range<usize>) -> impl Iterator<Item = AnySession> + '_ {
        let first = self.runs.partition_point(|run| run.first as usize <= places.start).saturating_sub(1);
        let Range { start, end } = places;
        let runs = self.runs_from(first).take_while(move |(run, _)| (run.first as usize) < end);
        runs.flat_map(move |(run, all)| {
            let at = |place: usize| all.start + place - run.first as usize;
            let places = at(start.max(run.first as usize))..at(end).min(all.end);
            let (past, own) = match run.list {
                List::Past => (places, 0..0),
                List::Own => (0..0, places),
            };
            self.past.range(past).chain(self.own[own].iter().copied())
        })
    }

    /// The runs from this one on, with where their sessions are in their list.
    fn runs_from(&self, first: usize) -> impl Iterator<Item = (&SessionRun, Range<usize>)> {
        let ends = self.runs.iter().skip(first + 1).map(|run| run.first).chain([self.len as u32]);
        let runs = self.runs[first.min(self.runs.len())..].iter().zip(ends);
        runs.map(|(run, end)| (run, run.from as usize..(run.from + end - run.first) as usize))
    }

    /// The past sessions of visitors of whom any session is not as it was: when each started and how many tracks it had.
    pub(crate) fn gone(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let stay = self.runs_from(0).filter(|(run, _)| run.list == List::Past).map(|(_, places)| places);
        let all = self.past.len();
        let mut from = 0;
        let gaps = stay.chain(std::iter::once(all..all)).map(move |stay| {
            let gap = from..stay.start;
            from = stay.end;
            gap
        });
        gaps.flat_map(|gap| self.past.starts_and_tracks(gap))
    }

    /// The sessions in place of [`Timeline::gone`].
    pub(crate) fn come(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.own.iter().map(|session| (session.start, u64::from(session.tracks)))
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn visitor_count(&self) -> usize {
        self.first_of_visitor().len()
    }

    /// The first session of every visitor.
    ///
    /// # Cost
    /// When asked for the first time a step for every visitor.
    pub(crate) fn first_of_visitor(&self) -> &[u32] {
        self.first_of_visitor.get_or_init(|| {
            let mut firsts = Vec::new();
            for (run, places) in self.runs_from(0) {
                let place = |at: usize| run.first + (at - places.start) as u32;
                match run.list {
                    List::Past => firsts.extend(self.past.first_of_visitor(places.clone()).map(place)),
                    List::Own => {
                        let is_first = |at: &usize| self.own[*at].number == 1;
                        firsts.extend(places.clone().filter(is_first).map(place));
                    }
                }
            }
            firsts
        })
    }

    /// Tracks of all sessions.
    ///
    /// # Cost
    /// That of [`Timeline::gone`] and [`Timeline::come`].
    pub(crate) fn tracks(&self) -> u64 {
        let sum = |tracks: u64, (_, of_session): (i64, u64)| tracks + of_session;
        self.past.tracks() - self.gone().fold(0, sum) + self.come().fold(0, sum)
    }

    /// When the event before the first of a session in memory was.
    pub(crate) fn previous_end(&self, session: usize) -> Option<i64> {
        Some(self.previous_ends[session]).filter(|end| *end != NO_EVENT)
    }

    /// When the session after a session in memory starts.
    pub(crate) fn next_start(&self, session: usize) -> Option<i64> {
        Some(self.next_starts[session]).filter(|start| *start != NO_EVENT)
    }
}
