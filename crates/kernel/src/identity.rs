//! Which visitor every alias belongs to.

use crate::duplicates::Dropped;
use crate::intern::{Interner, NONE};
use crate::partitions;
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
    /// By alias: the latest login of that device.
    logins: Vec<Login>,
}

/// An alias that went from one visitor to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// A login of a device: when, and as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) timestamp: i64,
    pub(crate) user_id: u32,
}

pub(crate) const NO_LOGIN: Login = Login { timestamp: i64::MIN, user_id: NONE };

impl Identity {
    /// The visitor of an alias is the user of the latest kept track on that device that has one (on a tie the
    /// greatest user id by bytes); without one it is the alias itself. One step only: a visitor is not looked up
    /// again.
    ///
    /// # Cost
    /// One pass over the tracks' ids and times, 12 bytes an alias and thread, and one sort of the aliases.
    pub fn resolve(tracks: &Tracks, dropped: &Dropped) -> Self {
        let empty = || (vec![NO_LOGIN; tracks.ids.len()], vec![false; tracks.ids.len()]);
        // Few, long shares: each has tables of its own.
        let (logins, seen) = partitions::per_thread(&tracks.chunks)
            .map(|partition| {
                let (mut logins, mut seen) = empty();
                for (number, chunk) in partition {
                    collect(&tracks.ids, chunk, dropped.kept(number, chunk.len()), &mut logins, &mut seen);
                }
                (logins, seen)
            })
            .reduce_with(|(mut logins, mut seen), (other_logins, other_seen)| {
                for (login, other) in logins.iter_mut().zip(other_logins) {
                    *login = later(&tracks.ids, *login, other);
                }
                for (seen, other) in seen.iter_mut().zip(other_seen) {
                    *seen |= other;
                }
                (logins, seen)
            })
            .unwrap_or_else(empty);

        Self::of_logins(&tracks.ids, logins, &seen)
    }

    /// The visitors that follow from the latest login of every alias, of those that were seen.
    pub(crate) fn of_logins(ids: &Interner, logins: Vec<Login>, seen: &[bool]) -> Self {
        let aliases = ids.sorted_by_bytes((0..seen.len() as u32).filter(|alias| seen[*alias as usize]));
        let mut visitors = vec![NONE; seen.len()];
        let mut ranks = vec![NONE; seen.len()];
        for (rank, alias) in aliases.iter().enumerate() {
            let user_id = logins[*alias as usize].user_id;
            visitors[*alias as usize] = if user_id == NONE { *alias } else { user_id };
            ranks[*alias as usize] = rank as u32;
        }
        Self { visitors, aliases, ranks, logins }
    }

    /// What an earlier run has found: by alias, in the order of bytes, the visitor and the login that made it so.
    pub(crate) fn stored(visitors: Vec<u32>, logins: Vec<Login>) -> Self {
        let aliases: Vec<u32> = (0..visitors.len() as u32).collect();
        Self { visitors, ranks: aliases.clone(), aliases, logins }
    }

    /// Takes in the kept tracks of the first `chunks` chunks; answers the aliases known before that changed their
    /// visitor. The result is that of [`Identity::resolve`] over the tracks before and these.
    ///
    /// # Cost
    /// One pass over the tracks, one over the aliases if there is a new one.
    pub(crate) fn advance(&mut self, tracks: &Tracks, dropped: &Dropped, chunks: usize) -> Vec<Moved> {
        let ids = tracks.ids.len();
        self.logins.resize(ids, NO_LOGIN);
        self.visitors.resize(ids, NONE);
        self.ranks.resize(ids, NONE);
        let mut seen = vec![false; ids];
        for (number, chunk) in tracks.chunks[..chunks].iter().enumerate() {
            let kept = dropped.kept(number, chunk.len());
            collect(&tracks.ids, chunk, kept, &mut self.logins, &mut seen);
        }
        let (mut moved, mut new) = (Vec::new(), Vec::new());
        for alias in (0..ids).filter(|alias| seen[*alias]) {
            let (from, user_id) = (self.visitors[alias], self.logins[alias].user_id);
            let to = if user_id == NONE { alias as u32 } else { user_id };
            self.visitors[alias] = to;
            if from == NONE {
                new.push(alias as u32);
            } else if from != to {
                moved.push(Moved { from, to });
            }
        }
        self.add_aliases(tracks, new);
        moved
    }

    fn add_aliases(&mut self, tracks: &Tracks, new: Vec<u32>) {
        if new.is_empty() {
            return;
        }
        let before = std::mem::take(&mut self.aliases);
        self.aliases.reserve(before.len() + new.len());
        let mut from = 0;
        for alias in tracks.ids.sorted_by_bytes(new) {
            let text = tracks.ids.get(alias);
            let up_to = from + before[from..].partition_point(|known| tracks.ids.get(*known) < text);
            self.aliases.extend_from_slice(&before[from..up_to]);
            self.aliases.push(alias);
            from = up_to;
        }
        self.aliases.extend_from_slice(&before[from..]);
        for (rank, alias) in self.aliases.iter().enumerate() {
            self.ranks[*alias as usize] = rank as u32;
        }
    }

    /// The latest login of a device.
    pub(crate) fn login(&self, alias: u32) -> Login {
        self.logins[alias as usize]
    }

    /// The visitor of an alias that some kept track has.
    pub(crate) fn visitor(&self, alias: u32) -> u32 {
        self.visitors[alias as usize]
    }

    /// The place of an alias among all aliases ordered by bytes.
    pub(crate) fn rank(&self, alias: u32) -> u32 {
        self.ranks[alias as usize]
    }

    /// The places of all aliases in that order.
    pub(crate) fn all_ranks(&self) -> std::ops::Range<u32> {
        0..self.aliases.len() as u32
    }

    /// All aliases, ordered by bytes.
    pub(crate) fn aliases(&self) -> &[u32] {
        &self.aliases
    }
}

/// Takes in the logins and aliases of the rows in the places `kept` of a chunk, whose event ids need not be there.
pub(crate) fn collect(
    ids: &Interner,
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
            *login = later(ids, *login, Login { timestamp: chunk.timestamps[place], user_id });
        }
    }
}

/// The later of two logins; at the same time the one of the greatest user id.
fn later(ids: &Interner, a: Login, b: Login) -> Login {
    let user_id = |login: Login| (login.user_id != NONE).then(|| ids.get(login.user_id));
    let order = a.timestamp.cmp(&b.timestamp).then_with(|| user_id(a).cmp(&user_id(b)));
    if order.is_lt() { b } else { a }
}
