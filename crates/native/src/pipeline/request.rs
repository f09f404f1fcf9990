//! The request for a run: what it reads, and how.

use super::Changed;
use crate::read::{self, Format, NoRowFilters, RowFilters, Strictness};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use tracklet_config::{Config, Refresh};

/// What a run reads, and how.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The configuration: the rules, and how the source is read.
    pub config: Config,
    /// The output folder.
    pub output: PathBuf,
    /// Files, folders, patterns and URLs to read.
    pub paths: Vec<String>,
    /// The format of every file; `None` tells by extension.
    pub format: Option<Format>,
    /// Whether bad rows are rejected or end the run.
    pub strictness: Strictness,
    /// How many threads work; `None` takes one a core.
    pub threads: Option<NonZeroUsize>,
    /// The longest line that is read, in bytes.
    pub max_line: usize,
    /// Where objects from a store lie while they are read, and tracks that don't fit into memory; `None` takes the system's
    /// folder for objects and the output folder for tracks.
    pub temp_dir: Option<PathBuf>,
    /// Bytes of memory that the run may take; `None` takes what it needs.
    pub memory_limit: Option<NonZeroU64>,
    /// Whether the run builds on the last snapshot.
    pub refresh: Refresh,
    /// How the run treats files that were read before and have other content now.
    pub changed: Changed,
    /// Whether a full refresh may drop rows.
    pub dropping: Dropping,
    /// The parser of `[source] where`.
    pub filters: Arc<dyn RowFilters>,
}

/// Whether a full refresh may drop rows of files that it does not find.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dropping {
    /// Dropping rows is an error, which says what would be dropped.
    #[default]
    Refused,
    /// The refresh may drop rows.
    Allowed,
}

impl RunRequest {
    /// How many threads work.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        self.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }

    /// A run of what the configuration says.
    pub fn new(config: Config) -> Self {
        Self {
            output: config.output.dir.clone(),
            paths: config.source.paths.clone(),
            format: config.source.format,
            strictness: Strictness::Lenient,
            threads: None,
            max_line: read::DEFAULT_MAX_LINE,
            temp_dir: None,
            memory_limit: None,
            refresh: Refresh::default(),
            changed: Changed::default(),
            dropping: Dropping::default(),
            filters: Arc::new(NoRowFilters),
            config,
        }
    }
}
