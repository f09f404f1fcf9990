//! Erasure: rows of a person leave all tables, the state and every snapshot, and do not come back.

use crate::error::Hint;
pub use crate::increment::Subject;
use crate::increment::{Forgotten, StoredError, StoredSnapshot};
use crate::manifest::{Manifest, Mode, New, Parts, Rows, Written};
use crate::publish::{OutputFolder, PublishError, Snapshot};
use crate::write::{Layout, Plan, WRITER, WriteError, reject_batches, write_tables};
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_kernel::rules::Rules;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tracks::{Tracks, TracksBuilder};

/// What was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Rows that the current snapshot has lost, duplicates and rejects among them.
    pub rows: u64,
    /// Snapshots that were written anew.
    pub snapshots: u64,
}

/// Nothing, or not everything, was erased.
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
    /// A snapshot of another version or configuration.
    #[error("snapshot {snapshot} {what}")]
    Other {
        /// Its name.
        snapshot: String,
        /// Why its rows can't be had.
        what: &'static str,
    },
}

impl Hint for ForgetError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Publish(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Stored(error) => error.hint(),
            Self::Other { .. } => {
                Some("`tracklet run` makes a snapshot that fits; then try again".to_owned())
            }
        }
    }
}

/// Erases the subjects from every snapshot of the folder.
///
/// The ids are noted first, as salted hashes, so that no later run brings them back, and a call that was interrupted can be
/// repeated. Then each snapshot is written anew without their rows and takes the place of the old one in one step; each
/// holds what a run over its files without those rows would have given.
/// # Errors
/// See [`ForgetError`]. Snapshots done before the error stay erased.
/// # Cost
/// That of writing every snapshot that is kept.
pub fn forget(
    folder: &OutputFolder,
    subjects: &BTreeSet<Subject>,
    rules: &Rules,
    fingerprint: &str,
) -> Result<Erased, ForgetError> {
    forget_in(folder, subjects, rules, fingerprint, Layout::default())
}

pub(crate) fn forget_in(
    folder: &OutputFolder,
    subjects: &BTreeSet<Subject>,
    rules: &Rules,
    fingerprint: &str,
    layout: Layout,
) -> Result<Erased, ForgetError> {
    let disk = &**folder.disk();
    let mut list = Forgotten::load(disk, folder.root())?;
    let snapshots = folder.snapshots()?;
    let current = snapshots.iter().find(|snapshot| snapshot.current);
    note(&mut list, subjects, current.map(|current| open(folder, current)).transpose()?.as_ref())?;
    list.save(disk, folder.root())?;
    let mut erased = Erased::default();
    for snapshot in &snapshots {
        let manifest = snapshot.manifest_on(disk)?;
        // Tables of other rules are erased by them going: what they say can't be made again.
        if manifest.config_fingerprint != fingerprint {
            if snapshot.current {
                let what = "was made with another configuration";
                return Err(ForgetError::Other { snapshot: snapshot.name.clone(), what });
            }
            folder.remove(snapshot)?;
            erased.snapshots += 1;
            continue;
        }
        // What was the visitor's when the snapshot was made.
        let stored = open(folder, snapshot)?;
        let mut of_snapshot = list.clone();
        note(&mut of_snapshot, subjects, Some(&stored))?;
        let rows = erase(folder, snapshot, manifest, &stored, &of_snapshot, subjects, rules, layout)?;
        erased.snapshots += 1;
        if snapshot.current {
            erased.rows = rows;
        }
    }
    Ok(erased)
}

fn open<'a>(folder: &'a OutputFolder, snapshot: &Snapshot) -> Result<StoredSnapshot<'a>, ForgetError> {
    StoredSnapshot::open(&**folder.disk(), &snapshot.path)?.ok_or_else(|| ForgetError::Other {
        snapshot: snapshot.name.clone(),
        what: "has no state that this version of the program can read",
    })
}

fn note(
    list: &mut Forgotten,
    subjects: &BTreeSet<Subject>,
    stored: Option<&StoredSnapshot<'_>>,
) -> Result<(), StoredError> {
    for subject in subjects {
        let aliases = match (subject, stored) {
            (Subject::Visitor(visitor), Some(stored)) => stored.aliases_of(visitor)?,
            _ => Vec::new(),
        };
        list.add(subject, &aliases);
    }
    Ok(())
}

/// Writes a snapshot anew without the forgotten rows; answers how many there were.
#[allow(clippy::too_many_arguments, reason = "one call, and each is a thing of its own")]
fn erase(
    folder: &OutputFolder,
    snapshot: &Snapshot,
    before: Manifest,
    stored: &StoredSnapshot<'_>,
    list: &Forgotten,
    subjects: &BTreeSet<Subject>,
    rules: &Rules,
    layout: Layout,
) -> Result<u64, ForgetError> {
    let mut tracks: Vec<TracksBuilder> = Vec::new();
    for part in stored.parts().keys() {
        tracks.push(stored.tracks(part, &crate::increment::Rows::All)?);
    }
    tracks.push(stored.duplicates()?);
    let mut rejects = stored.rejects()?;
    let (gone, gone_rejects) = list.forget(&mut tracks, &mut rejects);
    // Text that could not be taken apart may name them as well.
    let unreadable = rejects.len();
    rejects.retain(|reject| {
        let raw = reject.raw.as_deref().unwrap_or("");
        !subjects.iter().any(|subject| !subject.id().is_empty() && raw.contains(subject.id()))
    });
    let gone = gone + gone_rejects + (unreadable - rejects.len()) as u64;

    let accepted: u64 = tracks.iter().map(TracksBuilder::rows).sum();
    let sessionized = Sessionized::new(Tracks::merge(tracks), rules.clone());
    let mut plan = Plan::full(&sessionized, layout);
    plan.sessionized = accepted - sessionized.duplicate_rows() as u64;
    let building = folder.begin_again(snapshot)?;
    let batches = reject_batches(&rejects, layout.rows_of_a_group);
    let written = write_tables(&sessionized, &batches, &**folder.disk(), building.path(), &plan, &|_| {})?;
    let mut by_reason = std::collections::BTreeMap::new();
    for reject in &rejects {
        *by_reason.entry(reject.reason.as_str().to_owned()).or_insert(0) += 1;
    }
    let mut versions = before.versions.clone();
    WRITER.clone_into(&mut versions.writer);
    let manifest = Manifest {
        versions,
        mode: Mode::Full,
        reason: Some("rows were forgotten".to_owned()),
        new: New::default(),
        parts: Parts { rewritten: written.rewritten, ..Parts::default() },
        rows: Rows {
            read: accepted + rejects.len() as u64,
            sessionized: sessionized.sessionized_rows(),
            duplicates: sessionized.duplicate_rows() as u64,
            rejected: rejects.len() as u64,
            skipped: before.rows.skipped + gone,
        },
        rejects: by_reason,
        tables: written.rows.into_iter().map(|(table, rows)| (table.to_owned(), rows)).collect(),
        sessions: sessionized.all_session_count() as u64,
        visitors: sessionized.visitor_count() as u64,
        checks: written.checks,
        written: Written { files: written.files, bytes: written.bytes },
        ..before
    };
    building.replace(&manifest)?;
    Ok(gone)
}

/// Opens the folder and erases the subjects from it.
/// # Errors
/// As [`forget`].
pub fn forget_below(
    root: &Path,
    subjects: &BTreeSet<Subject>,
    rules: &Rules,
    fingerprint: &str,
) -> Result<Erased, ForgetError> {
    forget(&OutputFolder::open(root)?, subjects, rules, fingerprint)
}
