//! Why the given paths name no files to read.

use super::extensions;
use super::foreign::Foreign;
use super::formats::{FORMATS, Format};
use super::inputs::is_circle;
use super::remote::RemoteError;
use super::table_formats::TableFormat;
use std::io;
use thiserror::Error;
use tracklet_display::error::{Hint, listed};
use tracklet_kernel::event_type::{EventType, EventTypes};

/// The content that a file of unknown format seems to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldContent {
    /// Rows of a table, with this character between their fields.
    Rows(char),
    /// What is not read.
    Foreign(Foreign),
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
        /// What the first of them seems to hold.
        held: Option<HeldContent>,
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
    #[error("{}", unknown(path, *held))]
    UnknownFormat {
        /// The path as given.
        path: String,
        /// What it is, where its first bytes say so.
        held: Option<HeldContent>,
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
    /// The files of a table that a log of its own describes.
    #[error(
        "`{table}` is {format}: its folder keeps files that the table no longer has, and their removed and old rows would \
         come back",
        format = format.described()
    )]
    TableFormat {
        /// The table's folder.
        table: String,
        /// The format of its log.
        format: TableFormat,
        /// The format of its files.
        files: Format,
    },
    /// A data lake's tables without any of events.
    #[error(
        "`{path}` holds no {types} calls: its files are those of {tables}",
        types = listed(types.iter().map(EventType::name)),
        tables = listed(tables.iter().map(String::as_str))
    )]
    NoEvents {
        /// The path as given.
        path: String,
        /// The types of calls that are events.
        types: EventTypes,
        /// The tables.
        tables: Vec<String>,
    },
    /// The path is neither a file nor a folder.
    #[error("`{path}` is {kind}, not a file")]
    NoFile {
        /// The path as given.
        path: String,
        /// A device, a named pipe, a socket.
        kind: &'static str,
    },
    /// No path was given.
    #[error("there is nothing to read")]
    NoPaths,
}

impl InputError {
    /// Whether it says that there are no files to read, or none of those that are asked for.
    pub(super) fn is_without_files(&self) -> bool {
        self.is_of_nothing() || matches!(self, Self::NoEvents { .. })
    }

    /// Whether it says that nothing to read was found, and no more.
    pub(crate) fn is_of_nothing(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Empty { .. } | Self::NoMatch { .. })
    }
}

impl Hint for InputError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { path } if path.starts_with('~') => {
                Some("`~` is replaced by the shell only, and only where it is not quoted".to_owned())
            }
            Self::Missing { .. } => Some("give a file, a folder, a pattern or a URL (s3://, gs://, az://)".to_owned()),
            Self::Empty { ignored: 0, .. } => Some(format!("files are found by extension: {}", extensions::known())),
            Self::Empty { held: Some(HeldContent::Foreign(Foreign { what, hint })), .. } => {
                Some(format!("the first of its files is {what}, which is not read: {hint}"))
            }
            Self::Empty { held: Some(HeldContent::Rows(delimiter)), .. } => {
                Some(format!("its files {}", without_header(*delimiter)))
            }
            Self::Empty { ignored, .. } => {
                Some(format!(
                    "it holds {ignored} of unknown extension; read are {}, others with --format",
                    extensions::known()
                ))
            }
            Self::NoMatch { .. } => Some("`**` stands for any folders: events/**/*.json.gz".to_owned()),
            Self::Pattern { .. } => None,
            Self::UnknownFormat { held: Some(HeldContent::Foreign(foreign)), .. } => Some(foreign.hint.to_owned()),
            Self::UnknownFormat { held: Some(HeldContent::Rows(delimiter)), .. } => {
                Some(format!("its lines {}", without_header(*delimiter)))
            }
            Self::UnknownFormat { .. } => {
                let (last, others) = FORMATS.split_last().expect("there are formats");
                let others: Vec<&str> = others.iter().map(|(name, _)| *name).collect();
                Some(format!(
                    "name it with --format {} or {}; by extension are known {}",
                    others.join(", "),
                    last.0,
                    extensions::known()
                ))
            }
            Self::Io { source, .. } if is_circle(source) => {
                Some("it is a symbolic link that leads back to itself".to_owned())
            }
            Self::Io { .. } => Some("check the permissions".to_owned()),
            Self::TableFormat { format, files, .. } => Some(format!(
                "export the rows that the table has now, for example with {}; `--format {}` reads every file in the \
                 folder all the same",
                format.exporter(),
                files.as_str()
            )),
            Self::NoEvents { types, .. } if *types == EventTypes::default() => Some(
                "name the folder of `tracks`, or the folder above all tables: only track calls are sessionized, unless [source] types \
                 names others"
                    .to_owned(),
            ),
            Self::NoEvents { types, .. } => {
                let tables = listed(types.iter().map(EventType::table));
                Some(format!("name a folder of {tables}, or let [source] types name the calls that the files have"))
            }
            Self::NoFile { .. } => Some("write what comes from it to a file first".to_owned()),
            Self::Remote { url, source } if source.is_no_bucket() => Some(format!(
                "there is no bucket of this name: check `{}`, the region (AWS_REGION) and the endpoint (AWS_ENDPOINT_URL)",
                url.split('/').take(3).collect::<Vec<_>>().join("/")
            )),
            Self::Remote { source, .. } if source.hint().is_some() => source.hint().map(ToOwned::to_owned),
            Self::Remote { .. } => {
                let credentials = "credentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
                                   AWS_REGION, GOOGLE_APPLICATION_CREDENTIALS, or AZURE_STORAGE_ACCOUNT_NAME and \
                                   AZURE_STORAGE_ACCOUNT_KEY";
                let has_keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
                let export = profile_of_aws().filter(|_| !has_keys);
                Some(
                    export
                        .map_or_else(|| credentials.to_owned(), |export| format!("{credentials}; {export}")),
                )
            }
            Self::NoPaths => Some("give a path, or set [source] paths in tracklet.toml".to_owned()),
        }
    }
}

fn unknown(path: &str, held: Option<HeldContent>) -> String {
    match held {
        Some(HeldContent::Foreign(foreign)) => format!("`{path}` is {}, which is not read", foreign.what),
        Some(HeldContent::Rows(_)) | None => format!("the format of `{path}` is not known"),
    }
}

/// What the lines of a table without a header are, and what to do with them.
pub(super) fn without_header(delimiter: char) -> String {
    format!(
        "seem to hold rows with `{}` between their fields and no header: run with --format csv and name the columns in \
         tracklet.toml: [source.csv] header = false, columns = [\"id\", \"anonymous_id\", ...]",
        delimiter.escape_default()
    )
}

/// What helps who has credentials in the files of the AWS command line, which are not read.
fn profile_of_aws() -> Option<String> {
    let profile = std::env::var("AWS_PROFILE").ok().filter(|profile| !profile.is_empty());
    let folder = std::env::home_dir().map(|home| home.join(".aws"));
    let has_files =
        folder.is_some_and(|folder| ["credentials", "config"].iter().any(|name| folder.join(name).exists()));
    if profile.is_none() && !has_files {
        return None;
    }
    let name =
        profile.map_or_else(String::new, |profile| format!(" --profile '{}'", profile.replace('\'', "")));
    Some(format!(
        "~/.aws and AWS_PROFILE are not read: eval \"$(aws configure export-credentials{name} --format env)\" puts what they \
         lead to into the environment"
    ))
}
