//! Which files a run reads: every file below the given paths, in the order of their names.

use super::format::{compression, kind};
use super::remote::{self, Object, RemoteError};
use crate::error::Hint;
use glob::Pattern;
use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;
use thiserror::Error;

pub use super::format::{Compression, Format};

/// A file to read.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// The path as given or found; for objects the URL, without credentials.
    pub name: String,
    /// How its rows are written.
    pub format: Format,
    /// How it is compressed.
    pub compression: Compression,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was changed last, in microseconds since 1970.
    pub modified: Option<i64>,
    /// What the object store says about its content.
    pub etag: Option<String>,
    pub(super) location: Location,
}

/// Where a file's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Location {
    Local(PathBuf),
    Remote(Object),
}

/// What the given paths name.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The files to read, ordered by the bytes of their names, none twice.
    pub files: Vec<InputFile>,
    /// Files in folders whose extension is not known, by name.
    pub ignored: Vec<String>,
}

/// Why the given paths name no files to read.
#[derive(Debug, Error)]
pub enum InputError {
    /// There is nothing of this name.
    #[error("`{path}` does not exist")]
    Missing {
        /// The path as given.
        path: String,
    },
    /// A folder without a file that can be read.
    #[error("`{path}` holds no files to read")]
    Empty {
        /// The path as given.
        path: String,
        /// How many of its files are of an unknown kind.
        ignored: usize,
    },
    /// A pattern that no file matches.
    #[error("no file matches `{pattern}`")]
    NoMatch {
        /// The pattern as given.
        pattern: String,
    },
    /// A pattern that is none.
    #[error("`{pattern}` is not a valid pattern")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// Why.
        source: glob::PatternError,
    },
    /// A given file whose extension is not known.
    #[error("the format of `{path}` is not known")]
    UnknownFormat {
        /// The path as given.
        path: String,
    },
    /// A path that can't be looked at.
    #[error("could not look at `{path}`")]
    Io {
        /// The path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// An object store that does not answer as it should.
    #[error("could not list `{url}`")]
    Remote {
        /// The URL, without credentials.
        url: String,
        /// Why.
        source: RemoteError,
    },
    /// No path was given.
    #[error("there is nothing to read")]
    NoPaths,
}

impl Hint for InputError {
    fn hint(&self) -> Option<String> {
        const KINDS: &str =
            ".json, .jsonl, .ndjson, .csv (each also with .gz or .zst), .gz (JSON lines) and .parquet";
        match self {
            Self::Missing { path } if path.starts_with('~') => {
                Some("`~` is replaced by the shell only, and only where it is not quoted".to_owned())
            }
            Self::Missing { .. } => Some("give a file, a folder, a pattern or a URL (s3://, gs://, az://)".to_owned()),
            Self::Empty { ignored: 0, .. } => Some(format!("files are found by extension: {KINDS}")),
            Self::Empty { ignored, .. } => {
                Some(format!("it holds {ignored} of unknown extension; read are {KINDS}, others with --format"))
            }
            Self::NoMatch { .. } => Some("`**` stands for any folders: events/**/*.json.gz".to_owned()),
            Self::Pattern { .. } => None,
            Self::UnknownFormat { .. } => {
                Some(format!("name it with --format json, csv or parquet; by extension are known {KINDS}"))
            }
            Self::Io { .. } => Some("check the permissions".to_owned()),
            Self::Remote { .. } => Some(
                "credentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, \
                 GOOGLE_APPLICATION_CREDENTIALS, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
                    .to_owned(),
            ),
            Self::NoPaths => Some("give a path, or set [source] paths in tracklet.toml".to_owned()),
        }
    }
}

/// Finds the files that `paths` name: files, folders (with all below), patterns and object-store URLs.
///
/// Names that start with `.` or `_` are passed over in folders. With `format` every file is taken as that.
///
/// # Errors
/// A path that does not exist, a folder or pattern without files, a given file of unknown format.
pub fn discover(paths: &[String], format: Option<Format>) -> Result<Inputs, InputError> {
    if paths.is_empty() {
        return Err(InputError::NoPaths);
    }
    let mut found = Found {
        format,
        inputs: Inputs::default(),
        known: HashSet::new(),
        entered: HashSet::new(),
        reached: 0,
    };
    for path in paths {
        found.entered.clear();
        found.reached = 0;
        if remote::is_url(path) {
            found.objects(path)?;
        } else {
            found.path(path)?;
        }
    }
    let Found { mut inputs, .. } = found;
    inputs.files.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    inputs.ignored.sort();
    inputs.ignored.dedup();
    for path in &inputs.ignored {
        tracing::warn!(%path, "passed over: its extension is not known");
    }
    Ok(inputs)
}

/// Whether files of unknown extension are an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Explicitly,
    ByFolder,
}

struct Found {
    format: Option<Format>,
    inputs: Inputs,
    /// Files by their real paths, objects by URL.
    known: HashSet<PathBuf>,
    /// Folders entered for the path at hand: links may go in a circle.
    entered: HashSet<PathBuf>,
    /// Files of the path at hand that can be read, also those known before.
    reached: usize,
}

impl Found {
    fn path(&mut self, given: &str) -> Result<(), InputError> {
        let path = Path::new(given);
        // A name may hold `*` or `[` itself, so the name as it stands comes first.
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.given_folder(given),
            Ok(metadata) => self.file(path, &metadata, Named::Explicitly),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(InputError::Io { path: given.to_owned(), source: error })
            }
            Err(_) if given.contains(['*', '?', '[']) => self.pattern(given),
            Err(_) => Err(InputError::Missing { path: given.to_owned() }),
        }
    }

    fn given_folder(&mut self, given: &str) -> Result<(), InputError> {
        let ignored = self.inputs.ignored.len();
        self.folder(Path::new(given))?;
        if self.reached > 0 {
            return Ok(());
        }
        Err(InputError::Empty { path: given.to_owned(), ignored: self.inputs.ignored.len() - ignored })
    }

    fn pattern(&mut self, given: &str) -> Result<(), InputError> {
        let error = |source| InputError::Pattern { pattern: given.to_owned(), source };
        for path in glob::glob(given).map_err(error)? {
            let path = path.map_err(|error| InputError::Io {
                path: error.path().display().to_string(),
                source: error.into(),
            })?;
            if has_unasked_hidden_part(&path, given) {
                continue;
            }
            let metadata = metadata(&path)?;
            if metadata.is_dir() {
                self.folder(&path)?;
            } else {
                self.file(&path, &metadata, Named::ByFolder)?;
            }
        }
        if self.reached > 0 { Ok(()) } else { Err(InputError::NoMatch { pattern: given.to_owned() }) }
    }

    /// All files below a folder. Each folder is entered once, so links in a circle end.
    fn folder(&mut self, folder: &Path) -> Result<(), InputError> {
        let error = |source| InputError::Io { path: folder.display().to_string(), source };
        if !self.entered.insert(fs::canonicalize(folder).map_err(error)?) {
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
            let metadata = match fs::metadata(&path) {
                Ok(metadata) => metadata,
                // A link to nothing, or a file that went away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.inputs.ignored.push(path.display().to_string());
                    continue;
                }
                Err(source) => return Err(InputError::Io { path: path.display().to_string(), source }),
            };
            if metadata.is_dir() {
                self.folder(&path)?;
            } else {
                self.file(&path, &metadata, Named::ByFolder)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, metadata: &Metadata, named: Named) -> Result<(), InputError> {
        let name = path.display().to_string();
        let Some((format, compression)) = self.kind(&name) else {
            if named == Named::Explicitly {
                return Err(InputError::UnknownFormat { path: name });
            }
            self.inputs.ignored.push(name);
            return Ok(());
        };
        self.reached += 1;
        let real = fs::canonicalize(path).map_err(|source| InputError::Io { path: name.clone(), source })?;
        if self.known.insert(real) {
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            self.inputs.files.push(InputFile {
                name,
                format,
                compression,
                size: metadata.len(),
                modified: modified.map(|since| since.as_micros() as i64),
                etag: None,
                location: Location::Local(path.to_owned()),
            });
        }
        Ok(())
    }

    fn objects(&mut self, url: &str) -> Result<(), InputError> {
        let listing = remote::list(url)
            .map_err(|source| InputError::Remote { url: remote::without_credentials(url), source })?;
        let url = listing.url.clone();
        let pattern = listing
            .pattern
            .as_deref()
            .map(Pattern::new)
            .transpose()
            .map_err(|source| InputError::Pattern { pattern: url.clone(), source })?;
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        let mut matched = false;
        let mut ignored = 0;
        for object in listing.objects {
            let key = object.key().to_owned();
            if pattern.as_ref().is_some_and(|pattern| !pattern.matches_with(&key, options)) {
                continue;
            }
            let below = key.strip_prefix(listing.prefix.as_str()).unwrap_or(&key);
            if !object.is_exact && below.split('/').any(is_hidden) {
                continue;
            }
            let name = object.name.clone();
            let Some((format, compression)) = self.kind(&key) else {
                if object.is_exact {
                    return Err(InputError::UnknownFormat { path: name });
                }
                ignored += 1;
                self.inputs.ignored.push(name);
                continue;
            };
            matched = true;
            if self.known.insert(PathBuf::from(&name)) {
                self.inputs.files.push(InputFile {
                    name,
                    format,
                    compression,
                    size: object.size,
                    modified: Some(object.modified),
                    etag: object.etag.clone(),
                    location: Location::Remote(object),
                });
            }
        }
        match (matched, pattern) {
            (true, _) => Ok(()),
            (false, Some(_)) => Err(InputError::NoMatch { pattern: url }),
            (false, None) if ignored == 0 => Err(InputError::Missing { path: url }),
            (false, None) => Err(InputError::Empty { path: url, ignored }),
        }
    }

    fn kind(&self, name: &str) -> Option<(Format, Compression)> {
        match self.format {
            Some(format) => Some((format, kind(name).map_or_else(|| compression(name), |(_, c)| c))),
            None => kind(name),
        }
    }
}

fn metadata(path: &Path) -> Result<Metadata, InputError> {
    fs::metadata(path).map_err(|source| InputError::Io { path: path.display().to_string(), source })
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

fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}
