//! Why a run has published nothing.

use crate::checks::Check;
use crate::forget::ForgetError;
use crate::increment::StoredError;
use crate::publish::PublishError;
use crate::read::{InputError, ReadError};
use crate::spill::{SpillError, SpilledTablesError};
use crate::write::WriteError;
use std::path::PathBuf;
use tracklet_display::error::{Hint, listed};
use tracklet_display::numbers::counted;

/// A run that published nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The paths name nothing to read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The files could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tables could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output folder could not be used.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Files that were read have other content now.
    #[error("{} changed since {} read", first_of(files), were(files))]
    Changed {
        /// The names of the files.
        files: Vec<String>,
    },
    /// All files must be read again, and some can't be.
    #[error("{why}, and {} can't be read again as {} read", first_of(files), were(files))]
    Lost {
        /// Why they must be read again.
        why: String,
        /// The names of the files.
        files: Vec<String>,
    },
    /// A full refresh would drop rows.
    #[error("--full-refresh would drop {}", dropped(files))]
    WouldDrop {
        /// Files that are not found any more, each with the rows that were read from it.
        files: Vec<(String, u64)>,
    },
    /// The tables that were made contradict each other.
    #[error("{} of the tables {} not hold: {}", invariants(failed.len()), does(failed.len()), named(failed))]
    Invariants {
        /// What does not hold.
        failed: Vec<Check>,
        /// Where the tables are kept; `None` where that failed as well.
        kept: Option<PathBuf>,
    },
    /// The snapshot before can't be read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// The run could not keep to its limit of memory.
    #[error(transparent)]
    Spill(#[from] SpillError),
    /// An erasure that was begun can't be ended, or the list of forgotten ids is damaged.
    #[error(transparent)]
    Forget(#[from] ForgetError),
    /// The operating system gives no threads.
    #[error("could not start the worker threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Hint for RunError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Input(error) => error.hint(),
            Self::Read(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Stored(error) => error.hint(),
            Self::Spill(error) => error.hint(),
            Self::Forget(error) => error.hint(),
            Self::Changed { .. } => Some(
                "`--changed reread` reads it again as a new delivery: its rows are added, repeated events are dropped as duplicates; \
                 `--changed keep` keeps the rows that were read and goes on from the file as it is now"
                    .to_owned(),
            ),
            Self::Lost { .. } => Some(
                "put the files back, or drop their rows with `tracklet run --full-refresh --yes`".to_owned(),
            ),
            Self::WouldDrop { .. } => Some(
                "`--yes` drops them; without `--full-refresh` the rows of files that are gone stay".to_owned(),
            ),
            Self::Invariants { kept, .. } => Some(match kept {
                Some(kept) => format!(
                    "nothing was published; what was made is kept in `{}`; `tracklet run --full-refresh` makes everything \
                     again from the files. If the invariant fails there too, please report it",
                    kept.display()
                ),
                None => "nothing was published; `tracklet run --full-refresh` makes everything again from the files".to_owned(),
            }),
            Self::Threads(_) => Some("take fewer with --threads".to_owned()),
        }
    }
}

fn invariants(count: usize) -> String {
    if count == 1 { "an invariant".to_owned() } else { format!("{count} invariants") }
}

fn does(count: usize) -> &'static str {
    if count == 1 { "does" } else { "do" }
}

fn named(failed: &[Check]) -> String {
    let failed: Vec<String> =
        failed.iter().map(|check| format!("{} ({})", check.invariant, check.found)).collect();
    failed.join("; ")
}

/// Names the files; of many the first few.
fn first_of(files: &[String]) -> String {
    let shown = listed(files.iter().take(FILES_NAMED).map(String::as_str));
    let more = files.len().saturating_sub(FILES_NAMED);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn were(files: &[String]) -> &'static str {
    if files.len() == 1 { "it was" } else { "they were" }
}

/// The files with their rows; of many those with the most.
fn dropped(files: &[(String, u64)]) -> String {
    let rows: u64 = files.iter().map(|(_, rows)| rows).sum();
    let mut most: Vec<&(String, u64)> = files.iter().collect();
    most.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let shown: Vec<String> = (most.iter().take(FILES_DROPPED))
        .map(|(name, rows)| format!("`{name}` ({})", counted(*rows, "row")))
        .collect();
    let more = files.len().saturating_sub(FILES_DROPPED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{} of {} that {} not found as read: {}{more}",
        counted(rows, "row"),
        counted(files.len() as u64, "file"),
        if files.len() == 1 { "is" } else { "are" },
        shown.join(", ")
    )
}

/// Files that a message about dropped rows names.
const FILES_DROPPED: usize = 10;

impl From<SpilledTablesError> for RunError {
    fn from(error: SpilledTablesError) -> Self {
        match error {
            SpilledTablesError::Write(error) => error.into(),
            SpilledTablesError::Spill(error) => error.into(),
        }
    }
}

/// Files that a message names.
pub(super) const FILES_NAMED: usize = 3;
