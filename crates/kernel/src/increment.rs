//! New tracks on top of the tables of those before: which sessions change, and what they become.
//!
//! ```text
//! past: every alias, every session (visitor, start, end), no tracks
//! new tracks --duplicates--> kept ones --identity--> visitors --order, sessionize--> sessions
//!                                                                    |
//!              past sessions not in memory --------- merged by visitor and start
//!                                                                    |
//!       one whose number changes, or the event before it, or that is not apart from its neighbor:
//!       its part's tracks are needed as well, and all is done again with them, until none is missing
//! ```
//!
//! Sessions are only ever cut by looking at tracks, so a session that is in memory needs no knowledge of the past; one that is
//! not in memory keeps its tracks, and the merge proves that all else about it stays as it was.

use crate::duplicates::Dropped;
use crate::evidence;
use crate::identity::Identity;
use crate::intern::NONE;
use crate::order::SortedTracks;
use crate::past::{OwnedSessions, Past};
use crate::rules::Rules;
use crate::session::AnySession;
use crate::sessionize::{Sessionized, Sessions};
use crate::time::day;
use crate::timeline::Timeline;
use crate::tracks::{Row, Tracks, TracksBuilder};
use hashbrown::{HashMap, HashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// What can't be decided without all tracks: whether an id that a replaced row had is on any other row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided;

/// New tracks, and of the tracks before what they need.
#[derive(Debug)]
pub struct Increment {
    tracks: Tracks,
    dropped: Dropped,
    identity: Identity,
    /// All rows that are evidence, in order.
    evidence: Vec<Row>,
    rules: Rules,
    known: PastKnown,
}

/// What does not depend on which tracks are in memory.
#[derive(Debug)]
struct PastKnown {
    past: Arc<OwnedSessions>,
    /// By day since 1970: the part of the past sessions that start on it.
    part_of_day: Vec<u32>,
    /// By part: whether its tracks are in memory.
    loaded: Vec<bool>,
    /// Chunks of new tracks, the first ones.
    new_chunks: usize,
    /// Tracks kept so far that a new one replaces.
    gone: Vec<Row>,
    /// Parts that are needed whatever the sessions become.
    wanted: BTreeSet<u32>,
    /// Visitors that lost or got an alias.
    moved: HashSet<u32>,
    /// Visitors whose sessions may change.
    dirty: HashSet<u32>,
}

impl PastKnown {
    /// The part of the past session in this place.
    fn part(&self, place: usize) -> u32 {
        self.part_of_day[day(self.past.start(place))]
    }

    /// When the session after the one in this place started, of a visitor whose past sessions these are.
    fn next_start(&self, place: usize, of_visitor: &Range<usize>) -> Option<i64> {
        Some(place + 1).filter(|next| *next < of_visitor.end).map(|next| self.past.start(next))
    }

    /// Whether the tracks of the past session in this place are in memory.
    fn is_loaded(&self, place: usize) -> bool {
        self.loaded[self.part(place) as usize]
    }
}

impl Increment {
    /// New tracks on top of the past. `part_of_day` is by day since 1970, in UTC, the part of the past sessions that start on it,
    /// one of `parts`; what it says of days without a session does not count.
    pub fn new(
        past: Past,
        new: Vec<TracksBuilder>,
        rules: Rules,
        part_of_day: Vec<u32>,
        parts: usize,
    ) -> Self {
        let known = PastKnown {
            part_of_day,
            past: Arc::new(past.sessions),
            loaded: vec![false; parts],
            new_chunks: new.iter().map(|new| new.chunks.len()).sum(),
            gone: Vec::new(),
            wanted: BTreeSet::new(),
            moved: HashSet::new(),
            dirty: HashSet::new(),
        };
        let tracks = Tracks::merge_onto(past.ids, new);
        let (dropped, evidence) = (Dropped::default(), Vec::new());
        Self { tracks, dropped, identity: past.identity, evidence, rules, known }
    }

    /// Names of the events of the new tracks, each once.
    pub fn event_names(&self) -> impl Iterator<Item = &str> {
        self.tracks.event_names()
    }

    /// Drops duplicates and finds the visitors. `candidates` are tracks kept so far, among them all whose event id a new
    /// one has; answers for each whether it is replaced by a new one. `evidence` are all rows that were evidence so far.
    ///
    /// # Errors
    /// [`Undecided`] where a replaced row had an id, or a login that decided, which the new one has not. Nothing can be
    /// done with the increment then.
    pub fn resolve(
        &mut self,
        candidates: TracksBuilder,
        evidence: TracksBuilder,
    ) -> Result<Vec<bool>, Undecided> {
        let (candidates, evidence) = (self.append(candidates), self.append(evidence));
        self.dropped = Dropped::find(&self.tracks, self.rules.duplicates);
        let (gone_evidence, evidence): (Vec<Row>, Vec<Row>) =
            evidence.into_iter().partition(|row| self.dropped.is_hidden(*row));
        let replaced: Vec<bool> = candidates.iter().map(|row| self.dropped.is_hidden(*row)).collect();
        for row in candidates.iter().chain(&evidence) {
            self.dropped.hide(&self.tracks, *row);
        }
        let gone: Vec<Row> = candidates
            .iter()
            .zip(&replaced)
            .filter(|(_, replaced)| **replaced)
            .map(|(row, _)| *row)
            .collect();
        for row in &gone {
            self.note_gone(*row);
        }
        self.advance_identity();
        let all_gone = [&gone[..], &gone_evidence[..]].concat();
        let is_decided = all_gone.is_empty() || self.nothing_undecided(&all_gone);
        self.known.gone = gone;
        let new_chunks = 0..self.known.new_chunks;
        self.evidence = evidence::take_out(&self.tracks, new_chunks, &mut self.dropped, &self.rules);
        self.evidence.extend(evidence);
        evidence::sort(&self.tracks, &self.identity, &mut self.evidence);
        if is_decided { Ok(replaced) } else { Err(Undecided) }
    }

    /// Takes in tracks behind all others.
    fn append(&mut self, tracks: TracksBuilder) -> Vec<Row> {
        let chunks = self.tracks.append(tracks);
        self.tracks.rows_of(chunks).collect()
    }

    /// A track that was kept so far leaves its session.
    fn note_gone(&mut self, row: Row) {
        let visitor = self.identity.visitor(self.alias(row));
        let timestamp = self.tracks.timestamp(row);
        let known = &mut self.known;
        known.dirty.insert(visitor);
        for session in known.past.of_visitor(visitor) {
            let AnySession { start, end, .. } = known.past.get(session);
            if (start..=end).contains(&timestamp) {
                known.wanted.insert(known.part(session));
            }
        }
    }

    /// The alias by which a track finds its visitor.
    fn alias(&self, row: Row) -> u32 {
        let chunk = &self.tracks.chunks[row.chunk()];
        let user_id = chunk.user_ids[row.place()];
        if user_id == NONE { chunk.anonymous_ids[row.place()] } else { user_id }
    }

    fn new_rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.tracks.rows_of(0..self.known.new_chunks).filter(|row| !self.dropped.is_hidden(*row))
    }

    fn advance_identity(&mut self) {
        let moved = self.identity.advance(&self.tracks, &self.dropped, self.known.new_chunks);
        let dirty: HashSet<u32> = self.new_rows().map(|row| self.identity.visitor(self.alias(row))).collect();
        let known = &mut self.known;
        known.dirty.extend(dirty);
        for moved in moved {
            known.moved.extend([moved.from, moved.to]);
            known.dirty.extend([moved.from, moved.to]);
            // Only its tracks tell which of the old visitor's sessions are the alias's.
            for session in known.past.of_visitor(moved.from) {
                known.wanted.insert(known.part(session));
            }
        }
    }

    /// Whether other tracks have all aliases and logins that the replaced tracks had.
    fn nothing_undecided(&self, gone: &[Row]) -> bool {
        let of_id: HashMap<u64, Vec<Row>> = gone.iter().fold(HashMap::new(), |mut rows, row| {
            rows.entry(self.tracks.event_id(*row).hash()).or_default().push(*row);
            rows
        });
        let mut aliases = HashSet::new();
        let mut logins = HashSet::new();
        let ids = |row: Row| {
            let chunk = &self.tracks.chunks[row.chunk()];
            (chunk.anonymous_ids[row.place()], chunk.user_ids[row.place()])
        };
        // Another new track may tell it as well as the one that replaces.
        for row in self.new_rows() {
            let (anonymous_id, user_id) = ids(row);
            aliases.extend([anonymous_id, user_id]);
            logins.insert((anonymous_id, self.tracks.timestamp(row), user_id));
        }
        of_id.values().flatten().all(|row| {
            let (anonymous_id, user_id) = ids(*row);
            let is_known = |alias: u32| alias == NONE || aliases.contains(&alias);
            let login = (anonymous_id, self.tracks.timestamp(*row), user_id);
            let decided = anonymous_id != NONE && user_id != NONE && {
                let last = self.identity.login(anonymous_id);
                (last.timestamp, last.user_id) == (login.1, user_id)
            };
            is_known(anonymous_id) && is_known(user_id) && (!decided || logins.contains(&login))
        })
    }

    /// Gives the increment up: the new tracks alone.
    pub fn into_new(self) -> Tracks {
        let mut tracks = self.tracks;
        tracks.chunks.truncate(self.known.new_chunks);
        tracks
    }

    /// Takes in tracks dropped as duplicates before.
    pub fn add_duplicates(&mut self, duplicates: TracksBuilder) {
        let chunks = self.tracks.append(duplicates);
        self.dropped.add(&self.tracks, self.tracks.rows_of(chunks));
    }

    /// Takes in a part's tracks, but for the replaced ones.
    pub fn add_part(&mut self, part: u32, tracks: TracksBuilder) {
        self.tracks.append(tracks);
        self.known.loaded[part as usize] = true;
    }

    /// Orders the tracks in memory, cuts them into sessions and merges these with the past ones.
    ///
    /// # Cost
    /// That of [`Sessionized::new`] for the tracks in memory, and a pass over all visitors.
    pub fn sessionize(self) -> Draft {
        let Self { tracks, dropped, identity, evidence, rules, known } = self;
        let sorted = SortedTracks::new(&tracks, &dropped, &identity);
        let mut sessions = Sessions::scan(&tracks, &sorted, &rules);
        let wanted = known.wanted.iter().copied();
        let missing: BTreeSet<u32> = wanted.filter(|part| !known.loaded[*part as usize]).collect();
        let mut merge = Merge {
            known: &known,
            rules: &rules,
            sorted: &sorted,
            sessions: &mut sessions,
            timeline: Timeline::on_top_of(Arc::clone(&known.past)),
            of_visitor: Vec::new(),
            places: Vec::new(),
            wanted_is_loaded: missing.is_empty(),
            missing,
        };
        merge.all(&identity);
        let Merge { timeline, missing, .. } = merge;
        let timeline = Some(timeline);
        let sessionized =
            Sessionized { tracks, dropped, identity, evidence, sorted, sessions, timeline, rules };
        Draft { sessionized, known, missing }
    }
}

/// The sessions in memory and those of the past, side by side.
struct Merge<'a> {
    known: &'a PastKnown,
    rules: &'a Rules,
    sorted: &'a SortedTracks,
    sessions: &'a mut Sessions,
    timeline: Timeline,
    /// The sessions of one visitor, and the places of those among the past ones that are not in memory.
    of_visitor: Vec<AnySession>,
    places: Vec<Option<usize>>,
    missing: BTreeSet<u32>,
    wanted_is_loaded: bool,
}

impl Merge<'_> {
    fn all(&mut self, identity: &Identity) {
        let past = Arc::clone(&self.known.past);
        let rank = |visitor: u32| identity.rank(visitor);
        // Whoever has no track any more is not among the visitors in memory.
        let mut touched: Vec<(u32, Option<usize>)> =
            self.sorted.visitors().iter().zip(0..).map(|(visitor, place)| (*visitor, Some(place))).collect();
        let is_elsewhere = |visitor: &u32| self.sorted.find_visitor(*visitor, identity).is_none();
        touched.extend(self.known.dirty.iter().copied().filter(is_elsewhere).map(|visitor| (visitor, None)));
        touched.sort_unstable_by_key(|(visitor, _)| rank(*visitor));
        // Few of them are joined, and most visitors' own are kept in place of those of the past.
        let of_past: usize = touched.iter().map(|(visitor, _)| past.of_visitor(*visitor).len()).sum();
        self.timeline.reserve(of_past.max(self.sessions.starts.len()));
        // All others' sessions stay as they were.
        let mut done = 0;
        for (visitor, place) in touched {
            let mut of_past = past.of_visitor(visitor);
            if of_past.is_empty() {
                let at = past.first_from(done, |before| rank(before) < rank(visitor));
                of_past = at..at;
            }
            self.timeline.push_past(done..of_past.start);
            done = of_past.end;
            let loaded = place.map_or(0..0, |place| self.sessions.of_visitor(place));
            self.visitor(of_past, loaded);
        }
        self.timeline.push_past(done..past.len());
    }

    /// One visitor's sessions: those of the past that are not in memory, and those in memory.
    fn visitor(&mut self, past: Range<usize>, loaded: Range<usize>) {
        let known = self.known;
        let is_elsewhere = |session: &usize| !known.is_loaded(*session);
        let mut elsewhere = past.clone().filter(is_elsewhere).peekable();
        let mut loaded = loaded.peekable();
        let mut number = 0;
        let (mut joined, mut renumbered) = (Vec::new(), Vec::new());
        let mut previous: Option<(AnySession, Option<usize>)> = None;
        loop {
            let next = loaded.peek().map(|session| self.sessions.get(self.sorted, *session));
            let session = match (elsewhere.peek().copied(), next) {
                (None, None) => break,
                (Some(place), next) if next.is_none_or(|next| known.past.get(place).start <= next.start) => {
                    elsewhere.next();
                    number += 1;
                    let old = known.past.get(place);
                    let old_end = (place > past.start).then(|| known.past.get(place - 1).end);
                    let end = previous.map(|(previous, _)| previous.end);
                    if end.is_some_and(|end| !self.rules.are_apart(end, old.start)) {
                        joined.push(known.part(place));
                    } else if old.number != number || old_end != end {
                        renumbered.push(known.part(place));
                    }
                    previous = Some((old, Some(place)));
                    self.note_place(Some(place));
                    old
                }
                (_, Some(next)) => {
                    let session = loaded.next().expect("there is one");
                    number += 1;
                    self.sessions.numbers[session] = number;
                    self.timeline.push_previous_end(previous.map(|(previous, _)| previous.end));
                    if let Some((before, Some(place))) = previous
                        && !self.rules.are_apart(before.end, next.start)
                    {
                        joined.push(known.part(place));
                    }
                    previous = Some((next, None));
                    self.note_place(None);
                    next
                }
                (Some(_), None) => unreachable!("without one in memory the past one is next"),
            };
            self.of_visitor.push(AnySession { number, ..session });
        }
        renumbered.extend(self.followed_otherwise(&past));
        // Most who have tracks in memory have no new one: theirs are not kept twice.
        if self.of_visitor.iter().copied().eq(known.past.range(past.clone())) {
            self.timeline.push_past(past);
        } else {
            self.of_visitor.iter().for_each(|session| self.timeline.push(*session));
        }
        self.of_visitor.clear();
        // Numbers count once it is known which sessions there are.
        self.missing.extend(if joined.is_empty() && self.wanted_is_loaded { renumbered } else { joined });
    }
}

impl Merge<'_> {
    /// Notes where the visitor's next session is; only the tables of events tell when the one after it starts.
    fn note_place(&mut self, place: Option<usize>) {
        if self.rules.events {
            self.places.push(place);
        }
    }

    /// Notes of the visitor's sessions in memory when the next one starts. Answers the parts of those that are not in memory and were
    /// followed by a session that started at another time: `tracklet_sessions` tells when.
    fn followed_otherwise(&mut self, past: &Range<usize>) -> Vec<u32> {
        let known = self.known;
        let mut changed = Vec::new();
        for (number, place) in std::mem::take(&mut self.places).into_iter().enumerate() {
            let next = self.of_visitor.get(number + 1).map(|next| next.start);
            match place {
                None => self.timeline.push_next_start(next),
                Some(place) if known.next_start(place, past) != next => changed.push(known.part(place)),
                Some(_) => {}
            }
        }
        changed
    }
}

/// Sessions as they are with the tracks in memory. Right once nothing is missing.
#[derive(Debug)]
pub struct Draft {
    sessionized: Sessionized,
    known: PastKnown,
    missing: BTreeSet<u32>,
}

impl Draft {
    /// Parts whose tracks are needed as well.
    pub fn missing(&self) -> &BTreeSet<u32> {
        &self.missing
    }

    /// The parts whose tracks are in memory.
    pub fn loaded(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.known.loaded.len() as u32).filter(|part| self.known.loaded[*part as usize])
    }

    /// Past sessions that are not as they were and the sessions in their place, among them some that are; of each when it
    /// starts, in microseconds, and how many tracks it has.
    pub fn replaced(&self) -> (impl Iterator<Item = (i64, u64)> + '_, impl Iterator<Item = (i64, u64)> + '_) {
        let timeline = self.sessionized.timeline.as_ref().expect("an increment has one");
        (timeline.gone(), timeline.come())
    }

    /// What the sessions become, where nothing is missing; no more tracks can be taken in.
    pub fn finish(mut self) -> Sessionized {
        self.sessionized.tracks.ids.seal();
        self.sessionized
    }

    /// The increment again, to take in more tracks.
    pub fn reopen(self) -> Increment {
        let Sessionized { tracks, dropped, identity, evidence, rules, .. } = self.sessionized;
        Increment { tracks, dropped, identity, evidence, rules, known: self.known }
    }

    /// When the sessions start that are new or not as they were, and when those started that are no more. A session may be
    /// named that is as it was.
    pub fn changed(&self) -> Vec<i64> {
        let Sessionized { sorted, sessions, identity, timeline, rules, .. } = &self.sessionized;
        let known = &self.known;
        let timeline = timeline.as_ref().expect("an increment has one");
        let mut changed = Vec::new();
        for visitor in &known.dirty {
            let past = known.past.of_visitor(*visitor);
            // Both are in the order of time.
            let mut before = past.clone().filter(|place| known.is_loaded(*place)).peekable();
            let loaded =
                sorted.find_visitor(*visitor, identity).map_or(0..0, |place| sessions.of_visitor(place));
            for session in loaded {
                let now = sessions.get(sorted, session);
                while let Some(gone) = before.next_if(|place| known.past.start(*place) < now.start) {
                    changed.push(known.past.start(gone));
                }
                let is_as_before = |place: usize| {
                    let end_before = (place > past.start).then(|| known.past.get(place - 1).end);
                    // Facts alone do not tell when the next session starts.
                    let is_followed_as_before =
                        || !rules.events || known.next_start(place, &past) == timeline.next_start(session);
                    known.past.get(place) == now
                        && end_before == timeline.previous_end(session)
                        && is_followed_as_before()
                };
                let same_start = before.next_if(|place| known.past.start(*place) == now.start);
                let stays = !known.moved.contains(visitor)
                    && same_start.is_some_and(is_as_before)
                    && !self.has_new_tracks(session);
                if !stays {
                    changed.push(now.start);
                }
            }
            changed.extend(before.map(|place| known.past.start(place)));
        }
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// By event name, how many kept tracks more (or fewer, if negative) there are than in the past.
    pub fn event_changes(&self) -> BTreeMap<String, i64> {
        let Sessionized { tracks, dropped, .. } = &self.sessionized;
        let new = tracks.rows_of(0..self.known.new_chunks).filter(|row| !dropped.is_hidden(*row));
        let gone = self.known.gone.iter().copied();
        let mut changes = vec![0; tracks.names.len()];
        for (row, change) in new.map(|row| (row, 1)).chain(gone.map(|row| (row, -1))) {
            if let Some(of_event) = changes.get_mut(tracks.event(row) as usize) {
                *of_event += change;
            }
        }
        tracks.event_names().map(str::to_owned).zip(changes).filter(|(_, change)| *change != 0).collect()
    }

    fn has_new_tracks(&self, session: usize) -> bool {
        let places = self.sessionized.session_places(session);
        places.into_iter().any(|place| self.sessionized.sorted.row(place).chunk() < self.known.new_chunks)
    }
}
