//! What a plan has to know of files and of the base snapshot, and how it is found out.

use super::publish::Before;
use super::{RunError, RunRequest};
use crate::increment::StoredSnapshot;
use crate::manifest::{Input, OlderSetting, RecordedRules};
use crate::publish::OutputFolder;
use crate::read::inputs::discover_with_known;
use crate::read::{Content, Grown, InputError, InputFile, Quote, ReadError};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use tracklet_kernel::event_type::EventTypes;
use tracklet_kernel::ignored_ids::IgnoredIds;
use tracklet_kernel::tables::Table;

/// Looks at files, and at what the base snapshot has stored. A plan asks for what its rules need, and knows nothing else of the disk.
pub(crate) trait Facts {
    /// What a file holds, where that can be had.
    /// # Errors
    /// The file can't be read.
    fn content(&self, file: &InputFile) -> Result<Option<Content>, ReadError>;

    /// Where the new part of a file starts that begins with all that `old` was; none where it does not.
    /// # Errors
    /// The file can't be read.
    fn grown_since(&self, file: &InputFile, old: Content) -> Result<Option<Grown>, ReadError>;

    /// The path without links of a file that is called so; none of objects, and of what does not exist.
    fn real_path(&self, name: &str) -> Option<PathBuf>;

    /// The size of the local file that is called so; none where it does not exist.
    fn size(&self, path: &str) -> Option<u64>;

    /// The files with these names.
    /// # Errors
    /// As those of a run's own paths.
    fn files(&self, names: &[String]) -> Result<Vec<InputFile>, InputError>;

    /// Whether the base snapshot's rows may not be what they would be if ids were taken for none by this rule.
    /// # Errors
    /// The snapshot can't be read.
    fn ignores_otherwise(&self, rule: &IgnoredIds) -> Result<bool, RunError>;

    /// Those of the lines that the base snapshot has among its rejects, by file and line.
    /// # Errors
    /// The snapshot can't be read.
    fn rejected(&self, lines: &HashSet<(String, u64)>) -> Result<HashSet<(String, u64)>, RunError>;
}

/// The snapshot that a plan starts from.
pub(crate) struct ReadBefore<'a> {
    /// The snapshot's name.
    pub(crate) snapshot: &'a str,
    /// Every file that it has read.
    pub(crate) inputs: &'a [Input],
    /// Whether its rows can be had without reading the files again.
    pub(crate) is_readable: bool,
    /// What rows were read by, where it is not what the configuration of this snapshot said.
    pub(crate) older_settings: &'a [OlderSetting],
    /// The fingerprints of its configuration, and what wrote its files.
    pub(crate) config_fingerprint: &'a str,
    pub(crate) source_fingerprint: &'a str,
    pub(crate) writer: &'a str,
    /// The types of its rows of evidence.
    pub(crate) evidence: EventTypes,
    /// The tables that it leaves out.
    pub(crate) left_out: BTreeSet<Table>,
}

impl<'a> ReadBefore<'a> {
    /// What a plan has to know of the base snapshot.
    pub(super) fn of(before: &'a Before) -> Self {
        Self {
            snapshot: &before.snapshot.name,
            inputs: &before.known.inputs,
            is_readable: before.is_readable(),
            older_settings: &before.manifest.older_settings,
            config_fingerprint: &before.manifest.config_fingerprint,
            source_fingerprint: &before.manifest.source_fingerprint,
            writer: &before.manifest.versions.writer,
            evidence: (before.manifest.rules.as_ref())
                .filter(|_| before.manifest.rows.evidence > 0)
                .map_or(EventTypes::NONE, RecordedRules::evidence),
            left_out: (before.manifest.rules.as_ref()).map(RecordedRules::left_out).unwrap_or_default(),
        }
    }
}

/// The facts as they are.
pub(super) struct OnDisk<'a> {
    request: &'a RunRequest,
    folder: &'a OutputFolder,
    before: Option<&'a Before>,
    /// The folder for objects that are only looked at.
    temporary: PathBuf,
    quote: Quote,
}

impl<'a> OnDisk<'a> {
    pub(super) fn new(request: &'a RunRequest, folder: &'a OutputFolder, before: Option<&'a Before>) -> Self {
        let temporary = request.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
        Self { request, folder, before, temporary, quote: request.config.source.csv.quote }
    }
}

impl Facts for OnDisk<'_> {
    fn content(&self, file: &InputFile) -> Result<Option<Content>, ReadError> {
        file.content(&self.temporary)
    }

    fn grown_since(&self, file: &InputFile, old: Content) -> Result<Option<Grown>, ReadError> {
        file.grown_since(old, self.quote, &self.temporary)
    }

    fn real_path(&self, name: &str) -> Option<PathBuf> {
        if name.contains("://") { None } else { Path::new(name).canonicalize().ok() }
    }

    fn size(&self, path: &str) -> Option<u64> {
        std::fs::metadata(path).ok().map(|found| found.len())
    }

    fn files(&self, names: &[String]) -> Result<Vec<InputFile>, InputError> {
        let types = self.request.config.types_read();
        Ok(discover_with_known(names, self.request.format, types, |_| true)?.files)
    }

    fn ignores_otherwise(&self, rule: &IgnoredIds) -> Result<bool, RunError> {
        let disk = &**self.folder.disk();
        Ok(self.before.map_or(Ok(false), |before| before.ignores_otherwise(disk, rule))?)
    }

    fn rejected(&self, lines: &HashSet<(String, u64)>) -> Result<HashSet<(String, u64)>, RunError> {
        let mut rejected = HashSet::new();
        let Some(before) = self.before.filter(|_| !lines.is_empty()) else { return Ok(rejected) };
        let disk = &**self.folder.disk();
        if let Some(stored) = StoredSnapshot::open(disk, &before.snapshot.path, &before.manifest)? {
            stored.each_reject(|reject| {
                if let Some(line) = reject.row_number.map(|row| (reject.source_file, row))
                    && lines.contains(&line)
                {
                    rejected.insert(line);
                }
                Ok::<_, RunError>(())
            })?;
        }
        Ok(rejected)
    }
}
