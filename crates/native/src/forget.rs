//! Erasure: rows of a person leave all tables, the state and every snapshot, and do not come back.

pub use crate::increment::Subject;
use crate::increment::{Forgotten, StoredError, StoredSnapshot};
use crate::known_inputs::KnownInputs;
use crate::manifest::{FORMAT, Manifest, New, Parts, RecordedRules, RowCounts, Written};
use crate::publish::{Building, OutputFolder, PublishError, Snapshot};
use crate::read::{RejectMemory, Rejects};
use crate::spilled_files::SpillError;
use crate::write::{Layout, WRITER, WriteError, WritePlan, named, write_tables};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tracklet_config::RunMode;
use tracklet_display::error::Hint;
use tracklet_kernel::rules::Rules;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tracks::{Tracks, TracksBuilder};

/// The rows that an erasure has erased, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Rows that the current snapshot has lost, duplicates and rejects among them.
    pub rows: u64,
    /// The snapshots that held rows of the list, with the outcome for each.
    pub snapshots: Vec<ErasedSnapshot>,
}

/// The outcome of an erasure for one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedSnapshot {
    /// The snapshot's name.
    pub name: String,
    /// Whether readers see it.
    pub current: bool,
    /// Rows that go, duplicates and rejects among them; none where the whole snapshot goes, because it can't be rewritten.
    pub rows: Option<u64>,
    /// Rows of every table, before and after.
    pub tables: Vec<(String, u64, u64)>,
}

/// Why an erasure erased nothing, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The output folder could not be used.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A snapshot can't be read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// A snapshot can't be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Rejected rows that do not fit into memory could not be spilled to disk.
    #[error(transparent)]
    Spill(#[from] SpillError),
    /// A snapshot of another version or configuration.
    #[error("snapshot {snapshot} {what}")]
    Other {
        /// The snapshot's name.
        snapshot: String,
        /// Why its rows can't be had.
        what: &'static str,
    },
    /// The ids are on the list, and a snapshot still holds their rows.
    #[error("the erasure was begun and is not done: a snapshot still holds the rows")]
    Begun {
        /// What stopped it.
        source: Box<ForgetError>,
    },
}

impl ForgetError {
    /// Whether a snapshot can never be rewritten for it.
    fn goes(&self) -> bool {
        match self {
            Self::Stored(error) => error.is_damage(),
            Self::Other { .. } => true,
            Self::Publish(_) | Self::Write(_) | Self::Spill(_) | Self::Begun { .. } => false,
        }
    }
}

impl Hint for ForgetError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Publish(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Spill(error) => error.hint(),
            Self::Stored(error) => error.hint(),
            Self::Other { .. } => {
                Some("`tracklet run` makes a snapshot that fits; then try again".to_owned())
            }
            Self::Begun { source } => {
                let ends = "the next `tracklet run`, `rollback` or `forget` ends the erasure first";
                Some(source.hint().map_or(ends.to_owned(), |hint| format!("{hint}; {ends}")))
            }
        }
    }
}

/// Erases the subjects from every snapshot of the folder.
///
/// Everything is looked at first. Then the ids are noted, as salted hashes, which begins the erasure: from then on the next
/// command that changes the folder ends it. Each snapshot is rewritten without the rows, by its own rules, and takes the place of
/// the old one in one step; each holds what a run over its files without those rows would have given.
/// # Errors
/// See [`ForgetError`]. But for [`ForgetError::Begun`] nothing has changed.
/// # Cost
/// That of writing every snapshot that is kept.
pub fn forget(folder: &OutputFolder, subjects: &BTreeSet<Subject>) -> Result<Erased, ForgetError> {
    forget_in(folder, subjects, Layout::default())
}

pub(crate) fn forget_in(
    folder: &OutputFolder,
    subjects: &BTreeSet<Subject>,
    layout: Layout,
) -> Result<Erased, ForgetError> {
    // Who a visitor is, is what the tables say without the rows that are forgotten already.
    let mut settled = settle(folder, Current::Rewritten, layout)?;
    if settled.list.change_for(folder, subjects)? {
        let snapshots = pending(folder, &settled.list)?;
        check(folder, &snapshots)?;
        settled.list.save(&**folder.disk(), folder.root())?;
        let erased = erase_all(folder, &settled.list, snapshots, Current::Rewritten, layout)?;
        settled.erased.rows += erased.erased.rows;
        settled.erased.snapshots.extend(erased.erased.snapshots);
    }
    Ok(settled.erased)
}

/// What [`forget`] would do; the tables stay as they are.
/// # Errors
/// As there.
/// # Cost
/// As there: each snapshot is written, and removed again.
pub fn preview(folder: &OutputFolder, subjects: &BTreeSet<Subject>) -> Result<Erased, ForgetError> {
    let mut list = Forgotten::load(&**folder.disk(), folder.root())?;
    pending(folder, &list)?;
    list.change_for(folder, subjects)?;
    let snapshots = pending(folder, &list)?;
    check(folder, &snapshots)?;
    let mut erased = Erased::default();
    for (snapshot, manifest) in snapshots {
        let after = match readable(folder, &snapshot, &manifest)? {
            None => None,
            Some((stored, rules)) => {
                let (rows, _building, after) =
                    rewrite(folder, &snapshot, &manifest, &stored, &list, &rules, Layout::default())?;
                Some((rows, after))
            }
        };
        erased.add(&snapshot, &manifest, after.as_ref().map(|(rows, after)| (*rows, after)));
    }
    Ok(erased)
}

/// What is done with the current snapshot where its rows can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Current {
    /// A snapshot that is not rewritten is an error.
    Rewritten,
    /// The snapshot stays: a run over all files makes another, after which it goes.
    Replaced,
}

/// A folder without an unfinished erasure.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) list: Forgotten,
    pub(crate) erased: Erased,
    /// Why the current snapshot still holds forgotten rows, see [`Current::Replaced`].
    pub(crate) current_stays: Option<ForgetError>,
}

/// Ends an erasure that was begun, and refuses a list of forgotten ids that is not that of the snapshots. Every command that
/// changes the folder does this first.
/// # Errors
/// See [`ForgetError`].
pub(crate) fn settle(
    folder: &OutputFolder,
    current: Current,
    layout: Layout,
) -> Result<Settled, ForgetError> {
    let list = Forgotten::load(&**folder.disk(), folder.root())?;
    let snapshots = pending(folder, &list)?;
    if snapshots.is_empty() {
        return Ok(Settled { list, erased: Erased::default(), current_stays: None });
    }
    tracing::warn!("an erasure was begun and not ended: {} snapshots are rewritten first", snapshots.len());
    if current == Current::Rewritten {
        check(folder, &snapshots)?;
    }
    erase_all(folder, &list, snapshots, current, layout)
}

/// Shows readers another snapshot, see [`OutputFolder::rollback`]; an erasure that was begun is ended first.
/// # Errors
/// See [`ForgetError`].
pub fn rollback(folder: &OutputFolder, name: Option<&str>) -> Result<Snapshot, ForgetError> {
    rollback_in(folder, name, Layout::default())
}

pub(crate) fn rollback_in(
    folder: &OutputFolder,
    name: Option<&str>,
    layout: Layout,
) -> Result<Snapshot, ForgetError> {
    settle(folder, Current::Rewritten, layout)?;
    Ok(folder.rollback(name)?)
}

impl Forgotten {
    /// Adds what the subjects are known by in the current snapshot, and the unreadable lines of every snapshot that have one
    /// of the ids in them; answers whether the list has changed.
    fn change_for(
        &mut self,
        folder: &OutputFolder,
        subjects: &BTreeSet<Subject>,
    ) -> Result<bool, ForgetError> {
        let mut aliases = BTreeMap::new();
        let mut raw = BTreeSet::new();
        for snapshot in folder.snapshots()? {
            let stored = match open(folder, &snapshot) {
                Ok(stored) => stored,
                // It can't be rewritten and goes.
                Err(error) if !snapshot.current && error.goes() => continue,
                Err(error) => return Err(error),
            };
            for subject in subjects.iter().filter(|_| snapshot.current) {
                if let Subject::Visitor(visitor) = subject {
                    aliases.insert(visitor.clone(), stored.aliases_of(visitor)?);
                }
            }
            let names = |text: &String| {
                subjects.iter().any(|subject| !subject.id().is_empty() && text.contains(subject.id()))
            };
            let read = stored.each_reject(|reject| {
                raw.extend(reject.raw.filter(names));
                Ok(())
            });
            match read {
                Err(error) if !snapshot.current && StoredError::is_damage(&error) => {}
                read => read?,
            }
        }
        Ok(self.change(|list| {
            for subject in subjects {
                list.add(subject, aliases.get(subject.id()).map_or(&[], Vec::as_slice));
            }
            for text in &raw {
                list.add_raw(text);
            }
        }))
    }
}

impl Erased {
    /// Adds a snapshot; `after` are the rows that go and its manifest then, none where it goes as a whole.
    fn add(&mut self, snapshot: &Snapshot, before: &Manifest, after: Option<(u64, &Manifest)>) {
        let rows_after = |table: &String| {
            after.and_then(|(_, after)| after.tables.get(table).copied()).unwrap_or_default()
        };
        let tables = before.tables.iter();
        self.snapshots.push(ErasedSnapshot {
            name: snapshot.name.clone(),
            current: snapshot.current,
            rows: after.map(|(rows, _)| rows),
            tables: tables.map(|(table, rows)| (table.clone(), *rows, rows_after(table))).collect(),
        });
        if snapshot.current {
            self.rows = after.map_or(0, |(rows, _)| rows);
        }
    }
}

/// The snapshots that hold rows of the list; what was kept of a failed run is removed with the first.
fn pending(folder: &OutputFolder, list: &Forgotten) -> Result<Vec<(Snapshot, Manifest)>, PublishError> {
    let mut pending = Vec::new();
    for snapshot in folder.snapshots()? {
        let manifest = snapshot.manifest_on(&**folder.disk())?;
        if list.is_pending(folder.root(), &snapshot.name, manifest.forgotten.as_deref())? {
            pending.push((snapshot, manifest));
        }
    }
    // The current one last: until then it is the one that nobody misses.
    pending.sort_by_key(|(snapshot, _)| snapshot.current);
    Ok(pending)
}

/// That the current snapshot can be rewritten, before anything changes.
fn check(folder: &OutputFolder, snapshots: &[(Snapshot, Manifest)]) -> Result<(), ForgetError> {
    for (snapshot, manifest) in snapshots.iter().filter(|(snapshot, _)| snapshot.current) {
        if readable(folder, snapshot, manifest)?.is_none() {
            return Err(unreadable(snapshot));
        }
    }
    Ok(())
}

/// The state of a snapshot and the rules that its tables were made by; none where this version of the program can't have them.
fn readable<'a>(
    folder: &'a OutputFolder,
    snapshot: &Snapshot,
    manifest: &Manifest,
) -> Result<Option<(StoredSnapshot<'a>, Rules)>, StoredError> {
    let stored = match StoredSnapshot::open(&**folder.disk(), &snapshot.path, manifest) {
        // It is erased by going.
        Err(error) if !snapshot.current && error.is_damage() => None,
        stored => stored?,
    };
    let rules = manifest.rules.as_ref().and_then(RecordedRules::rules);
    Ok(stored.filter(|_| manifest.is_readable()).zip(rules))
}

fn open<'a>(folder: &'a OutputFolder, snapshot: &Snapshot) -> Result<StoredSnapshot<'a>, ForgetError> {
    let manifest = snapshot.manifest_on(&**folder.disk())?;
    StoredSnapshot::open(&**folder.disk(), &snapshot.path, &manifest)?.ok_or_else(|| unreadable(snapshot))
}

fn unreadable(snapshot: &Snapshot) -> ForgetError {
    let what = "has no state that this version of the program can read";
    ForgetError::Other { snapshot: snapshot.name.clone(), what }
}

/// Erases from these snapshots what the list has, which is on the disk already.
fn erase_all(
    folder: &OutputFolder,
    list: &Forgotten,
    snapshots: Vec<(Snapshot, Manifest)>,
    current: Current,
    layout: Layout,
) -> Result<Settled, ForgetError> {
    let mut settled = Settled { list: list.clone(), erased: Erased::default(), current_stays: None };
    let begun = |source: ForgetError| ForgetError::Begun { source: Box::new(source) };
    folder.remove_failed().map_err(|error| begun(error.into()))?;
    for (snapshot, manifest) in snapshots {
        match erase(folder, &snapshot, &manifest, list, layout) {
            Ok(after) => {
                settled.erased.add(&snapshot, &manifest, after.as_ref().map(|(rows, after)| (*rows, after)));
            }
            Err(error) if snapshot.current && current == Current::Replaced && error.goes() => {
                settled.current_stays = Some(begun(error));
            }
            Err(error) => return Err(begun(error)),
        }
    }
    Ok(settled)
}

/// Rewrites a snapshot without the forgotten rows, or removes it where it can't be rewritten.
fn erase(
    folder: &OutputFolder,
    snapshot: &Snapshot,
    before: &Manifest,
    list: &Forgotten,
    layout: Layout,
) -> Result<Option<(u64, Manifest)>, ForgetError> {
    let remove = || {
        folder.remove(snapshot)?;
        Ok(None)
    };
    let Some((stored, rules)) = readable(folder, snapshot, before)? else {
        return if snapshot.current { Err(unreadable(snapshot)) } else { remove() };
    };
    match rewrite(folder, snapshot, before, &stored, list, &rules, layout) {
        Ok((rows, building, manifest)) => {
            if manifest.checks.iter().any(|check| !check.passed) {
                let what = "would break an invariant without the rows";
                return Err(ForgetError::Other { snapshot: snapshot.name.clone(), what });
            }
            building.replace(&manifest)?;
            Ok(Some((rows, manifest)))
        }
        // A damaged one is erased by going.
        Err(ForgetError::Stored(error)) if !snapshot.current && error.is_damage() => remove(),
        Err(error) => Err(error),
    }
}

/// Writes a snapshot without the forgotten rows, next to it; answers how many rows those were, and the new manifest.
fn rewrite<'a>(
    folder: &'a OutputFolder,
    snapshot: &Snapshot,
    before: &Manifest,
    stored: &StoredSnapshot<'_>,
    list: &Forgotten,
    rules: &Rules,
    layout: Layout,
) -> Result<(u64, Building<'a>, Manifest), ForgetError> {
    let mut tracks: Vec<TracksBuilder> = Vec::new();
    for part in stored.parts().keys() {
        tracks.push(stored.tracks(part, &crate::increment::ChosenRows::All)?);
    }
    tracks.push(stored.duplicates()?);
    tracks.push(stored.evidence()?);
    let memory = Arc::new(RejectMemory::new(folder.root().to_owned(), None));
    let mut rejects = Rejects::new(memory).into_builder();
    stored.each_reject(|reject| Ok::<_, ForgetError>(rejects.push(&reject)?))?;
    let mut rejects = rejects.finish()?;
    let (gone, gone_rejects) = list.forget(&mut tracks, &mut rejects, &before.ignored_ids())?;
    let gone = gone + gone_rejects;

    let accepted: u64 = tracks.iter().map(TracksBuilder::rows).sum();
    let sessionized = Sessionized::new(Tracks::merge(tracks), rules.clone());
    let mut plan = WritePlan::full(&sessionized, layout);
    plan.sessionized = accepted - (sessionized.duplicate_rows() + sessionized.evidence_rows()) as u64;
    let building = folder.begin_again(snapshot)?;
    let disk = &**folder.disk();
    let written = write_tables::<ForgetError>(&sessionized, &rejects, disk, building.path(), &plan, &|_| {})?;
    let known = KnownInputs::load(disk, &snapshot.path, &before.inputs)?;
    let inputs = known.write(disk, building.path(), &snapshot.name, known.unchanged())?;
    let mut versions = before.versions.clone();
    WRITER.clone_into(&mut versions.writer);
    let counted: BTreeMap<&str, u64> = sessionized.events_by_name().into_iter().collect();
    let rows_of = |event: &String| counted.get(event.as_str()).copied().unwrap_or_default();
    let manifest = Manifest {
        format: FORMAT,
        digests: Some(written.digests),
        versions,
        forgotten: list.digest(),
        mode: RunMode::Rebuild,
        reason: Some("rows were forgotten".to_owned()),
        new: New::default(),
        parts: Parts { rewritten: written.rewritten, ..Parts::default() },
        rows: RowCounts {
            read: accepted + rejects.len(),
            sessionized: sessionized.sessionized_rows(),
            evidence: sessionized.evidence_rows() as u64,
            duplicates: sessionized.duplicate_rows() as u64,
            rejected: rejects.len(),
            skipped: before.rows.skipped + gone,
        },
        rejects: rejects.by_reason(),
        tables: named(written.rows),
        kept: named(written.kept),
        sessions: sessionized.all_session_count() as u64,
        visitors: sessionized.visitor_count() as u64,
        counted: before.counted.keys().map(|event| (event.clone(), rows_of(event))).collect(),
        checks: written.checks,
        inputs: inputs.inputs,
        written: Written { files: written.files, bytes: written.bytes + inputs.bytes },
        ..before.clone()
    };
    Ok((gone, building, manifest))
}

/// Opens the folder and erases the subjects from it.
/// # Errors
/// As [`forget`].
pub fn forget_below(root: &Path, subjects: &BTreeSet<Subject>) -> Result<Erased, ForgetError> {
    forget(&OutputFolder::open(root)?, subjects)
}

/// Opens the folder and finds what [`forget_below`] would do.
/// # Errors
/// As [`forget`].
pub fn preview_below(root: &Path, subjects: &BTreeSet<Subject>) -> Result<Erased, ForgetError> {
    preview(&OutputFolder::open(root)?, subjects)
}
