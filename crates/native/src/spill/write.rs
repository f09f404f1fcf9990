//! From ranges of visitors to the tables: sessions range by range, then files part by part.

use super::Sorted;
use super::SpillError;
use crate::disk::Disk;
use crate::read::Rejects;
use crate::spilled_files::{Store, StoredBlock, StoredRun};
use crate::write::WriteError;
use crate::write::parts::{Cut, PartKey, parts};
use crate::write::{AtOnce, Followed, Layout, WriteTarget, Writer, WrittenTables, write_below};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use tracklet_kernel::blocks::{Common, DuplicateRows, SortedRun};
use tracklet_kernel::rules::Rules;
use tracklet_kernel::sessionize::Sessionized;

/// Why spilled rows did not become tables.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpilledTablesError {
    /// A table could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What was spilled could not be read back, or spilled again.
    #[error(transparent)]
    Spill(#[from] SpillError),
}

/// Where the tables go.
pub(crate) struct WriteTables<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) layout: Layout,
    pub(crate) disk: &'a dyn Disk,
    pub(crate) folder: &'a Path,
    pub(crate) rejects: &'a Rejects,
    /// Hears of tracks as they are written.
    pub(crate) advanced: &'a (dyn Fn(u64) + Sync),
}

/// What was found on the way.
pub(crate) struct WrittenSessions {
    pub(crate) sessions: u64,
    pub(crate) visitors: u64,
    /// Kept rows that are in no session.
    pub(crate) evidence: u64,
    /// Kept rows of every event name that a row has.
    pub(crate) events: Vec<(String, u64)>,
}

/// Sessions on disk, by the day on which they start.
struct Days {
    store: Store,
    days: BTreeMap<PartKey, Day>,
}

#[derive(Default)]
struct Day {
    /// A time on it, in microseconds.
    start: i64,
    tracks: u64,
    /// With the number of the range each is of, in their order.
    sorted_runs: Vec<(usize, StoredRun)>,
}

impl WriteTables<'_> {
    /// Writes all tables, the state and the rejects, as [`crate::write::write_tables`] does. `expected` is how many rows must be
    /// kept by the rows read.
    ///
    /// # Errors
    /// The disk, of the tables or of what was spilled.
    pub(crate) fn write(
        &self,
        sorted: Sorted,
        expected: u64,
    ) -> Result<(WrittenSessions, WrittenTables), SpilledTablesError> {
        let at_once = AtOnce { parts: 1, groups: sorted.budget.groups };
        let Self { rules, layout, disk, folder, advanced, .. } = *self;
        let target = WriteTarget { disk, folder, rules, layout, at_once, advanced };
        write_below(target, self.rejects, |writer| {
            let budget = sorted.budget;
            let (found, common, days) = self.sessions(sorted, writer)?;
            let Days { store, days } = days;
            let parts = WriteParts { rules, layout, store, rows: budget.parts, groups: budget.groups };
            parts.write(days, common, writer)?;
            let of_sessions = expected - found.evidence;
            Ok((found, of_sessions))
        })
    }

    /// Cuts all sessions, range by range; writes what is in one file, and puts away the rest.
    fn sessions(
        &self,
        sorted: Sorted,
        writer: &Writer<'_>,
    ) -> Result<(WrittenSessions, Common, Days), SpilledTablesError> {
        let Sorted { spilling, store, mut common, ranges, blocks, duplicates, .. } = sorted;
        common = self.duplicates(&duplicates, &store, common, writer)?;
        let mut days =
            Days { store: Store::new(&spilling.folder, &self.rules.carried)?, days: BTreeMap::new() };
        let mut timeline = writer.timeline()?;
        let mut of_evidence = writer.evidence()?;
        let (mut sessions, mut visitors, mut evidence) = (0, 0, 0);
        let mut events: BTreeMap<String, u64> = BTreeMap::new();
        let last = blocks.len() - 1;
        for (range, stored) in blocks.into_iter().enumerate() {
            let blocks =
                (stored.par_iter()).map(|stored| store.get_whole(stored)).collect::<Result<Vec<_>, _>>()?;
            let sessionized = Sessionized::of_range(blocks, ranges.ranks(range), common, self.rules.clone());
            if range == 0 {
                // Before any visitor: all aliases are known, whatever tracks are in memory.
                writer.write_aliases(&sessionized)?;
            }
            let followed = if range == last { Followed::No } else { Followed::Yes };
            timeline.put(&sessionized, followed)?;
            of_evidence.put(&sessionized, followed)?;
            evidence += sessionized.evidence_rows() as u64;
            sessions += sessionized.session_count() as u64;
            visitors += sessionized.visitor_count() as u64;
            for (name, rows) in sessionized.events_by_name() {
                if rows > 0 || range == 0 {
                    *events.entry(name.to_owned()).or_default() += rows;
                }
            }
            days.spill(range, &sessionized)?;
            common = sessionized.into_common();
        }
        timeline.finish()?;
        of_evidence.finish()?;
        let events = events.into_iter().collect();
        Ok((WrittenSessions { sessions, visitors, evidence, events }, common, days))
    }

    fn duplicates(
        &self,
        runs: &[Vec<StoredBlock>],
        store: &Store,
        common: Common,
        writer: &Writer<'_>,
    ) -> Result<Common, SpilledTablesError> {
        let runs = runs.iter().map(|run| run.iter().map(|stored| store.get_whole(stored)));
        let mut rows = DuplicateRows::new(runs.collect(), common, self.rules)?;
        let size = self.layout.rows_of_a_group;
        let batches = std::iter::from_fn(|| rows.next(size).map_err(SpilledTablesError::from).transpose());
        writer.write_duplicates(batches)?;
        Ok(rows.into_common())
    }
}

/// Writes what is cut into parts: small parts some at a time, and large ones a block at a time.
struct WriteParts<'a> {
    rules: &'a Rules,
    layout: Layout,
    store: Store,
    /// Tracks that are in memory together.
    rows: u64,
    /// Row groups that are made side by side.
    groups: usize,
}

impl WriteParts<'_> {
    fn write(
        &self,
        days: BTreeMap<PartKey, Day>,
        mut common: Common,
        writer: &mut Writer<'_>,
    ) -> Result<(), SpilledTablesError> {
        let starts = days.values().map(|day| (day.start, day.tracks));
        let cut = Cut::new(starts, self.layout.tracks_of_a_part);
        if days.is_empty() {
            writer.write_no_parts()?;
        }
        let mut of_parts: BTreeMap<PartKey, Vec<(usize, StoredRun)>> = BTreeMap::new();
        for day in days.into_values() {
            let key = cut.part(day.start).expect("a day of the cut");
            of_parts.entry(key).or_default().extend(day.sorted_runs);
        }
        let mut together = Vec::new();
        let mut rows_together = 0;
        for (key, mut sorted_runs) in of_parts {
            let rows = rows_of(&sorted_runs);
            if rows_together + rows > self.rows && !together.is_empty() {
                common = self.small_parts(&together, common, &cut, writer)?;
                together.clear();
                rows_together = 0;
            }
            if rows > self.rows {
                // Sessions of several days are in order only with all others of their visitors.
                sorted_runs.sort_by_key(|(range, _)| *range);
                common = self.large_part(key, &sorted_runs, common, writer)?;
            } else {
                rows_together += rows;
                together.push(sorted_runs);
            }
        }
        if !together.is_empty() {
            self.small_parts(&together, common, &cut, writer)?;
        }
        Ok(())
    }

    /// Parts whose tracks are in memory together.
    fn small_parts(
        &self,
        of_parts: &[Vec<(usize, StoredRun)>],
        common: Common,
        cut: &Cut,
        writer: &mut Writer<'_>,
    ) -> Result<Common, SpilledTablesError> {
        let sorted_runs = of_parts.iter().map(|sorted_runs| self.load(sorted_runs));
        let sorted_runs = sorted_runs.collect::<Result<Vec<_>, _>>()?;
        let sessionized = Sessionized::of_sorted_runs(sorted_runs, common, self.rules.clone());
        let mut parts = parts(&sessionized, cut, |_| true);
        parts.retain(|part| !part.sessions.is_empty());
        let side_by_side = parts.len().min(self.groups).max(1);
        writer.at_once(AtOnce { parts: side_by_side, groups: (self.groups / side_by_side).max(1) });
        writer.write_parts(&sessionized, &parts)?;
        Ok(sessionized.into_common())
    }

    /// A part whose tracks come some at a time, in the order of the visitors.
    fn large_part(
        &self,
        key: PartKey,
        sorted_runs: &[(usize, StoredRun)],
        mut common: Common,
        writer: &mut Writer<'_>,
    ) -> Result<Common, SpilledTablesError> {
        writer.at_once(AtOnce { parts: 1, groups: self.groups });
        let mut part = writer.begin_part(key)?;
        let mut ranges = sorted_runs.chunk_by(|(range, _), (other, _)| range == other).peekable();
        let mut together: Vec<(usize, StoredRun)> = Vec::new();
        while let Some(of_range) = ranges.next() {
            together.extend_from_slice(of_range);
            let followed = match ranges.peek() {
                Some(next) if rows_of(&together) + rows_of(next) <= self.rows => continue,
                Some(_) => Followed::Yes,
                None => Followed::No,
            };
            let sorted_runs = self.load(&std::mem::take(&mut together))?;
            let sessionized = Sessionized::of_sorted_runs(vec![sorted_runs], common, self.rules.clone());
            part.put(&sessionized, followed)?;
            common = sessionized.into_common();
        }
        part.finish()?;
        Ok(common)
    }

    fn load(&self, sorted_runs: &[(usize, StoredRun)]) -> Result<Vec<SortedRun>, SpilledTablesError> {
        let load = |(_, stored): &(usize, StoredRun)| self.store.get_sorted_run(stored);
        Ok(sorted_runs.par_iter().map(load).collect::<Result<_, _>>()?)
    }
}

fn rows_of(sorted_runs: &[(usize, StoredRun)]) -> u64 {
    sorted_runs.iter().map(|(_, stored)| stored.rows).sum()
}

impl Days {
    /// Puts the sessions of a range away, with their tracks.
    fn spill(&mut self, range: usize, sessionized: &Sessionized) -> Result<(), SpilledTablesError> {
        let mut of_days: BTreeMap<PartKey, Vec<u32>> = BTreeMap::new();
        for session in 0..sessionized.session_count() {
            let day = PartKey::day_of(sessionized.session_start(session));
            of_days.entry(day).or_default().push(session as u32);
        }
        let of_days: Vec<(PartKey, Vec<u32>)> = of_days.into_iter().collect();
        let stored: Vec<StoredRun> = (of_days.par_iter())
            .map(|(_, sessions)| self.store.put_sorted_run(&sessionized.sorted_run(sessions)))
            .collect::<Result<_, _>>()?;
        for ((key, sessions), stored) in of_days.into_iter().zip(stored) {
            let day = self.days.entry(key).or_default();
            day.start = sessionized.session_start(sessions[0] as usize);
            day.tracks += stored.rows;
            day.sorted_runs.push((range, stored));
        }
        Ok(())
    }
}
