//! Which snapshots there are.

use super::table::list;
use super::{CURRENT, ResultsError, SNAPSHOTS};
use serde::Deserialize;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

/// A published snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name, which is its number with leading zeros.
    pub name: String,
    /// Whether `current` names it.
    pub current: bool,
    /// When its manifest was written.
    pub written: SystemTime,
    /// What became of the rows read, as its manifest says.
    pub rows: Rows,
}

/// The rows of a run: `read = sessionized + duplicates + rejected`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Rows {
    /// Read.
    pub read: u64,
    /// Turned into sessions.
    pub sessionized: u64,
    /// Dropped as duplicates.
    pub duplicates: u64,
    /// Rejected.
    pub rejected: u64,
}

#[derive(Deserialize)]
struct Manifest {
    rows: Rows,
}

/// The snapshots below `out`, oldest first. A folder without a manifest was never published and is left out.
///
/// # Errors
/// [`ResultsError::NoResults`] when there is no folder of snapshots, [`ResultsError::BadManifest`] when one can't
/// be understood.
pub fn snapshots(out: &Path) -> Result<Vec<Snapshot>, ResultsError> {
    let folder = out.join(SNAPSHOTS);
    let current = out.join(CURRENT).canonicalize().ok();
    let paths = match list(&folder) {
        Err(ResultsError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Err(ResultsError::NoResults { out: out.to_owned() });
        }
        paths => paths?,
    };
    let mut found = Vec::new();
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
        let file = path.join("manifest.json");
        let unreadable = |source| ResultsError::Unreadable { path: file.clone(), source };
        let text = match fs::read(&file) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            text => text.map_err(unreadable)?,
        };
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|source| ResultsError::BadManifest { path: file.clone(), source })?;
        let written = fs::metadata(&file).and_then(|data| data.modified()).map_err(unreadable)?;
        let current = path.canonicalize().is_ok_and(|real| Some(real) == current);
        found.push(Snapshot { name, current, written, rows: manifest.rows });
    }
    Ok(found)
}
