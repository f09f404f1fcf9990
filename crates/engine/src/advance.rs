//! From rows that were read to a published snapshot, beside what was there before.

use crate::error::nearest;
use crate::increment::{Beside, BytesRead, Forgotten, Made, StoredSnapshot, make};
use crate::manifest::{self, FORMAT, Input, Manifest, Mode, New, Parts, Rows, Versions, Written};
use crate::observer::Step;
use crate::publish::{OutputFolder, Snapshot};
use crate::read::Reject;
use crate::run::{Refresh, RunError, Steps};
use crate::write::{Layout, WRITER, WrittenTables, reject_batches, write_tables};
use chrono::{SecondsFormat, Utc};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Instant;
use tracklet_kernel::rules::Rules;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tracks::TracksBuilder;

/// The snapshot that readers see.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) snapshot: Snapshot,
    pub(crate) manifest: Manifest,
    has_state: bool,
}

impl Before {
    /// The current snapshot of the folder, if it counts.
    pub(crate) fn find(folder: &OutputFolder, refresh: Refresh) -> Result<Option<Self>, RunError> {
        let Some(snapshot) = folder.current()?.filter(|_| refresh == Refresh::Incremental) else {
            return Ok(None);
        };
        let manifest = snapshot.manifest_on(&**folder.disk())?;
        let has_state = StoredSnapshot::open(&**folder.disk(), &snapshot.path)?.is_some();
        Ok(Some(Self { snapshot, manifest, has_state }))
    }

    /// Whether its rows can be had without reading the files again.
    pub(crate) fn is_readable(&self) -> bool {
        self.manifest.format == FORMAT && self.has_state
    }
}

/// What becomes of the rows that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// They are all rows there are; why, where there was a snapshot.
    Afresh(Option<String>),
    /// They and those of the snapshot are sessionized together, for this reason.
    FromRows(String),
    /// They are put beside the snapshot.
    Beside,
}

impl Way {
    /// What the rows are put beside, and why that is nothing.
    fn beside<'a>(self, stored: Option<&'a StoredSnapshot<'a>>) -> (Beside<'a>, Option<String>) {
        match (stored, self) {
            (Some(stored), Self::Beside) => (Beside::Snapshot(stored), None),
            (Some(stored), Self::FromRows(reason)) => (Beside::Rows(stored, reason), None),
            (_, Self::Afresh(reason)) => (Beside::Nothing, reason),
            (None, _) => (Beside::Nothing, None),
        }
    }
}

/// What was read.
pub(crate) struct News {
    pub(crate) tracks: Vec<TracksBuilder>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) skipped: u64,
    pub(crate) inputs: Vec<Input>,
    pub(crate) warnings: Vec<String>,
}

/// What does not change from run to run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) rules: Rules,
    pub(crate) layout: Layout,
    pub(crate) fingerprint: String,
    pub(crate) source_fingerprint: String,
    pub(crate) keep: NonZeroUsize,
}

/// Makes the tables of everything read so far and publishes them.
pub(crate) fn advance(
    folder: &OutputFolder,
    before: Option<&Before>,
    way: Way,
    mut news: News,
    settings: &Settings,
    steps: &mut Steps<'_>,
    started: Instant,
) -> Result<Manifest, RunError> {
    let disk = &**folder.disk();
    let forgotten = Forgotten::load(disk, folder.root())?;
    let (tracks, rejects) = forgotten.forget(&mut news.tracks, &mut news.rejects);
    news.skipped += tracks + rejects;

    // What is made afresh does not look back.
    let before = before.filter(|_| !matches!(way, Way::Afresh(_)));
    let stored = match before {
        Some(before) => StoredSnapshot::open(disk, &before.snapshot.path)?,
        None => None,
    };
    let (beside, afresh) = way.beside(stored.as_ref());
    let accepted: u64 = news.tracks.iter().map(TracksBuilder::rows).sum();
    let sessionize = || make(news.tracks, beside, settings.rules.clone(), settings.layout);
    let Made { sessionized, mut plan, rebuilt, parts_read, event_changes } =
        steps.step(Step::Sessionize, Some(accepted), sessionize)?;
    let past = before.map(|before| before.manifest.rows).unwrap_or_default();
    plan.sessionized = past.read - past.rejected + accepted - sessionized.duplicate_rows() as u64;

    let new_rejects = by_reason(&news.rejects);
    let new_rejected = news.rejects.len() as u64;
    let mut rejects = news.rejects;
    if let Some(stored) = &stored {
        rejects.extend(stored.rejects()?);
        rejects.sort_by(|a, b| a.position().cmp(&b.position()));
    }
    let building = folder.begin()?;
    let kept = sessionized.sessionized_rows();
    let observer = steps.observer;
    let advanced = |rows| observer.advanced(rows, 0);
    let written = steps.step(Step::Write, Some(kept), || {
        let rejects = reject_batches(&rejects, settings.layout.rows_of_a_group);
        write_tables(&sessionized, &rejects, disk, building.path(), &plan, &advanced)
    })?;
    let rows = Rows {
        read: past.read + accepted + new_rejected,
        sessionized: kept,
        duplicates: sessionized.duplicate_rows() as u64,
        rejected: rejects.len() as u64,
        skipped: past.skipped + news.skipped,
    };
    let new = New {
        files: news.inputs.len() as u64,
        rows: Rows {
            read: accepted + new_rejected,
            sessionized: kept.saturating_sub(past.sessionized),
            duplicates: rows.duplicates.saturating_sub(past.duplicates),
            rejected: new_rejected,
            skipped: news.skipped,
        },
        rejects: new_rejects,
    };
    let BytesRead { tables, state } = stored.as_ref().map(StoredSnapshot::bytes_read).unwrap_or_default();
    let inputs = news.inputs.iter().map(|input| input.bytes).sum();
    let mode = if plan.is_incremental() { Mode::Incremental } else { Mode::Full };
    let counted = counted(&sessionized, before, event_changes);
    let mut warnings = news.warnings;
    warnings.extend(warnings_of_counts(&sessionized, &counted));
    let WrittenTables { rows: rows_of_tables, bytes, files, rewritten, linked, checks } = written;
    let mut manifest = Manifest {
        format: FORMAT,
        snapshot: building.name().to_owned(),
        created_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        versions: Versions { tracklet: env!("CARGO_PKG_VERSION").to_owned(), writer: WRITER.to_owned() },
        config_fingerprint: settings.fingerprint.clone(),
        rules: Some((&settings.rules).into()),
        source_fingerprint: settings.source_fingerprint.clone(),
        mode,
        reason: rebuilt.or(afresh),
        new,
        parts: Parts { linked, rewritten, read: parts_read },
        bytes_read: manifest::BytesRead { inputs, tables, state },
        rows,
        rejects: by_reason(&rejects),
        tables: rows_of_tables.into_iter().map(|(table, rows)| (table.to_owned(), rows)).collect(),
        sessions: sessionized.all_session_count() as u64,
        visitors: sessionized.visitor_count() as u64,
        inputs: all_inputs(before, news.inputs),
        warnings,
        checks,
        counted,
        written: Written { files, bytes },
        timings: BTreeMap::new(),
    };
    manifest.timings = std::mem::take(&mut steps.timings);
    manifest.timings.insert("total".to_owned(), started.elapsed().as_secs_f64());
    steps.step(Step::Publish, None, || building.publish(&manifest, settings.keep))?;
    Ok(manifest)
}

fn by_reason(rejects: &[Reject]) -> BTreeMap<String, u64> {
    let mut by_reason = BTreeMap::new();
    for reject in rejects {
        *by_reason.entry(reject.reason.as_str().to_owned()).or_insert(0) += 1;
    }
    by_reason
}

/// Everything read so far, by the bytes of the names.
fn all_inputs(before: Option<&Before>, new: Vec<Input>) -> Vec<Input> {
    let mut inputs = before.map(|before| before.manifest.inputs.clone()).unwrap_or_default();
    inputs.extend(new);
    inputs.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    inputs
}

/// Sessionized rows of every event that counts ask for. An increment knows what changed since the snapshot `before`, but not
/// all rows.
fn counted(
    sessionized: &Sessionized,
    before: Option<&Before>,
    event_changes: Option<BTreeMap<String, i64>>,
) -> BTreeMap<String, u64> {
    let asked = sessionized.rules().counts.iter().flat_map(|count| &count.events);
    let (Some(before), Some(changes)) = (before, event_changes) else {
        let rows: BTreeMap<&str, u64> = sessionized.events_by_name().into_iter().collect();
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

/// Counts of events that never happen.
fn warnings_of_counts(sessionized: &Sessionized, counted: &BTreeMap<String, u64>) -> Vec<String> {
    let events = sessionized.events_by_name();
    if events.is_empty() {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    for count in &sessionized.rules().counts {
        for event in count.events.iter().filter(|event| counted[*event] == 0) {
            let known = events.iter().filter(|(_, rows)| *rows > 0).map(|(event, _)| *event);
            let nearest =
                nearest(event, known).map(|name| format!("; there is `{name}`")).unwrap_or_default();
            warnings.push(format!("{} counts `{event}`, and no event is called that{nearest}", count.column));
        }
    }
    warnings
}
