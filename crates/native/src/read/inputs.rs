//! Which files a run reads: every file below the given paths, in the order of their names.

use super::content::Grown;
use super::extensions::kind;
use super::first_bytes;
use super::lake::{Candidate, choose};
use super::partitions::{PathPartition, partitions};
use super::remote::{self, Object};
use super::table_formats::{self, Logs, TableFormat};
use crate::read::formats::HasReader as _;
use glob::{MatchOptions, Pattern, PatternError};
use rustix::io::Errno;
use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;
use tracklet_kernel::event_type::{EventType, EventTypes};

pub use super::extensions::Compression;
pub use super::formats::Format;
pub use super::input_error::InputError;

/// A file to read.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// The path as given or found; for objects the URL, without credentials.
    pub name: String,
    /// The format of the file's rows.
    pub format: Format,
    /// The type of the calls that its rows are, where they do not say it themselves.
    pub event_type: EventType,
    /// The compression of the whole file.
    pub compression: Compression,
    /// The file's size, in bytes.
    pub size: u64,
    /// When the file was last changed, in microseconds since 1970.
    pub modified: Option<i64>,
    /// The object store's `ETag` of the content.
    pub etag: Option<String>,
    /// Where its new part starts, where the old one was read before.
    pub(crate) grown: Option<Box<Grown>>,
    pub(super) location: Location,
}

impl InputFile {
    /// A file of this machine that may exist nowhere; its name says its format, JSON where it says nothing. A URL can't be reached.
    #[cfg(test)]
    pub(crate) fn of_size(name: &str, size: u64, modified: Option<i64>) -> Self {
        let (format, compression) = kind(name).unwrap_or((Format::Json, Compression::None));
        let location =
            if name.contains("://") { Location::Unreachable } else { Location::Local(PathBuf::from(name)) };
        Self {
            name: name.to_owned(),
            format,
            event_type: EventType::Track,
            compression,
            size,
            modified,
            etag: None,
            grown: None,
            location,
        }
    }

    /// The columns that stand in the path.
    pub(super) fn partitions(&self) -> Vec<PathPartition> {
        partitions(&self.name)
    }

    /// Whether it is a file of this machine.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.location, Location::Local(_))
    }
}

/// Where a file's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Location {
    Local(PathBuf),
    Remote(Object),
    /// The path is longer than the system takes.
    Unreachable,
}

/// The files that the given paths name, and notes about others.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The files to read, ordered by the bytes of their names, none twice.
    pub files: Vec<InputFile>,
    /// Files in folders whose extension is not known, by name.
    pub ignored: Vec<String>,
    /// Files and folders that are skipped on purpose, each a sentence.
    pub notes: Vec<String>,
}

/// Finds the files that `paths` name: files, folders (with all below), patterns and object-store URLs.
///
/// Names that start with `.` or `_` are passed over in folders, and so are the tables of a data lake that repeat `tracks`.
/// A file's name and first bytes say its format; with `format` every file has that. Of tables that hold the
/// calls of one type, those of `types` are read.
///
/// # Errors
/// A path that does not exist, a folder or pattern without files, a given file of unknown format, the files of a table that
/// a log of its own describes.
pub fn discover(paths: &[String], format: Option<Format>, types: EventTypes) -> Result<Inputs, InputError> {
    discover_with_known(paths, format, types, |_| false)
}

/// [`discover`], where a path without files is no error if `was_read` says that files which it named were read before: they
/// are gone, as the files of an inbox are after each run.
pub(crate) fn discover_with_known(
    paths: &[String],
    format: Option<Format>,
    types: EventTypes,
    was_read: impl Fn(&str) -> bool,
) -> Result<Inputs, InputError> {
    if paths.is_empty() {
        return Err(InputError::NoPaths);
    }
    let mut found = InputSearch {
        format,
        types,
        inputs: Inputs::default(),
        known: HashSet::new(),
        entered: HashSet::new(),
        candidates: Vec::new(),
        logs: Logs::default(),
    };
    for path in paths {
        found.entered.clear();
        let looked = if remote::is_url(path) { found.objects(path) } else { found.path(path) };
        match looked {
            Err(error) if error.is_without_files() && was_read(path) => {}
            looked => looked?,
        }
    }
    let InputSearch { mut inputs, .. } = found;
    inputs.files.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    inputs.ignored.sort();
    inputs.ignored.dedup();
    inputs.notes.dedup();
    for path in &inputs.ignored {
        tracing::warn!(%path, "passed over: its extension is not known");
    }
    Ok(inputs)
}

/// How a file came to be looked at: of one that was named itself more is an error, and less is passed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Explicitly,
    ByFolder,
}

struct InputSearch {
    format: Option<Format>,
    types: EventTypes,
    inputs: Inputs,
    /// Files by their real paths, objects by URL.
    known: HashSet<PathBuf>,
    /// Folders entered for the current path: links may go in a circle.
    entered: HashSet<PathBuf>,
    /// Files of the current path that can be read, also those known before.
    candidates: Vec<Candidate>,
    logs: Logs,
}

impl InputSearch {
    fn path(&mut self, given: &str) -> Result<(), InputError> {
        let path = Path::new(given);
        // A name may hold `*` or `[` itself, so the name as it stands comes first.
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.given_folder(given),
            Ok(metadata) => {
                self.file(path, path, &metadata, Named::Explicitly)?;
                self.named(given)
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(InputError::Io { path: given.to_owned(), source: error })
            }
            Err(_) if given.contains(['*', '?', '[']) => self.pattern(given),
            Err(_) => Err(InputError::Missing { path: given.to_owned() }),
        }
    }

    fn given_folder(&mut self, given: &str) -> Result<(), InputError> {
        let ignored = self.inputs.ignored.len();
        self.folder(Path::new(given), Path::new(given))?;
        let new = &self.inputs.ignored[ignored..];
        let held = new.first().and_then(|name| first_bytes::held(Path::new(name)));
        let ignored = new.len();
        self.chosen(given, given, || InputError::Empty { path: given.to_owned(), ignored, held })
    }

    fn pattern(&mut self, given: &str) -> Result<(), InputError> {
        let error = |source| InputError::Pattern { pattern: given.to_owned(), source };
        let fixed = fixed_part(given);
        let pattern = Pattern::new(given).map_err(error)?;
        for path in matching(given, &pattern).map_err(error)? {
            let path = path?;
            if has_unasked_hidden_part(&path, given) {
                continue;
            }
            let Some(metadata) = self.looked_at(&path)? else { continue };
            if metadata.is_dir() {
                self.folder(&path, Path::new(fixed))?;
            } else {
                self.file(&path, Path::new(fixed), &metadata, Named::ByFolder)?;
            }
        }
        self.chosen(given, fixed, || InputError::NoMatch { pattern: given.to_owned() })
    }

    /// All files below a folder, which was reached from `root`. Each folder is entered once, so links in a circle end.
    fn folder(&mut self, folder: &Path, root: &Path) -> Result<(), InputError> {
        let error = |source| InputError::Io { path: folder.display().to_string(), source };
        let real = match fs::canonicalize(folder) {
            Err(error) if is_too_long(&error) => {
                self.unreachable(folder);
                return Ok(());
            }
            real => real.map_err(error)?,
        };
        if !self.entered.insert(real) || self.is_log(folder) {
            return Ok(());
        }
        if is_output(folder) {
            tracing::warn!(path = %folder.display(), "passed over: tables that a run has written");
            return Ok(());
        }
        let entries = fs::read_dir(folder).map_err(error)?;
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| Ok(entry?.path())).collect::<Result<_, _>>().map_err(error)?;
        paths.sort();
        for path in paths {
            if path.file_name().is_some_and(|name| is_hidden(&name.to_string_lossy())) {
                continue;
            }
            let Some(metadata) = self.looked_at(&path)? else { continue };
            if metadata.is_dir() {
                self.folder(&path, root)?;
            } else {
                self.file(&path, root, &metadata, Named::ByFolder)?;
            }
        }
        Ok(())
    }

    /// What stands at a path that was found; none of what can't be reached, which is noted.
    fn looked_at(&mut self, path: &Path) -> Result<Option<Metadata>, InputError> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if is_too_long(&error) => {
                self.unreachable(path);
                Ok(None)
            }
            // A link to nothing or to itself, or a file that went away.
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_circle(&error) => {
                self.inputs.notes.push(format!("not read: `{}`, a link that leads nowhere", path.display()));
                Ok(None)
            }
            Err(source) => Err(InputError::Io { path: path.display().to_string(), source }),
        }
    }

    fn file(
        &mut self,
        path: &Path,
        root: &Path,
        metadata: &Metadata,
        named: Named,
    ) -> Result<(), InputError> {
        let name = path.display().to_string();
        if !metadata.is_file() {
            // To open one may wait for ever, or never end.
            if named == Named::Explicitly {
                return Err(InputError::NoFile { path: name, kind: kind_of_no_file(metadata) });
            }
            self.inputs.notes.push(format!("not read: `{name}`, {}", kind_of_no_file(metadata)));
            return Ok(());
        }
        let Some((format, compression)) =
            first_bytes::kind_of_file(path, self.format, named == Named::Explicitly)
        else {
            if named == Named::Explicitly {
                let held = first_bytes::held(path);
                return Err(InputError::UnknownFormat { path: name, held });
            }
            self.inputs.ignored.push(name);
            return Ok(());
        };
        let identity =
            fs::canonicalize(path).map_err(|source| InputError::Io { path: name.clone(), source })?;
        if !self.insists()
            && (format.reader().is_of_table_formats() || name.ends_with(".metadata.json"))
            && let Some((folder, log)) = self.logs.of_file(&identity)
        {
            return Err(InputError::TableFormat {
                table: as_given(path, &folder),
                format: log,
                files: table_files(format),
            });
        }
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let file = InputFile {
            name,
            format,
            event_type: EventType::Track,
            compression,
            size: metadata.len(),
            modified: modified.map(|since| since.as_micros() as i64),
            etag: None,
            grown: None,
            location: Location::Local(path.to_owned()),
        };
        self.candidates.push(Candidate { folders: folders(path, root), file, identity });
        Ok(())
    }

    /// Whether the user insists on all files of tables that a log describes.
    fn insists(&self) -> bool {
        self.format.is_some_and(|format| format.reader().is_of_table_formats())
    }

    /// Whether a folder is the log of a table whose files are all read because the user insists.
    fn is_log(&mut self, folder: &Path) -> bool {
        let is_named_so = folder.file_name().is_some_and(|name| name == "metadata");
        is_named_so
            && self.insists()
            && folder.parent().is_some_and(|table| self.logs.of_folder(table) == Some(TableFormat::Iceberg))
    }

    /// A file or folder whose path is longer than the system takes: a reject, since what is in it is not known.
    fn unreachable(&mut self, path: &Path) {
        let file = InputFile {
            name: path.display().to_string(),
            format: self.format.unwrap_or(Format::Json),
            event_type: EventType::Track,
            compression: Compression::None,
            size: 0,
            modified: None,
            etag: None,
            grown: None,
            location: Location::Unreachable,
        };
        self.candidates.push(Candidate { folders: Vec::new(), file, identity: path.to_owned() });
    }

    fn objects(&mut self, url: &str) -> Result<(), InputError> {
        let failed = |source| InputError::Remote { url: remote::without_credentials(url), source };
        let listing = remote::list(url).map_err(failed)?;
        let url = listing.url.clone();
        let pattern = listing
            .pattern
            .as_deref()
            .map(Pattern::new)
            .transpose()
            .map_err(|source| InputError::Pattern { pattern: url.clone(), source })?;
        let options = remote::key_patterns();
        let tables = table_formats::of_keys(listing.objects.iter().map(Object::key));
        let root = if listing.objects.iter().any(|object| object.is_exact) {
            url.as_str()
        } else {
            fixed_part(&url)
        };
        let mut ignored = 0;
        // The format of files that a log may list.
        let mut listed = None;
        for object in &listing.objects {
            let key = object.key();
            if pattern.as_ref().is_some_and(|pattern| !pattern.matches_with(key, options)) {
                continue;
            }
            let below = key.strip_prefix(listing.prefix.as_str()).unwrap_or(key);
            if !object.is_exact && below.split('/').any(is_hidden) {
                continue;
            }
            let name = object.name.clone();
            let Some((format, compression)) = first_bytes::kind_of_object(object, self.format) else {
                if object.is_exact {
                    return Err(InputError::UnknownFormat { path: name, held: None });
                }
                ignored += 1;
                self.inputs.ignored.push(name);
                continue;
            };
            let may_be_of_table = format.reader().is_of_table_formats() || key.ends_with(".metadata.json");
            if may_be_of_table && !self.insists() {
                listed.get_or_insert(table_files(format));
                let mut above = key.match_indices('/').map(|(slash, _)| &key[..slash]).chain([""]);
                if let Some((table, log)) = above.find_map(|above| tables.get_key_value(above)) {
                    return Err(InputError::TableFormat {
                        table: listing.url_of(table),
                        format: *log,
                        files: table_files(format),
                    });
                }
            }
            let file = InputFile {
                name: name.clone(),
                format,
                event_type: EventType::Track,
                compression,
                size: object.size,
                modified: Some(object.modified),
                etag: object.etag.clone(),
                grown: None,
                location: Location::Remote(object.clone()),
            };
            let folders = folders(Path::new(&name), Path::new(root));
            self.candidates.push(Candidate { folders, file, identity: PathBuf::from(&name) });
        }
        for key in &listing.odd {
            let is_asked = pattern.as_ref().is_none_or(|pattern| pattern.matches_with(key, options));
            if !is_asked || key.ends_with('/') {
                continue;
            }
            let name = format!("{}/{key}", listing.url_of(""));
            match kind(key).or(self.format.map(|format| (format, Compression::None))) {
                Some(_) => self.unreachable(Path::new(&name)),
                None => self.inputs.ignored.push(name),
            }
        }
        if let Some(files) = listed
            && let Some((table, format)) = listing.log_above()
        {
            return Err(InputError::TableFormat { table: listing.url_of(&table), format, files });
        }
        if listing.objects.iter().any(|object| object.is_exact) {
            return self.named(&url);
        }
        self.chosen(&url, root, || match pattern {
            Some(_) => InputError::NoMatch { pattern: url.clone() },
            None if ignored == 0 => InputError::Missing { path: url.clone() },
            None => InputError::Empty { path: url.clone(), ignored, held: None },
        })
    }

    /// Takes a file that was named itself.
    fn named(&mut self, given: &str) -> Result<(), InputError> {
        let found = std::mem::take(&mut self.candidates);
        let chosen = choose(given, given, found, self.types, Named::Explicitly, &mut self.inputs.notes)?;
        self.take(chosen);
        Ok(())
    }

    /// Takes the candidates of a folder or pattern, but for those of tables that repeat tracks.
    fn chosen(
        &mut self,
        given: &str,
        root: &str,
        nothing: impl FnOnce() -> InputError,
    ) -> Result<(), InputError> {
        let found = std::mem::take(&mut self.candidates);
        if found.is_empty() {
            return Err(nothing());
        }
        let chosen = choose(given, root, found, self.types, Named::ByFolder, &mut self.inputs.notes)?;
        self.take(chosen);
        Ok(())
    }

    fn take(&mut self, found: Vec<Candidate>) {
        for Candidate { file, identity, .. } in found {
            if self.known.insert(identity) {
                self.inputs.files.push(file);
            }
        }
    }
}

/// The format to insist on where a file of this one is refused: the log of a table, which is JSON, stands for Parquet.
fn table_files(format: Format) -> Format {
    if format.reader().is_of_table_formats() { format } else { Format::Parquet }
}

/// The folders from `root` down to a file, first the last part of `root` itself.
fn folders(file: &Path, root: &Path) -> Vec<String> {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let own = name(root).or_else(|| name(&fs::canonicalize(root).ok()?)).unwrap_or_default();
    let below = file.strip_prefix(root).ok().and_then(Path::parent).unwrap_or(Path::new(""));
    let below = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    std::iter::once(own).chain(below).collect()
}

/// The folder that a pattern spells out before its first wildcard.
fn fixed_part(pattern: &str) -> &str {
    match pattern.find(['*', '?', '[']) {
        None => pattern.trim_end_matches('/'),
        Some(wildcard) => pattern[..wildcard].rfind('/').map_or("", |slash| &pattern[..slash.max(1)]),
    }
}

/// The folder with this real path as the user came to it.
fn as_given(file: &Path, real: &Path) -> String {
    let mut given = file.ancestors().skip(1);
    let found = given.find(|above| fs::canonicalize(above).is_ok_and(|above| above == real));
    found.unwrap_or(real).display().to_string()
}

fn is_too_long(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NAMETOOLONG)
}

pub(super) fn is_circle(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::LOOP)
}

fn kind_of_no_file(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// The paths that a pattern matches. Below `**` each folder is entered once, so links in a circle end.
fn matching(
    given: &str,
    pattern: &Pattern,
) -> Result<Box<dyn Iterator<Item = Result<PathBuf, InputError>>>, PatternError> {
    let failed = |error: glob::GlobError| InputError::Io {
        path: error.path().display().to_string(),
        source: error.into(),
    };
    let parts: Vec<&str> = given.split('/').collect();
    let Some(deep) = parts.iter().position(|part| *part == "**") else {
        return Ok(Box::new(glob::glob(given)?.map(move |path| path.map_err(failed))));
    };
    let above = match parts[..deep].join("/") {
        above if above.is_empty() && deep > 0 => "/".to_owned(),
        above => above,
    };
    let mut walk = Walk {
        pattern,
        asks_for_hidden: given.split('/').any(is_hidden),
        entered: HashSet::new(),
        found: Vec::new(),
    };
    if above.is_empty() {
        walk.folder(Path::new(""));
    } else {
        for folder in glob::glob(&above)? {
            match folder {
                Ok(folder) => walk.folder(&folder),
                Err(error) => walk.found.push(Err(failed(error))),
            }
        }
    }
    Ok(Box::new(walk.found.into_iter()))
}

/// A walk through the folders below `**`.
struct Walk<'p> {
    pattern: &'p Pattern,
    /// Whether a part of the pattern begins as hidden names do.
    asks_for_hidden: bool,
    entered: HashSet<PathBuf>,
    found: Vec<Result<PathBuf, InputError>>,
}

impl Walk<'_> {
    /// Takes what matches below `folder`, which is empty for the working folder.
    fn folder(&mut self, folder: &Path) {
        let at = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let Ok(real) = fs::canonicalize(at) else { return };
        if !self.entered.insert(real) {
            return;
        }
        let entries = match fs::read_dir(at) {
            Ok(entries) => entries,
            // A file, which a pattern before `**` matches too.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return,
            Err(source) => {
                return self.found.push(Err(InputError::Io { path: at.display().to_string(), source }));
            }
        };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        for name in names {
            if is_hidden(&name.to_string_lossy()) && !self.asks_for_hidden {
                continue;
            }
            let path = folder.join(&name);
            let is_folder = path.is_dir();
            // Of what `**` ends with, the files below a folder match by themselves.
            if self.pattern.matches_path_with(&path, options)
                && !(is_folder && self.pattern.as_str().ends_with("**"))
            {
                self.found.push(Ok(path.clone()));
            }
            if is_folder {
                self.folder(&path);
            }
        }
    }
}

/// Whether a matched path has a hidden part that no part of the pattern asks for.
fn has_unasked_hidden_part(path: &Path, pattern: &str) -> bool {
    path.components().any(|component| {
        let Component::Normal(name) = component else { return false };
        let name = name.to_string_lossy();
        let asks = |part: &str| is_hidden(part) && Pattern::new(part).is_ok_and(|part| part.matches(&name));
        is_hidden(&name) && !pattern.split('/').any(asks)
    })
}

/// Whether a folder is one that runs publish their snapshots to.
fn is_output(folder: &Path) -> bool {
    folder.join("current/manifest.json").is_file() && folder.join("snapshots").is_dir()
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}
