//! What can be wrong with the tables and the state of the base snapshot of an increment.

use crate::disk::is_missing;
use parquet::errors::ParquetError;
use std::path::{Path, PathBuf};
use tracklet_display::error::Hint;

/// A snapshot that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// A file that can't be read.
    #[error("could not read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file that is no table, or a damaged one.
    #[error("could not read `{}`", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParquetError,
    },
    /// A file that is not what was written.
    #[error("`{}` is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file that is not what this program writes.
    #[error("`{}` was changed: {what}", path.display())]
    Changed {
        /// The file or snapshot.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl StoredError {
    /// Whether the files are damaged: no try later can read them, as it may where the disk has failed.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_missing(source),
            Self::Parquet { source, .. } => !matches!(source, ParquetError::External(_)),
            Self::Changed { .. } | Self::Damaged { .. } => true,
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn parquet(path: &Path) -> impl Fn(ParquetError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Parquet { path: path.clone(), source }
    }
}

impl Hint for StoredError {
    fn hint(&self) -> Option<String> {
        Some("`tracklet run --full-refresh` rebuilds everything from the files".to_owned())
    }
}
