//! What can go wrong: only the options and the disk.

use std::io;
use std::path::PathBuf;

use parquet::errors::ParquetError;
use thiserror::Error;

/// Why nothing, or not everything, was generated.
#[derive(Debug, Error)]
pub enum GeneratorError {
    /// An option that only raw lines can show was asked of Parquet.
    #[error("`{option}` does not apply to `--format parquet`")]
    NotForParquet {
        /// The option as typed.
        option: &'static str,
    },
    /// An option that only traffic of tracks can show was asked of calls of all types.
    #[error("`{option}` does not apply to `--calls all`")]
    NotForAllCalls {
        /// The option as typed.
        option: &'static str,
    },
    /// The hot visitor's sessions would not fit a visitor's numbering.
    #[error("`--hot-visitor` asks for {tracks} tracks of one visitor, the most is {limit}")]
    HotVisitorTooLarge {
        /// Tracks asked for.
        tracks: u64,
        /// The most one visitor can have.
        limit: u64,
    },
    /// A damaged line stands beside a track, one at most.
    #[error("`--bad-lines {bad_lines}` is more than `--tracks {tracks}`")]
    TooManyBadLines {
        /// Lines asked for.
        bad_lines: u64,
        /// Tracks asked for.
        tracks: u64,
    },
    /// The folder has files already, which would mix two data sets.
    #[error("`{}` is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder could not be listed or made.
    #[error("cannot prepare the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be made or written.
    #[error("cannot write `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The Parquet writer refused.
    #[error("cannot write the Parquet file `{}`", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: ParquetError,
    },
}

impl GeneratorError {
    /// What the user can do about it, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotForParquet { .. } => Some("add --format rudder-logs, or drop the option"),
            Self::NotForAllCalls { .. } => {
                Some("drop one of them; files of tables are cut by --rows-per-file or --hours-per-file")
            }
            Self::HotVisitorTooLarge { .. } => Some("lower --hot-visitor or --tracks"),
            Self::TooManyBadLines { .. } => Some("lower --bad-lines or raise --tracks"),
            Self::NotEmpty { .. } => Some("remove it, or choose another --out"),
            Self::Folder { .. } | Self::File { .. } | Self::Parquet { .. } => None,
        }
    }
}
