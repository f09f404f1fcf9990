//! From rows that were read to a published snapshot, on top of the base snapshot.

mod ids;

use super::RunError;
use super::reading::TimedSteps;
use crate::checks::Check;
use crate::disk::Disk;
use crate::increment::{
    Base, BytesRead, Forgotten, IncrementOutcome, Made, StoredError, StoredSnapshot, make,
};
use crate::known_inputs::{Earlier, KnownInputs, WrittenInputs};
use crate::manifest::{
    self, FORMAT, Input, Manifest, New, OlderSetting, Parts, RecordedFindings, RowCounts, Versions, Written,
};
use crate::observer::Step;
use crate::publish::{Building, OutputFolder, Snapshot};
use crate::read::Rejects;
use crate::spill::{Gathered, Sorted, Spilled, Spilling, WriteTables, WrittenSessions, sort};
use crate::write::{Layout, WRITER, WriteError, WrittenTables, named, write_tables};
use chrono::{SecondsFormat, Utc};
use ids::{check_limits, ignored_ids, warnings_of_written};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::time::Instant;
use tracklet_config::advice::short_timeout;
use tracklet_config::{Refresh, RunMode};
use tracklet_display::error::{nearest, with_causes};
use tracklet_kernel::ignored_ids::IgnoredIds;
use tracklet_kernel::rules::{Duplicates, Rules};
use tracklet_kernel::tracks::TracksBuilder;

/// The snapshot that readers see.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) snapshot: Snapshot,
    pub(crate) manifest: Manifest,
    /// Every file that it has read.
    pub(crate) known: KnownInputs,
    has_state: bool,
}

impl Before {
    /// Whether its rows may not be what they would be if ids were taken for none by this rule.
    pub(crate) fn ignores_otherwise(&self, disk: &dyn Disk, rule: &IgnoredIds) -> Result<bool, StoredError> {
        if self.manifest.ignored_ids() == *rule {
            return Ok(false);
        }
        // A version that took every id for one has kept them all.
        match (&self.manifest.ignored_ids, StoredSnapshot::open(disk, &self.snapshot.path, &self.manifest)?) {
            (None, Some(stored)) => stored.has_ignored(rule),
            _ => Ok(true),
        }
    }

    /// The current snapshot of the folder, if it counts.
    pub(crate) fn find(folder: &OutputFolder, refresh: Refresh) -> Result<Option<Self>, RunError> {
        let Some(snapshot) = folder.current()?.filter(|_| refresh == Refresh::Incremental) else {
            return Ok(None);
        };
        let manifest = snapshot.manifest_on(&**folder.disk())?;
        let has_state = StoredSnapshot::open(&**folder.disk(), &snapshot.path, &manifest)?.is_some();
        let known = KnownInputs::load(&**folder.disk(), &snapshot.path, &manifest.inputs)?;
        Ok(Some(Self { snapshot, manifest, known, has_state }))
    }

    /// Whether its rows can be had without reading the files again.
    pub(crate) fn is_readable(&self) -> bool {
        self.manifest.is_readable() && self.has_state && self.manifest.rules.is_some()
    }
}

/// The mode of a run with the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecidedMode {
    pub(crate) mode: RunMode,
    /// Why all rows are taken, where there was a snapshot to build on.
    pub(crate) reason: Option<String>,
}

impl DecidedMode {
    /// All rows that there are.
    pub(crate) fn full(reason: Option<String>) -> Self {
        Self { mode: RunMode::Full, reason }
    }

    /// The new rows and those of the base snapshot, sessionized together.
    pub(crate) fn rebuild(reason: String) -> Self {
        Self { mode: RunMode::Rebuild, reason: Some(reason) }
    }

    /// The new rows, on top of the base snapshot.
    pub(crate) fn incremental() -> Self {
        Self { mode: RunMode::Incremental, reason: None }
    }

    /// The base of the rows, and why there is none.
    fn base<'a>(self, stored: Option<&'a StoredSnapshot<'a>>) -> (Base<'a>, Option<String>) {
        match (stored, self.mode) {
            (Some(stored), RunMode::Incremental) => (Base::Snapshot(stored), None),
            (Some(stored), RunMode::Rebuild) => (Base::Rows(stored, self.reason.unwrap_or_default()), None),
            (_, RunMode::Full) => (Base::None, self.reason),
            _ => (Base::None, None),
        }
    }
}

/// What was read.
pub(crate) struct NewBatch {
    pub(crate) tracks: Gathered,
    pub(crate) rejects: Rejects,
    pub(crate) skipped: u64,
    pub(crate) ignored_ids: BTreeMap<String, u64>,
    /// Those of them that are calls of other types, by type.
    pub(crate) other_calls: BTreeMap<String, u64>,
    pub(crate) inputs: Vec<Input>,
    /// What these files change of those read before.
    pub(crate) earlier: Earlier,
    /// What rows of the runs before were read by, where it is not what these were.
    pub(crate) older: Vec<OlderSetting>,
    pub(crate) warnings: Vec<String>,
    /// Files of which one reason rejects most rows.
    pub(crate) mostly_rejected: u64,
    /// Tracks whose time is a number of another magnitude than the unit has.
    pub(crate) doubtful_times: u64,
    /// What was found of the columns of events.
    pub(crate) columns: BTreeMap<String, RecordedFindings>,
}

/// What does not change from run to run.
#[derive(Debug, Clone)]
pub(crate) struct RunSettings {
    pub(crate) rules: Rules,
    pub(crate) layout: Layout,
    pub(crate) fingerprint: String,
    pub(crate) source_fingerprint: String,
    pub(crate) ignored_ids: IgnoredIds,
    pub(crate) keep: NonZeroUsize,
    /// How to keep to a limit of memory, where there is one.
    pub(crate) spilling: Option<Spilling>,
}

/// Makes the tables of everything read so far and publishes them.
pub(crate) fn advance(
    folder: &OutputFolder,
    before: Option<&Before>,
    mode: DecidedMode,
    mut new_batch: NewBatch,
    settings: &RunSettings,
    steps: &mut TimedSteps<'_>,
    started: Instant,
) -> Result<Manifest, RunError> {
    let disk = &**folder.disk();
    let forgotten = Forgotten::load(disk, folder.root())?;
    let mut none = Vec::new();
    let tracks = match &mut new_batch.tracks {
        Gathered::InMemory(tracks) => tracks,
        // Those were left out before.
        Gathered::Spilled(_) => &mut none,
    };
    let (tracks, rejects) = forgotten.forget(tracks, &mut new_batch.rejects, &settings.ignored_ids)?;
    new_batch.skipped += tracks + rejects;

    // A full run does not look back.
    let before = before.filter(|_| mode.mode != RunMode::Full);
    let stored = match before {
        Some(before) => StoredSnapshot::open(disk, &before.snapshot.path, &before.manifest)?
            .map(|stored| stored.carrying(&settings.rules.carried)),
        None => None,
    };
    let (base, from_scratch) = mode.base(stored.as_ref());
    let accepted = new_batch.tracks.rows();
    let past = before.map(|before| before.manifest.rows).unwrap_or_default();
    check_limits(before, accepted, new_batch.tracks.ids())?;
    let ready = steps.step(Step::Sessionize, Some(accepted), || {
        ready(new_batch.tracks, base, before.map(|before| &before.manifest), settings)
    })?;

    if let (Ready::InMemory(made), Some(stored)) = (&ready, &stored) {
        stored.verify_in_turn(&made.plan.shared_files(&settings.rules))?;
    }

    let new_rejects = new_batch.rejects.by_reason();
    let new_rejected = new_batch.rejects.len();
    let (rejects, superseded) = match &stored {
        Some(stored) => with_stored_rejects(new_batch.rejects, stored, &new_batch.earlier)?,
        None => (new_batch.rejects, 0),
    };
    let building = folder.begin()?;
    let observer = steps.observer;
    let advanced = |rows| observer.advanced(rows, 0);
    let all_accepted = past.read - past.rejected + accepted;
    let (found, written) = steps.step(Step::Write, Some(ready.kept()), || {
        ready.write(all_accepted, &rejects, settings, disk, building.path(), &advanced)
    })?;
    let rows = RowCounts {
        read: past.read + accepted + new_rejected - superseded,
        rejected: rejects.len(),
        skipped: past.skipped + new_batch.skipped,
        ..found.rows()
    };
    let new = New {
        mostly_rejected: NonZeroU64::new(new_batch.mostly_rejected),
        doubtful_times: NonZeroU64::new(new_batch.doubtful_times),
        files: new_batch.inputs.len() as u64,
        rows: RowCounts { skipped: new_batch.skipped, ..new_rows(rows, past, accepted, new_rejected) },
        rejects: new_rejects,
        other_calls: new_batch.other_calls.clone(),
        columns: new_batch.columns,
    };
    let bytes_read = bytes_read(&new_batch.inputs, stored.as_ref(), before);
    let list = write_list(disk, &building, before, new_batch.inputs, &new_batch.earlier)?;
    let counted = counted(&settings.rules, &found, before);
    let mut warnings = new_batch.warnings;
    warnings.extend(warnings_of_rules(&settings.rules, &found.events, &counted));
    warnings.extend(warning_of_copies(written.copied + list.copied));
    warnings.extend(warnings_of_written(&written, rows.read, disk, building.path())?);
    let WrittenTables {
        rows: rows_of_tables, kept, bytes, files, rewritten, linked, checks, digests, ..
    } = written;
    let mut manifest = Manifest {
        format: FORMAT,
        snapshot: building.name().to_owned(),
        created_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        versions: Versions { tracklet: env!("CARGO_PKG_VERSION").to_owned(), writer: WRITER.to_owned() },
        config_fingerprint: settings.fingerprint.clone(),
        rules: Some((&settings.rules).into()),
        source_fingerprint: settings.source_fingerprint.clone(),
        forgotten: forgotten.digest(),
        ignored_ids: Some(ignored_ids(&settings.ignored_ids, before, new_batch.ignored_ids)),
        digests: Some(digests),
        seal: None,
        mode: found.mode,
        reason: found.rebuilt.or(from_scratch),
        new,
        parts: Parts { linked, rewritten, read: found.parts_read },
        bytes_read,
        rows,
        rejects: rejects.by_reason(),
        other_calls: all_calls(before, new_batch.other_calls),
        tables: named(rows_of_tables),
        kept: named(kept),
        sessions: found.sessions,
        visitors: found.visitors,
        gone: new_batch.earlier.gone,
        inputs: list.inputs,
        older_settings: new_batch.older,
        warnings,
        checks,
        counted,
        written: Written { files, bytes: bytes + list.bytes },
        timings: std::mem::take(&mut steps.timings),
    };
    manifest.timings.insert("total".to_owned(), started.elapsed().as_secs_f64());
    let building = refuse_broken(building, &manifest)?;
    steps.step(Step::Publish, None, || building.publish(&manifest, settings.keep))?;
    Ok(manifest)
}

/// Keeps a snapshot whose invariants do not hold under another name, and fails.
fn refuse_broken<'a>(building: Building<'a>, manifest: &Manifest) -> Result<Building<'a>, RunError> {
    let failed: Vec<Check> = manifest.checks.iter().filter(|check| !check.passed).cloned().collect();
    if failed.is_empty() {
        return Ok(building);
    }
    let kept = building.keep_failed(manifest);
    let kept = kept.inspect_err(|error| tracing::warn!("the tables are not kept: {}", with_causes(error)));
    Err(RunError::Invariants { failed, kept: kept.ok() })
}

/// Rows of a run: those that its files have, and how many more there are in all tables than in the `past`.
fn new_rows(all: RowCounts, past: RowCounts, accepted: u64, rejected: u64) -> RowCounts {
    RowCounts {
        read: accepted + rejected,
        sessionized: all.sessionized.saturating_sub(past.sessionized),
        evidence: all.evidence.saturating_sub(past.evidence),
        duplicates: all.duplicates.saturating_sub(past.duplicates),
        rejected,
        skipped: 0,
    }
}

/// Calls of other types that were read so far, by type.
fn all_calls(before: Option<&Before>, new: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut calls = before.map(|before| before.manifest.other_calls.clone()).unwrap_or_default();
    for (name, more) in new {
        *calls.entry(name).or_insert(0) += more;
    }
    calls
}

/// The rejects with those of the snapshot, but for lines that were read again; answers how many those are.
fn with_stored_rejects(
    rejects: Rejects,
    stored: &StoredSnapshot<'_>,
    earlier: &Earlier,
) -> Result<(Rejects, u64), RunError> {
    let mut all = rejects.into_builder();
    let mut superseded = 0;
    stored.each_reject(|reject| {
        if earlier.supersedes(&reject) {
            superseded += 1;
            return Ok(());
        }
        Ok::<_, RunError>(all.push(&reject)?)
    })?;
    Ok((all.finish()?, superseded))
}

/// Bytes of the files of a run, and of what it has read of the snapshot before.
fn bytes_read(
    inputs: &[Input],
    stored: Option<&StoredSnapshot<'_>>,
    before: Option<&Before>,
) -> manifest::BytesRead {
    let BytesRead { tables, state } = stored.map(StoredSnapshot::bytes_read).unwrap_or_default();
    let list = before.map_or(0, |before| before.known.bytes());
    manifest::BytesRead { inputs: inputs.iter().map(|input| input.bytes).sum(), tables, state: state + list }
}

/// Writes the list of the files read so far.
fn write_list(
    disk: &dyn Disk,
    building: &Building<'_>,
    before: Option<&Before>,
    new: Vec<Input>,
    earlier: &Earlier,
) -> Result<WrittenInputs, WriteError> {
    let nothing = KnownInputs::default();
    let known = before.map_or(&nothing, |before| &before.known);
    known.write(disk, building.path(), building.name(), known.with(new, earlier))
}

/// Sessionized rows of every event that counts ask for. An increment knows what changed since the snapshot `before`, but not
/// all rows.
fn counted(rules: &Rules, found: &PublishFindings, before: Option<&Before>) -> BTreeMap<String, u64> {
    let asked = rules.counts.iter().flat_map(|count| &count.events);
    let (Some(before), Some(changes)) = (before, &found.event_changes) else {
        let rows: BTreeMap<&str, u64> =
            found.events.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
        return asked
            .map(|name| (name.clone(), rows.get(name.as_str()).copied().unwrap_or_default()))
            .collect();
    };
    asked
        .map(|name| {
            let rows = before.manifest.counted.get(name).copied().unwrap_or_default();
            let change = changes.get(name).copied().unwrap_or_default();
            (name.clone(), rows.saturating_add_signed(change))
        })
        .collect()
}

/// Unchanged files that could not be linked.
fn warning_of_copies(copied: u64) -> Option<String> {
    (copied > 0).then(|| {
        format!(
            "the file system of the output folder makes no hard links: {copied} unchanged files were copied, and every \
             snapshot takes the space of a whole one"
        )
    })
}

/// What is seldom meant so.
fn warnings_of_rules(
    rules: &Rules,
    events: &[(String, u64)],
    counted: &BTreeMap<String, u64>,
) -> Vec<String> {
    let mut warnings: Vec<String> = short_timeout(rules).into_iter().collect();
    warnings.extend(warnings_of_counts(rules, events, counted));
    warnings
}

/// Counts of events that never happen. The usual counts are nobody's wish, so they are no reason to warn.
fn warnings_of_counts(
    rules: &Rules,
    events: &[(String, u64)],
    counted: &BTreeMap<String, u64>,
) -> Vec<String> {
    if events.is_empty() || rules.counts == Rules::default().counts {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    for count in &rules.counts {
        for event in count.events.iter().filter(|event| counted[*event] == 0) {
            let known = events.iter().filter(|(_, rows)| *rows > 0).map(|(event, _)| event.as_str());
            let nearest =
                nearest(event, known).map(|name| format!("; there is `{name}`")).unwrap_or_default();
            warnings.push(format!("{} counts `{event}`, and no event is called that{nearest}", count.column));
        }
    }
    warnings
}

/// Rows that can be written.
enum Ready<'a> {
    InMemory(Box<Made<'a>>),
    /// And why everything is rebuilt, where a snapshot was there, with how many of its parts were read.
    Sorted(Box<Sorted>, Option<(String, u64)>),
}

/// What was found on the way to the tables.
struct PublishFindings {
    mode: RunMode,
    rebuilt: Option<String>,
    parts_read: u64,
    kept: u64,
    evidence: u64,
    duplicates: u64,
    sessions: u64,
    visitors: u64,
    /// Kept rows by event name; of an increment only of tracks in memory.
    events: Vec<(String, u64)>,
    /// Of an increment: by event name, how many kept rows are more or fewer than before.
    event_changes: Option<BTreeMap<String, i64>>,
}

impl PublishFindings {
    /// Where the rows went that were accepted.
    fn rows(&self) -> RowCounts {
        let Self { kept, evidence, duplicates, .. } = *self;
        RowCounts { sessionized: kept, evidence, duplicates, ..RowCounts::default() }
    }
}

impl Ready<'_> {
    fn kept(&self) -> u64 {
        match self {
            Self::InMemory(made) => {
                made.sessionized.sessionized_rows() + made.sessionized.evidence_rows() as u64
            }
            Self::Sorted(sorted, _) => sorted.kept,
        }
    }

    /// Writes all tables. `accepted` are all tracks that were ever read.
    fn write(
        self,
        accepted: u64,
        rejects: &Rejects,
        settings: &RunSettings,
        disk: &dyn Disk,
        folder: &Path,
        advanced: &(dyn Fn(u64) + Sync),
    ) -> Result<(PublishFindings, WrittenTables), RunError> {
        match self {
            Self::InMemory(made) => {
                let Made { sessionized, mut plan, rebuilt, parts_read, event_changes } = *made;
                let others = sessionized.duplicate_rows() + sessionized.evidence_rows();
                plan.sessionized = accepted - others as u64;
                let written = write_tables::<RunError>(&sessionized, rejects, disk, folder, &plan, advanced)?;
                let events = sessionized.events_by_name().into_iter();
                let found = PublishFindings {
                    mode: if plan.is_incremental() { RunMode::Incremental } else { RunMode::Full },
                    rebuilt,
                    parts_read,
                    kept: sessionized.sessionized_rows(),
                    evidence: sessionized.evidence_rows() as u64,
                    duplicates: sessionized.duplicate_rows() as u64,
                    sessions: sessionized.all_session_count() as u64,
                    visitors: sessionized.visitor_count() as u64,
                    events: events.map(|(name, rows)| (name.to_owned(), rows)).collect(),
                    event_changes,
                };
                Ok((found, written))
            }
            Self::Sorted(sorted, rebuilt) => {
                let (kept, duplicates) = (sorted.kept, sorted.dropped);
                let (rebuilt, parts_read) = rebuilt.unzip();
                let RunSettings { rules, layout, .. } = settings;
                let tables = WriteTables { rules, layout: *layout, disk, folder, rejects, advanced };
                let (found, written) = tables.write(*sorted, accepted - duplicates)?;
                let WrittenSessions { sessions, visitors, evidence, events } = found;
                let found = PublishFindings {
                    mode: RunMode::Full,
                    rebuilt,
                    parts_read: parts_read.unwrap_or(0),
                    kept: kept - evidence,
                    evidence,
                    duplicates,
                    sessions,
                    visitors,
                    events,
                    event_changes: None,
                };
                Ok((found, written))
            }
        }
    }
}

/// Makes the rows ready to be written: in memory, or spilled where that is limited.
fn ready<'a>(
    tracks: Gathered,
    base: Base<'a>,
    before: Option<&Manifest>,
    settings: &RunSettings,
) -> Result<Ready<'a>, RunError> {
    let (rules, layout) = (&settings.rules, settings.layout);
    let limited = || settings.spilling.as_ref().expect("there is too much where there is a limit");
    let (all, stored) = match tracks {
        Gathered::Spilled(all) => (*all, base.rows("the new tracks do not fit into the limit of memory")),
        Gathered::InMemory(tracks) => {
            let most_loaded = match (&settings.spilling, before) {
                (Some(spilling), Some(before)) => spilling.limit.tracks_of_base(before, &tracks),
                _ => u64::MAX,
            };
            match make(tracks, base, rules.clone(), layout, most_loaded)? {
                IncrementOutcome::Made(made) => return Ok(Ready::InMemory(made)),
                IncrementOutcome::TooMuch(mut new, stored, reason) => {
                    let all = Spilled::new(limited(), &rules.carried)?;
                    drop_numbers(&mut new, rules);
                    all.add(&mut new)?;
                    (all, Some((stored, reason)))
                }
            }
        }
    };
    let rebuilt = match stored {
        Some((stored, reason)) => Some((reason, add_stored(&all, stored, rules)?)),
        None => None,
    };
    Ok(Ready::Sorted(Box::new(sort(all, limited(), rules)?), rebuilt))
}

/// Spills the rows of the base snapshot as well; returns how many parts were read.
fn add_stored(all: &Spilled, stored: &StoredSnapshot<'_>, rules: &Rules) -> Result<u64, RunError> {
    let parts: Vec<&String> = stored.parts().keys().collect();
    let add = |tracks: &mut TracksBuilder| {
        drop_numbers(tracks, rules);
        Ok::<_, RunError>(all.add(tracks)?)
    };
    parts.par_iter().try_for_each(|part| stored.each_batch(part, add))?;
    add(&mut stored.duplicates()?)?;
    stored.each_evidence(add)?;
    Ok(stored.parts().len() as u64)
}

/// Rows alike are numbered again, together with others.
fn drop_numbers(tracks: &mut TracksBuilder, rules: &Rules) {
    if rules.duplicates == Duplicates::Number {
        tracks.drop_numbers();
    }
}
