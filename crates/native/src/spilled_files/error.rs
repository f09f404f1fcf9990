use std::io;
use std::path::{Path, PathBuf};
use tracklet_display::error::Hint;
use tracklet_display::numbers::{counted, grouped, size};

/// A run could not keep to its limit of memory.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// The files that rows are spilled to.
    #[error("could not spill rows to disk in `{}`", folder.display())]
    Io {
        /// The folder of the files.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are too many ids.
    #[error(
        "the {} of the tracks, and their event names, take {} of memory, more than the limit of \
         {} leaves for them",
        counted(*ids as u64, "different id"), size(*needed), size(*limit)
    )]
    Ids {
        /// How many ids there are, or were read so far.
        ids: usize,
        /// Bytes that they need.
        needed: u64,
        /// The limit in bytes.
        limit: u64,
        /// One that would do.
        enough: u64,
    },
    /// Ids or names are too long.
    #[error(
        "ids and event names of more than 64 bytes take {} of memory while they are written, more than the limit of {} \
         leaves for them",
        size(*needed), size(*limit)
    )]
    Texts {
        /// Bytes that a row group of the longest needs.
        needed: u64,
        /// The limit in bytes.
        limit: u64,
        /// One that would do.
        enough: u64,
    },
    /// A visitor has too many tracks.
    #[error(
        "one visitor has {} tracks, which take {} of memory, more than the limit of {} leaves for them",
        grouped(*tracks), size(*needed), size(*limit)
    )]
    Visitor {
        /// How many.
        tracks: u64,
        /// Bytes that they need.
        needed: u64,
        /// The limit in bytes.
        limit: u64,
        /// One that would do.
        enough: u64,
    },
}

impl SpillError {
    pub(crate) fn io(folder: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { folder: folder.to_owned(), source }
    }
}

impl Hint for SpillError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => (source.kind() == io::ErrorKind::StorageFull).then(|| {
                "free some space or name another folder with --temp-dir; nothing was published, the tables are as they \
                 were"
                    .to_owned()
            }),
            Self::Ids { enough, .. } => Some(format!(
                "give --memory-limit {} or more: tracks are spilled to disk, their ids must be in memory",
                whole(*enough)
            )),
            Self::Texts { enough, .. } => Some(format!(
                "give --memory-limit {} or more: the long ids and names of 131,072 rows must be in memory together",
                whole(*enough)
            )),
            Self::Visitor { enough, .. } => Some(format!(
                "give --memory-limit {} or more: the tracks of one visitor must be in memory together",
                whole(*enough)
            )),
        }
    }
}

/// Bytes as the option takes them, rounded up.
fn whole(bytes: u64) -> String {
    format!("{}MB", bytes.div_ceil(1_000_000))
}
