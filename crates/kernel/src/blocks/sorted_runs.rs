//! sessions spilled with their tracks, to be read back beside those of other ranges.

use super::packed::{planes, put_planes, unzigzag, zigzag};
use super::{Block, Common, Damaged, Strings};
use crate::duplicates::Dropped;
use crate::order::SortedTracks;
use crate::rules::Rules;
use crate::sessionize::{CountedEvents, Sessionized, Sessions};
use crate::timeline::{NO_EVENT, Timeline};
use crate::tracks::{CHUNK_ROWS, Chunk, Tracks};
use rayon::prelude::*;

/// Successive sessions of a range in their order, with their tracks in order.
#[derive(Debug, Default)]
pub struct SortedRun {
    sessions: Vec<Spilled>,
    /// The tracks, one behind the other; all blocks but the last are full.
    pub blocks: Vec<Block>,
}

/// All of a session that its tracks don't tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spilled {
    /// The visitor's place in the order of all aliases.
    rank: u32,
    number: u32,
    tracks: u32,
    /// When the visitor's event before it was, or [`NO_EVENT`].
    previous_end: i64,
    /// When the visitor's next session starts, or [`NO_EVENT`].
    next_start: i64,
}

/// Bytes of a session.
const SESSION_BYTES: usize = 4 + 4 + 4 + 8 + 8;

impl SortedRun {
    /// How many tracks there are.
    pub fn rows(&self) -> usize {
        self.blocks.iter().map(Block::rows).sum()
    }

    /// The sessions as bytes, without the tracks.
    pub fn pack_sessions(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.sessions.len() * SESSION_BYTES);
        let sessions = || self.sessions.iter();
        put_planes(&mut bytes, sessions().map(|session| session.rank.to_le_bytes()));
        put_planes(&mut bytes, sessions().map(|session| session.number.to_le_bytes()));
        put_planes(&mut bytes, sessions().map(|session| session.tracks.to_le_bytes()));
        put_planes(&mut bytes, sessions().map(|session| zigzag(session.previous_end).to_le_bytes()));
        put_planes(&mut bytes, sessions().map(|session| zigzag(session.next_start).to_le_bytes()));
        bytes
    }

    /// The sorted run back.
    ///
    /// # Errors
    /// Bytes that are not those of sessions with so many tracks.
    pub fn unpack(sessions: &[u8], blocks: Vec<Block>) -> Result<Self, Damaged> {
        let count = sessions.len() / SESSION_BYTES;
        if count * SESSION_BYTES != sessions.len() {
            return Err(Damaged);
        }
        let (numbers, times) = sessions.split_at(count * 12);
        let (ends, starts) = times.split_at(count * 8);
        let mut numbers = numbers.chunks_exact((count * 4).max(1));
        let mut column = || planes(numbers.next().unwrap_or_default(), count).map(u32::from_le_bytes);
        let (ranks, counts, tracks) = (column(), column(), column());
        let time = |bytes: [u8; 8]| unzigzag(u64::from_le_bytes(bytes));
        let times = planes(ends, count).map(time).zip(planes(starts, count).map(time));
        let sessions = ranks.zip(counts).zip(tracks).zip(times).map(
            |(((rank, number), tracks), (previous_end, next_start))| Spilled {
                rank,
                number,
                tracks,
                previous_end,
                next_start,
            },
        );
        let sorted_run = Self { sessions: sessions.collect(), blocks };
        let tracks: u64 = sorted_run.sessions.iter().map(|session| u64::from(session.tracks)).sum();
        if tracks == sorted_run.rows() as u64 { Ok(sorted_run) } else { Err(Damaged) }
    }
}

impl Sessionized {
    /// These sessions, in ascending order, to be spilled.
    pub fn sorted_run(&self, sessions: &[u32]) -> SortedRun {
        let mut sorted_run = SortedRun::default();
        let mut chunk = Chunk::default();
        for session in sessions {
            let session = *session as usize;
            let found = self.loaded_session(session);
            sorted_run.sessions.push(Spilled {
                rank: self.identity.rank(found.visitor),
                number: found.number,
                tracks: found.tracks,
                previous_end: self.previous_end(session).unwrap_or(NO_EVENT),
                next_start: self.next_start(session).unwrap_or(NO_EVENT),
            });
            for place in self.session_places(session) {
                let row = self.sorted.row(place);
                chunk.push_from(&self.tracks.chunks[row.chunk()], row.place());
                if chunk.len() == CHUNK_ROWS {
                    sorted_run.blocks.push(Block::new(std::mem::take(&mut chunk)));
                }
            }
        }
        if chunk.len() > 0 {
            sorted_run.blocks.push(Block::new(chunk));
        }
        sorted_run
    }

    /// The sessions of these parts of time, each given by its sorted runs, as if all others had been in memory when they were
    /// cut. They are numbered part by part, those of one part in their order.
    ///
    /// # Cost
    /// A copy of the tracks of parts whose sorted runs overlap, as those of several days of one range do.
    pub fn of_sorted_runs(parts: Vec<Vec<SortedRun>>, common: Common, rules: Rules) -> Self {
        let Common { strings: Strings { ids, names, values }, identity } = common;
        let ordered: Vec<(Vec<Spilled>, Vec<Chunk>)> = parts.into_par_iter().map(in_order).collect();
        let (mut sessions, mut chunks) = (Vec::new(), Vec::new());
        for (of_part, of_sessions) in ordered {
            sessions.extend(of_part);
            chunks.extend(of_sessions);
        }
        let tracks = Tracks { chunks, ids, names, values };
        assert!(tracks.chunks.len() <= CHUNK_ROWS, "at most 2^32 tracks");
        let visitor = |rank: u32| identity.aliases()[rank as usize];
        let of_visitor = sessions.chunk_by(|session, next| session.rank == next.rank);
        let visitors = of_visitor
            .map(|sessions| (visitor(sessions[0].rank), sessions.iter().map(|session| session.tracks).sum()));
        let sorted = SortedTracks::in_order(&tracks, visitors);
        let counted = CountedEvents::new(&tracks, &rules);
        let mut cut = Sessions::empty(&rules);
        let mut timeline = Timeline::default();
        let mut start = 0;
        for (place, session) in sessions.iter().enumerate() {
            if place == 0 || sessions[place - 1].rank != session.rank {
                cut.first_of_visitor.push(place as u32);
            }
            let end = start + session.tracks as usize;
            let visitor = cut.first_of_visitor.len() as u32 - 1;
            cut.close(&tracks, &sorted, &counted, start..end, visitor, session.number);
            timeline.push_previous_end(Some(session.previous_end));
            timeline.push_next_start(Some(session.next_start));
            start = end;
        }
        let dropped = Dropped::default();
        let evidence = Vec::new();
        Self { tracks, dropped, identity, evidence, sorted, sessions: cut, timeline: Some(timeline), rules }
    }
}

/// All sessions in the order (visitor, number), and their tracks.
fn in_order(mut sorted_runs: Vec<SortedRun>) -> (Vec<Spilled>, Vec<Chunk>) {
    sorted_runs.retain(|sorted_run| !sorted_run.sessions.is_empty());
    sorted_runs.sort_unstable_by_key(|sorted_run| sorted_run.sessions[0]);
    if sorted_runs.is_sorted_by(|before, next| before.sessions.last() < next.sessions.first()) {
        let (sessions, blocks): (Vec<_>, Vec<_>) =
            sorted_runs.into_iter().map(|sorted_run| (sorted_run.sessions, sorted_run.blocks)).unzip();
        let chunks = blocks.into_iter().flatten().map(|block| block.chunk).collect();
        return (sessions.concat(), chunks);
    }
    let mut places: Vec<(Spilled, usize, usize)> = Vec::new();
    for (number, sorted_run) in sorted_runs.iter().enumerate() {
        let mut start = 0;
        for session in &sorted_run.sessions {
            places.push((*session, number, start));
            start += session.tracks as usize;
        }
    }
    places.sort_unstable();
    let mut chunks = vec![Chunk::default()];
    for (session, sorted_run, start) in &places {
        for row in *start..start + session.tracks as usize {
            if chunks[chunks.len() - 1].len() == CHUNK_ROWS {
                chunks.push(Chunk::default());
            }
            let last = chunks.len() - 1;
            chunks[last]
                .push_from(&sorted_runs[*sorted_run].blocks[row / CHUNK_ROWS].chunk, row % CHUNK_ROWS);
        }
    }
    (places.into_iter().map(|(session, ..)| session).collect(), chunks)
}
