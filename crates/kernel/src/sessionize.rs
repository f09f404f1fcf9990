//! The scan that numbers sessions, from ordered tracks to everything the tables need.

use crate::duplicates::Dropped;
use crate::evidence;
use crate::identity::Identity;
use crate::intern::NONE;
use crate::order::SortedTracks;
use crate::rules::{Duplicates, Rules};
use crate::session::AnySession;
use crate::timeline::Timeline;
use crate::tracks::{Row, Tracks};
use rayon::prelude::*;
use std::ops::Range;

/// Visitors of one unit of parallel work.
const VISITORS_AT_ONCE: usize = 1 << 12;

/// Ordered tracks cut into sessions: all that the tables hold, in columns.
///
/// Made of all tracks, or by an [`Increment`](crate::increment::Increment) of some whole sessions, with a timeline of
/// all the others.
#[derive(Debug)]
pub struct Sessionized {
    pub(crate) tracks: Tracks,
    pub(crate) dropped: Dropped,
    pub(crate) identity: Identity,
    /// Rows that say which user a device has and are in no session, in order.
    pub(crate) evidence: Vec<Row>,
    pub(crate) sorted: SortedTracks,
    pub(crate) sessions: Sessions,
    /// All sessions, where not all tracks are in memory.
    pub(crate) timeline: Option<Timeline>,
    pub(crate) rules: Rules,
}

impl Sessionized {
    /// Drops duplicates, finds visitors, orders the tracks and cuts them into sessions.
    ///
    /// # Cost
    /// About 30 bytes a track at the peak beside the tracks themselves; parallel on rayon's current pool.
    pub fn new(mut tracks: Tracks, rules: Rules) -> Self {
        if rules.duplicates == Duplicates::Number {
            tracks.number_alike(&rules.carried);
        }
        let mut dropped = Dropped::find(&tracks, rules.duplicates);
        tracks.order_ids();
        let identity = Identity::resolve(&tracks, &dropped);
        let mut evidence = evidence::take_out(&tracks, 0..tracks.chunks.len(), &mut dropped, &rules);
        evidence::sort(&tracks, &identity, &mut evidence);
        let sorted = SortedTracks::new(&tracks, &dropped, &identity);
        let sessions = Sessions::scan(&tracks, &sorted, &rules);
        Self { tracks, dropped, identity, evidence, sorted, sessions, timeline: None, rules }
    }

    /// The rules the sessions were cut by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The rows that went in, with the names of their events.
    pub fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// Rows that are part of a session, in memory or not.
    pub fn sessionized_rows(&self) -> u64 {
        self.timeline.as_ref().map_or(self.sorted.len() as u64, Timeline::tracks)
    }

    /// Rows dropped as duplicates.
    pub fn duplicate_rows(&self) -> usize {
        self.dropped.len()
    }

    /// Rows that are evidence: they are in no session.
    pub fn evidence_rows(&self) -> usize {
        self.evidence.len()
    }

    /// How many sessions' tracks are in memory. They are numbered from 0 in the order (visitor by bytes, time).
    pub fn session_count(&self) -> usize {
        self.sessions.starts.len()
    }

    /// How many sessions there are, in memory or not, in the same order.
    pub fn all_session_count(&self) -> usize {
        self.timeline.as_ref().map_or(self.session_count(), Timeline::len)
    }

    /// How many visitors have a session, in memory or not.
    pub fn visitor_count(&self) -> usize {
        self.timeline.as_ref().map_or(self.sorted.visitors().len(), Timeline::visitor_count)
    }

    /// When every session starts, in microseconds, and how many tracks it has, in memory or not.
    pub fn all_sessions(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.any_sessions(0..self.all_session_count())
            .map(|session| (session.start, u64::from(session.tracks)))
    }

    /// How many aliases the sessionized rows and the evidence have.
    pub fn alias_count(&self) -> usize {
        self.identity.aliases().len()
    }

    /// The places of a session's tracks in the order of all tracks.
    pub fn session_places(&self, session: usize) -> Range<usize> {
        self.sessions.places(&self.sorted, session)
    }

    /// The start of a session, in microseconds since 1970.
    pub fn session_start(&self, session: usize) -> i64 {
        self.sorted.timestamps()[self.sessions.starts[session] as usize]
    }

    /// Sessionized rows of each event name; names that only dropped rows have count 0.
    pub fn events_by_name(&self) -> Vec<(&str, u64)> {
        let mut counts = vec![0u64; self.tracks.names.len()];
        for (number, chunk) in self.tracks.chunks.iter().enumerate() {
            for place in self.dropped.kept(number, chunk.len()) {
                if let Some(count) = counts.get_mut(chunk.events[place] as usize) {
                    *count += 1;
                }
            }
        }
        self.tracks.event_names().zip(counts).collect()
    }

    /// All sessions of one visitor, who is named by the place in the order of all visitors.
    pub(crate) fn all_sessions_of(&self, visitor: usize) -> Range<usize> {
        let firsts = match &self.timeline {
            Some(timeline) => timeline.first_of_visitor(),
            None => &self.sessions.first_of_visitor,
        };
        let end = firsts.get(visitor + 1).map_or(self.all_session_count(), |session| *session as usize);
        firsts[visitor] as usize..end
    }

    /// The sessions in these places among all.
    pub(crate) fn any_sessions(&self, places: Range<usize>) -> impl Iterator<Item = AnySession> + '_ {
        let (of_timeline, in_memory) = match &self.timeline {
            Some(timeline) => (Some(timeline.range(places)), 0..0),
            None => (None, places),
        };
        of_timeline.into_iter().flatten().chain(in_memory.map(|session| self.loaded_session(session)))
    }

    /// All that [`Sessionized::any_sessions`] gives.
    pub(crate) fn all_of(&self, places: Range<usize>) -> Vec<AnySession> {
        let mut all = Vec::with_capacity(places.len());
        // Iterators of iterators are quicker driven from within.
        self.any_sessions(places).for_each(|session| all.push(session));
        all
    }

    /// The session of this number among those in memory.
    pub(crate) fn loaded_session(&self, session: usize) -> AnySession {
        self.sessions.get(&self.sorted, session)
    }

    /// When the event before the first of a session was, if its visitor has one.
    pub(crate) fn previous_end(&self, session: usize) -> Option<i64> {
        if let Some(timeline) = &self.timeline {
            return timeline.previous_end(session);
        }
        let first = self.sessions.starts[session] as usize;
        let visitor = self.sessions.visitors[session] as usize;
        (first > self.sorted.places(visitor).start).then(|| self.sorted.timestamps()[first - 1])
    }

    /// When the visitor's session after one starts, if there is one.
    pub(crate) fn next_start(&self, session: usize) -> Option<i64> {
        if let Some(timeline) = &self.timeline {
            return timeline.next_start(session);
        }
        let visitor = |session: &usize| self.sessions.visitors[*session];
        let next = Some(session + 1).filter(|next| *next < self.session_count());
        next.filter(|next| visitor(next) == visitor(&session)).map(|next| self.session_start(next))
    }
}

/// Sessions in columns, in the order of their tracks.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// The place of each session's first track.
    pub(crate) starts: Vec<u32>,
    /// Each session's visitor, by place in the order of visitors.
    pub(crate) visitors: Vec<u32>,
    /// Each session's number among its visitor's, from 1.
    pub(crate) numbers: Vec<u32>,
    /// Distinct event ids of each session; `None` where duplicates are dropped, so that every track has its own.
    pub(crate) distinct_ids: Option<Vec<u32>>,
    /// For every count of the rules, the tracks of each session that it counts.
    pub(crate) counts: Vec<Vec<u32>>,
    /// The first session of every visitor.
    pub(crate) first_of_visitor: Vec<u32>,
}

impl Sessions {
    /// The session of this number; its own number is right where all tracks are in memory.
    pub(crate) fn get(&self, sorted: &SortedTracks, session: usize) -> AnySession {
        let places = self.places(sorted, session);
        AnySession {
            visitor: sorted.visitors()[self.visitors[session] as usize],
            number: self.numbers[session],
            tracks: places.len() as u32,
            start: sorted.timestamps()[places.start],
            end: sorted.timestamps()[places.end - 1],
        }
    }

    /// The places of a session's tracks in the order of all tracks.
    pub(crate) fn places(&self, sorted: &SortedTracks, session: usize) -> Range<usize> {
        let end = self.starts.get(session + 1).map_or(sorted.len(), |start| *start as usize);
        self.starts[session] as usize..end
    }

    /// The sessions of one visitor, who is named by the place in the order of visitors.
    pub(crate) fn of_visitor(&self, visitor: usize) -> Range<usize> {
        let end = self.first_of_visitor.get(visitor + 1);
        let end = end.map_or(self.starts.len(), |session| *session as usize);
        self.first_of_visitor[visitor] as usize..end
    }

    pub(crate) fn scan(tracks: &Tracks, sorted: &SortedTracks, rules: &Rules) -> Self {
        let counted = CountedEvents::new(tracks, rules);
        let visitors = sorted.visitors().len();
        let blocks: Vec<Self> = (0..visitors.div_ceil(VISITORS_AT_ONCE))
            .into_par_iter()
            .map(|unit| {
                let first = unit * VISITORS_AT_ONCE;
                Self::scan_visitors(
                    tracks,
                    sorted,
                    rules,
                    &counted,
                    first..visitors.min(first + VISITORS_AT_ONCE),
                )
            })
            .collect();
        Self::concatenated(&blocks, rules)
    }

    /// All sessions of these blocks, one block behind the other.
    fn concatenated(blocks: &[Self], rules: &Rules) -> Self {
        // Memory for all at once: a column that grows is moved, into memory that nothing has touched before.
        fn column<'a>(blocks: &'a [Sessions], of_block: impl Fn(&'a Sessions) -> &'a [u32]) -> Vec<u32> {
            blocks.iter().map(of_block).collect::<Vec<_>>().concat()
        }
        let ((starts, visitors), (numbers, counts)) = rayon::join(
            || (column(blocks, |block| &block.starts), column(blocks, |block| &block.visitors)),
            || {
                let counts =
                    (0..rules.counts.len()).map(|count| column(blocks, |block| &block.counts[count]));
                (column(blocks, |block| &block.numbers), counts.collect())
            },
        );
        let mut first_of_visitor =
            Vec::with_capacity(blocks.iter().map(|block| block.first_of_visitor.len()).sum());
        let mut before = 0;
        for block in blocks {
            first_of_visitor.extend(block.first_of_visitor.iter().map(|session| session + before));
            before += block.starts.len() as u32;
        }
        let distinct_ids = Self::empty(rules)
            .distinct_ids
            .map(|_| column(blocks, |block| block.distinct_ids.as_deref().unwrap_or_default()));
        Self { starts, visitors, numbers, distinct_ids, counts, first_of_visitor }
    }

    pub(crate) fn empty(rules: &Rules) -> Self {
        Self {
            distinct_ids: (rules.duplicates == Duplicates::Keep).then(Vec::new),
            counts: vec![Vec::new(); rules.counts.len()],
            ..Self::default()
        }
    }

    fn scan_visitors(
        tracks: &Tracks,
        sorted: &SortedTracks,
        rules: &Rules,
        counted: &CountedEvents,
        visitors: Range<usize>,
    ) -> Self {
        let mut sessions = Self::empty(rules);
        for visitor in visitors {
            sessions.first_of_visitor.push(sessions.starts.len() as u32);
            let places = sorted.places(visitor);
            let mut start = places.start;
            let mut number = 0;
            for place in places.clone() {
                let last = place + 1 == places.end;
                let times = sorted.timestamps();
                if last || rules.are_apart(times[place], times[place + 1]) {
                    number += 1;
                    sessions.close(tracks, sorted, counted, start..place + 1, visitor as u32, number);
                    start = place + 1;
                }
            }
        }
        sessions
    }

    /// Adds the session of the tracks in `places`.
    pub(crate) fn close(
        &mut self,
        tracks: &Tracks,
        sorted: &SortedTracks,
        counted: &CountedEvents,
        places: Range<usize>,
        visitor: u32,
        number: u32,
    ) {
        self.starts.push(places.start as u32);
        self.visitors.push(visitor);
        self.numbers.push(number);
        for counts in &mut self.counts {
            counts.push(0);
        }
        if let Some(distinct_ids) = &mut self.distinct_ids {
            let mut ids: Vec<_> = places.clone().map(|place| tracks.event_id(sorted.row(place))).collect();
            ids.sort_unstable();
            ids.dedup();
            distinct_ids.push(ids.len() as u32);
        }
        if counted.is_empty() {
            return;
        }
        for place in places {
            for count in counted.columns(tracks.event(sorted.row(place))) {
                *self.counts[*count].last_mut().expect("one was pushed") += 1;
            }
        }
    }
}

/// Which counts an event adds to.
pub(crate) struct CountedEvents {
    /// By event name: indices of the rules' counts. Empty when nothing is counted.
    columns: Vec<Vec<usize>>,
}

impl CountedEvents {
    pub(crate) fn new(tracks: &Tracks, rules: &Rules) -> Self {
        let columns: Vec<Vec<usize>> = tracks
            .event_names()
            .map(|name| {
                let counts = rules.counts.iter().enumerate();
                counts
                    .filter(|(_, count)| count.events.iter().any(|event| event == name))
                    .map(|(at, _)| at)
                    .collect()
            })
            .collect();
        let any = columns.iter().any(|counts| !counts.is_empty());
        Self { columns: if any { columns } else { Vec::new() } }
    }

    fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    fn columns(&self, event: u32) -> &[usize] {
        if event == NONE { &[] } else { &self.columns[event as usize] }
    }
}
