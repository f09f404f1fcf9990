//! What can go wrong with an output folder.

use crate::manifest::ManifestError;
use std::path::{Path, PathBuf};
use tracklet_display::error::Hint;

/// An output folder could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Another run holds the lock.
    #[error("another run is writing to `{}`: {holder}", root.display())]
    Locked {
        /// The output folder.
        root: PathBuf,
        /// Who holds the lock and since when.
        holder: String,
    },
    /// `current` is a file or folder of somebody else.
    #[error("`{}` is not a link to a snapshot", path.display())]
    NotOurs {
        /// What is there.
        path: PathBuf,
    },
    /// The file system has no symbolic links.
    #[error("`{}` is on a file system without symbolic links, and `current` is one", root.display())]
    NoLinks {
        /// The output folder.
        root: PathBuf,
    },
    /// Somebody reads what is to be removed.
    #[error("`{}` can't be removed yet: another command is reading it", path.display())]
    InUse {
        /// The folder of the snapshot.
        path: PathBuf,
    },
    /// There is no snapshot of that name, or none before the current one.
    #[error("{}", missing_snapshot(wanted.as_deref()))]
    NoSnapshot {
        /// The name asked for.
        wanted: Option<String>,
        /// The names there are.
        known: Vec<String>,
    },
    /// A manifest that is none, or damaged.
    #[error("could not read `{}`", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// The list of forgotten ids is damaged.
    #[error("`{}` is damaged: {what}", path.display())]
    ForgottenDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The list of forgotten ids is gone.
    #[error("`{}` is missing: rows were forgotten in snapshot {snapshot}", path.display())]
    ForgottenMissing {
        /// Where it was.
        path: PathBuf,
        /// The snapshot that names a list.
        snapshot: String,
    },
    /// The list of forgotten ids is an older copy, or that of another folder.
    #[error("`{}` is not the list of forgotten ids that snapshot {snapshot} was made with, but an older or another one", path.display())]
    ForgottenOlder {
        /// The file.
        path: PathBuf,
        /// The snapshot that names another list.
        snapshot: String,
    },
    /// The file system refused.
    #[error("{action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

fn missing_snapshot(wanted: Option<&str>) -> String {
    match wanted {
        Some(name) => format!("there is no snapshot `{name}`"),
        None => "there is no snapshot before the current one".to_owned(),
    }
}

impl Hint for PublishError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Locked { .. } => Some("wait for it to end, or choose another folder with --out".to_owned()),
            Self::NotOurs { .. } => Some("choose another folder with --out, or move it away".to_owned()),
            Self::NoLinks { .. } => Some(
                "choose a folder on another file system with --out; `tracklet export` copies tables to this one".to_owned(),
            ),
            Self::InUse { .. } => Some("wait for it to end, then run this command again".to_owned()),
            Self::NoSnapshot { known, .. } if known.is_empty() => {
                Some("`tracklet run` makes the first".to_owned())
            }
            Self::NoSnapshot { known, .. } => Some(format!("there are {}", known.join(", "))),
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull => {
                    Some("free some space; nothing was published, the tables are as they were".to_owned())
                }
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                    Some("choose a folder you may write to with --out".to_owned())
                }
                _ => None,
            },
            Self::Manifest { path, .. } => {
                let snapshot = path.parent().unwrap_or(path).display();
                Some(format!(
                    "move `{snapshot}` away; where it was the current one, `tracklet snapshots rollback NAME` shows another, and \
                     without one the next run reads all files again"
                ))
            }
            Self::ForgottenDamaged { .. } | Self::ForgottenMissing { .. } | Self::ForgottenOlder { .. } => Some(
                "nothing was changed; restore the newest copy of the file. Without one, move the output folder away, remove the \
                 rows of these people from the input files and run again"
                    .to_owned(),
            ),
        }
    }
}

/// Says what was tried with which path.
pub(super) trait IoContext<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, PublishError>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, PublishError> {
        self.map_err(|source| PublishError::Io { action, path: path.to_owned(), source })
    }
}
