//! Ids of a run: how many there may be, which stand for none, and which seem to stand for many people.

use super::Before;
use crate::disk::Disk;
use crate::increment::{StoredError, StoredSnapshot};
use crate::manifest::RecordedIgnoredIds;
use crate::read::{MOST_IDS, MOST_ROWS, ReadError, check_limit};
use crate::write::WrittenTables;
use std::collections::BTreeMap;
use std::path::Path;
use tracklet_kernel::ignored_ids::IgnoredIds;
use tracklet_kernel::tables::Table;

/// Whether so many tracks and ids can be numbered together with those of the snapshot.
pub(super) fn check_limits(before: Option<&Before>, accepted: u64, ids: u64) -> Result<(), ReadError> {
    let past = before.map(|before| &before.manifest);
    let rows = past.map_or(0, |past| past.rows.read);
    let aliases = past.map(|past| past.rows_of(Table::AliasesMapping));
    check_limit("rows", rows.saturating_add(accepted), MOST_ROWS)?;
    check_limit("different ids", aliases.unwrap_or(0).saturating_add(ids), MOST_IDS)
}

/// What was ignored in all runs together.
pub(super) fn ignored_ids(
    rule: &IgnoredIds,
    before: Option<&Before>,
    new: BTreeMap<String, u64>,
) -> RecordedIgnoredIds {
    let mut found = before.and_then(|before| before.manifest.ignored_ids.clone()).unwrap_or_default().found;
    for (word, ids) in new {
        *found.entry(word).or_insert(0) += ids;
    }
    RecordedIgnoredIds { rule: rule.rule(), found }
}

/// Ids in the tables below a folder that seem to stand for many people, and one that most of the rows read have.
pub(super) fn warnings_of_written(
    written: &WrittenTables,
    rows_read: u64,
    disk: &dyn Disk,
    folder: &Path,
) -> Result<Vec<String>, StoredError> {
    let of_strangers = written.strangers.warnings(|visitor| {
        match StoredSnapshot::open_sealed(disk, folder, Some(&written.digests))? {
            Some(tables) => tables.aliases_of(visitor),
            None => Ok(Vec::new()),
        }
    })?;
    Ok(written.repeated.warning(rows_read).into_iter().chain(of_strangers).collect())
}
