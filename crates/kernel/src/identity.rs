//! Which visitor every alias belongs to.

use crate::duplicates::Dropped;
use crate::intern::NONE;
use crate::tracks::{Chunk, Tracks};
use rayon::prelude::*;

/// Every alias of the kept tracks and its visitor. Both are numbers of the tracks' ids.
#[derive(Debug)]
pub struct Identity {
    /// By alias: its visitor, or [`NONE`] where no kept track has the alias.
    visitors: Vec<u32>,
    /// Aliases in the order of their bytes.
    aliases: Vec<u32>,
    /// By alias: its place in that order, which for ids orders as their bytes do.
    ranks: Vec<u32>,
}

/// A login of a device: when, and as whom.
#[derive(Clone, Copy)]
struct Login {
    timestamp: i64,
    user_id: u32,
}

const NO_LOGIN: Login = Login { timestamp: i64::MIN, user_id: NONE };

impl Identity {
    /// The visitor of an alias is the user of the latest kept track on that device that has one (on a tie the
    /// greatest user id by bytes); without one it is the alias itself. One step only: a visitor is not looked up
    /// again.
    ///
    /// # Cost
    /// One pass over the tracks' ids and times, 12 bytes an alias and thread, and one sort of the aliases.
    pub fn resolve(tracks: &Tracks, dropped: &Dropped) -> Self {
        let empty = || (vec![NO_LOGIN; tracks.ids.len()], vec![false; tracks.ids.len()]);
        let (logins, seen) = tracks
            .chunks
            .par_iter()
            .enumerate()
            // Few, long shares: each has tables of its own.
            .with_min_len(tracks.chunks.len().div_ceil(rayon::current_num_threads()).max(1))
            .fold(empty, |(mut logins, mut seen), (number, chunk)| {
                collect(tracks, chunk, dropped.kept(number, chunk.len()), &mut logins, &mut seen);
                (logins, seen)
            })
            .reduce_with(|(mut logins, mut seen), (other_logins, other_seen)| {
                for (login, other) in logins.iter_mut().zip(other_logins) {
                    *login = later(tracks, *login, other);
                }
                for (seen, other) in seen.iter_mut().zip(other_seen) {
                    *seen |= other;
                }
                (logins, seen)
            })
            .unwrap_or_else(empty);

        let aliases =
            tracks.ids.sorted_by_bytes((0..seen.len() as u32).filter(|alias| seen[*alias as usize]));
        let mut visitors = vec![NONE; seen.len()];
        let mut ranks = vec![NONE; seen.len()];
        for (rank, alias) in aliases.iter().enumerate() {
            let user_id = logins[*alias as usize].user_id;
            visitors[*alias as usize] = if user_id == NONE { *alias } else { user_id };
            ranks[*alias as usize] = rank as u32;
        }
        Self { visitors, aliases, ranks }
    }

    /// The visitor of an alias that some kept track has.
    pub(crate) fn visitor(&self, alias: u32) -> u32 {
        self.visitors[alias as usize]
    }

    /// The place of an alias among all aliases ordered by bytes.
    pub(crate) fn rank(&self, alias: u32) -> u32 {
        self.ranks[alias as usize]
    }

    /// All aliases, ordered by bytes.
    pub(crate) fn aliases(&self) -> &[u32] {
        &self.aliases
    }
}

fn collect(
    tracks: &Tracks,
    chunk: &Chunk,
    kept: impl Iterator<Item = usize>,
    logins: &mut [Login],
    seen: &mut [bool],
) {
    for place in kept {
        let (anonymous_id, user_id) = (chunk.anonymous_ids[place], chunk.user_ids[place]);
        if anonymous_id != NONE {
            seen[anonymous_id as usize] = true;
        }
        if user_id != NONE {
            seen[user_id as usize] = true;
        }
        if anonymous_id != NONE && user_id != NONE {
            let login = &mut logins[anonymous_id as usize];
            *login = later(tracks, *login, Login { timestamp: chunk.timestamps[place], user_id });
        }
    }
}

/// The later of two logins; at the same time the one of the greatest user id.
fn later(tracks: &Tracks, a: Login, b: Login) -> Login {
    let order = a.timestamp.cmp(&b.timestamp).then_with(|| tracks.id(a.user_id).cmp(&tracks.id(b.user_id)));
    if order.is_lt() { b } else { a }
}
