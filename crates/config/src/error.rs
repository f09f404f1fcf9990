//! What can be wrong with a configuration file, with the place of it.

use super::duration::DurationError;
use super::keys::{ANY, KEYS, Key, keys_of, sections};
use std::fmt;
use std::io;
use std::path::PathBuf;
use tracklet_dialects::Dialect;
use tracklet_dialects::target_keys::target_keys;
use tracklet_display::error::{Hint, listed, nearest};
use tracklet_kernel::session_columns::{FieldType, Fold};

/// A place in a file; both numbers count from 1, the column in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration file `{}`", path.display())]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something wrong.
    #[error("{place}: {problem}")]
    Wrong {
        /// Where.
        place: Place,
        /// What.
        problem: Problem,
    },
}

/// What a configuration file can hold that is wrong. Keys are dotted paths (`sessions.timeout`), values stand as in
/// the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// CSV files without a header, whose columns have no names.
    #[error("`source.csv.header` is false, and `source.csv.columns` names no columns")]
    NoColumns,
    /// One character is both between fields of CSV and around them.
    #[error("`source.csv.quote` and `source.csv.delimiter` are the same character")]
    SameCharacter,
    /// A text that is not one character.
    #[error("`{key}` is one ASCII character, not `{value}`")]
    NoCharacter {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// A text that is not the name of one column.
    #[error("`{key}` is the name of one column, not `{value}`")]
    NotOneColumn {
        /// The key.
        key: String,
        /// What stands there.
        value: String,
    },
    /// The file is not TOML.
    #[error("this is not TOML: {0}")]
    Syntax(String),
    /// No such key.
    #[error("unknown key `{}`", dotted(section, key))]
    UnknownKey {
        /// The section it stands in, `""` for the top.
        section: String,
        /// The key as it is written.
        key: String,
    },
    /// A value of another type.
    #[error("`{key}` must be {expected}, not `{value}`")]
    WrongType {
        /// The key.
        key: String,
        /// What it takes.
        expected: &'static str,
        /// What stands there.
        value: String,
    },
    /// A word that is not one of a few.
    #[error("`{key}` can't be `{value}`")]
    NotAChoice {
        /// The key.
        key: String,
        /// What stands there.
        value: String,
        /// What it takes.
        choices: Vec<&'static str>,
    },
    /// A text without a character where there must be one.
    #[error("`{key}` is empty")]
    Empty {
        /// The key.
        key: String,
    },
    /// A number beyond its limits.
    #[error("`{key}` must be {}, not `{value}`", range(*least, *most))]
    OutOfRange {
        /// The key.
        key: String,
        /// What stands there.
        value: String,
        /// The least number it takes.
        least: u64,
        /// The greatest, if there is one.
        most: Option<u64>,
    },
    /// A text that is no duration.
    #[error("`{key}` can't be `{value}`: {problem}")]
    Duration {
        /// The key, with its section.
        key: String,
        /// What stands there.
        value: String,
        /// Why not.
        problem: DurationError,
    },
    /// A timeout of part-minutes with the boundary that only knows whole ones.
    #[error("`sessions.timeout` of `{value}` is not a number of whole minutes")]
    PartMinutes {
        /// What stands there.
        value: String,
    },
    /// A name that not every warehouse takes for a column.
    #[error("`{column}` is no name for a column")]
    BadColumn {
        /// The section it stands in.
        section: &'static str,
        /// The name.
        column: String,
    },
    /// A column named like another column of its table.
    #[error("the column `{}` has the name of {}", dotted(section, column), taken(other))]
    TakenColumn {
        /// The section it stands in.
        section: &'static str,
        /// The column.
        column: String,
        /// The column it clashes with.
        other: TakenBy,
    },
    /// A target that does not say what it is.
    #[error("the target `{target}` has no `type`")]
    NoType {
        /// The target.
        target: String,
    },
    /// A key that targets of this type don't have.
    #[error("unknown key `targets.{target}.{key}`")]
    UnknownTargetKey {
        /// The target.
        target: String,
        /// The target's type.
        dialect: Dialect,
        /// The key.
        key: String,
    },
    /// A secret in the open.
    #[error("`{key}` must not stand in this file")]
    SecretInFile {
        /// The key.
        key: &'static str,
        /// How it may stand there.
        example: &'static str,
    },
    /// A column of events that is read from nothing.
    #[error("the column `{0}` of `[columns]` names no column of the source")]
    ReadsNothing(String),
    /// A column of sessions whose function is of a column that events do not have.
    #[error("`session.columns.{name}` takes the column `{column}`, which events do not have")]
    NoEventColumn {
        /// The column of sessions.
        name: String,
        /// The column that is not there.
        column: String,
        /// The columns that events have.
        known: Vec<String>,
    },
    /// A column of sessions whose function is of no such values.
    #[error("`session.columns.{name}` takes the {} of `{column}`, which holds {}", fold.name(), values_of(*held))]
    WrongFold {
        /// The column of sessions.
        name: String,
        /// The function.
        fold: Fold,
        /// The column of events.
        column: String,
        /// What it holds.
        held: FieldType,
    },
    /// A column of sessions that picks no event and says at which.
    #[error("`session.columns.{name}` has `at`, and {function} picks no event")]
    PicksNothing {
        /// The column of sessions.
        name: String,
        /// The function.
        function: &'static str,
    },
    /// A column of sessions that looks at no event.
    #[error("`session.columns.{name}` has an empty list under `{key}`")]
    EmptyList {
        /// The column of sessions.
        name: String,
        /// The key of the list.
        key: &'static str,
    },
    /// A list of no type.
    #[error("`source.types` names no type")]
    NoTypes,
    /// A type of evidence whose calls are events.
    #[error("`identity.evidence` has `{event_type}`, whose calls are events")]
    EvidenceIsEvent {
        /// The type.
        event_type: &'static str,
    },
    /// Evidence beside ids that are made of rows.
    #[error("`identity.evidence` can't stand beside `source.columns.event_id = \"from_row\"`")]
    EvidenceOfRows,
    /// A list of no table.
    #[error("`output.tables` names no table")]
    NoTables,
    /// Tables of events where rows of one event id are events each.
    #[error(
        "`dedupe` is false, and `{asked_by}` asks for sessions that are known by the id of their first event"
    )]
    NoSessionKey {
        /// The key that asks for the tables of events.
        asked_by: &'static str,
    },
    /// A count column that counts nothing.
    #[error("the count column `{0}` lists no event")]
    CountsNothing(String),
}

/// Whose name a column has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenBy {
    /// A column that a table always has: the column and the table.
    Table(String, &'static str),
    /// Another column of the section, as the file spells it.
    Other(String),
}

fn taken(by: &TakenBy) -> String {
    match by {
        TakenBy::Table(column, table) => format!("the column `{column}` of `{table}`"),
        TakenBy::Other(column) => format!("the column `{column}`"),
    }
}

fn dotted(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

fn range(least: u64, most: Option<u64>) -> String {
    match most {
        Some(most) => format!("a number from {least} to {most}"),
        None => format!("a number of at least {least}"),
    }
}

impl ConfigError {
    /// The file, line and column of the mistake; `None` if the file can't be read.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Wrong { place, .. } => Some(place),
        }
    }
}

impl Problem {
    /// The key that it is about, as a dotted path; `None` for what is no TOML.
    pub fn key(&self) -> Option<String> {
        Some(match self {
            Self::Syntax(_) => return None,
            Self::UnknownKey { section, key } => dotted(section, key),
            Self::WrongType { key, .. }
            | Self::NotAChoice { key, .. }
            | Self::Empty { key }
            | Self::OutOfRange { key, .. }
            | Self::NoCharacter { key, .. }
            | Self::NotOneColumn { key, .. }
            | Self::Duration { key, .. } => key.clone(),
            Self::PartMinutes { .. } => "sessions.timeout".to_owned(),
            Self::NoColumns => "source.csv.header".to_owned(),
            Self::SameCharacter => "source.csv.quote".to_owned(),
            Self::BadColumn { section, column } | Self::TakenColumn { section, column, .. } => {
                dotted(section, column)
            }
            Self::CountsNothing(column) => dotted("counts", column),
            Self::ReadsNothing(column) => dotted("columns", column),
            Self::NoEventColumn { name, .. }
            | Self::WrongFold { name, .. }
            | Self::PicksNothing { name, .. }
            | Self::EmptyList { name, .. } => dotted("session.columns", name),
            Self::NoTypes => "source.types".to_owned(),
            Self::EvidenceIsEvent { .. } | Self::EvidenceOfRows => "identity.evidence".to_owned(),
            Self::NoTables => "output.tables".to_owned(),
            Self::NoSessionKey { .. } => "dedupe".to_owned(),
            Self::NoType { target } => dotted("targets", target),
            Self::UnknownTargetKey { target, key, .. } => format!("targets.{target}.{key}"),
            Self::SecretInFile { key, .. } => (*key).to_owned(),
        })
    }

    /// The value that is wrong, where it is one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::WrongType { value, .. }
            | Self::NotAChoice { value, .. }
            | Self::OutOfRange { value, .. }
            | Self::NoCharacter { value, .. }
            | Self::NotOneColumn { value, .. }
            | Self::Duration { value, .. }
            | Self::PartMinutes { value } => Some(value),
            Self::Empty { .. } => Some("\"\""),
            Self::NoEventColumn { column, .. } | Self::WrongFold { column, .. } => Some(column),
            Self::CountsNothing(_)
            | Self::ReadsNothing(_)
            | Self::EmptyList { .. }
            | Self::NoTypes
            | Self::NoTables => Some("[]"),
            Self::NoSessionKey { .. } => Some("false"),
            Self::EvidenceIsEvent { event_type } => Some(event_type),
            // What is wrong is the key; and a secret is not repeated.
            _ => None,
        }
    }
}

impl Hint for ConfigError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("`tracklet init` writes one".to_owned())
            }
            Self::Unreadable { .. } => None,
            Self::Wrong { problem, .. } => problem.hint(),
        }
    }
}

impl Hint for Problem {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownKey { section, key } => return Some(unknown_key_hint(section, key)),
            Self::WrongType { key, .. } => {
                let known = KEYS.iter().find(|known| dotted(known.section, known.name) == *key)?;
                format!("for example: {}", known.example)
            }
            Self::NotAChoice { value, choices, .. } => match nearest(value, choices.iter().copied()) {
                Some(choice) => format!("did you mean `{choice}`?"),
                None => format!("it can be one of {}", listed(choices.iter().copied())),
            },
            Self::NoColumns => {
                "name them in their order: columns = [\"id\", \"anonymous_id\", \"timestamp\"]".to_owned()
            }
            Self::SameCharacter => {
                "set `quote` to another character, or to \"none\" where fields stand in no quotes; by default it is `\"`".to_owned()
            }
            Self::NoCharacter { .. } => {
                "for example: delimiter = \"|\", or quote = \"'\"; a tab is \"\\t\"".to_owned()
            }
            Self::NotOneColumn { .. } => {
                "write letters, digits and underscores, without quotes, dots or functions: \
                                          partition_time = \"_PARTITIONTIME\""
                    .to_owned()
            }
            Self::Empty { .. } => "leave the key out to have its default".to_owned(),
            Self::Syntax(_) | Self::OutOfRange { .. } => return None,
            Self::Duration { value, problem, .. } => match problem {
                DurationError::NoUnit => {
                    format!("a number alone is minutes and stands without quotes: {value}")
                }
                _ => "write minutes as a number, or a text such as \"30m\", \"1h30m\", \"90s\" or \"500ms\""
                    .to_owned(),
            },
            Self::PartMinutes { .. } => {
                "round it to minutes, or set [sessions] boundary = \"exact\" to compare microseconds"
                    .to_owned()
            }
            Self::BadColumn { .. } => {
                "use letters, digits and underscores, at most 63 of them and no digit first".to_owned()
            }
            Self::TakenColumn { .. } => {
                "names of columns are compared without regard to case: choose another name".to_owned()
            }
            Self::NoType { .. } => {
                let types = listed(Dialect::ALL.map(Dialect::name));
                format!("for example: type = \"postgres\"; it can be {types}")
            }
            Self::UnknownTargetKey { dialect, key, .. } => {
                let known: Vec<&str> = target_keys(*dialect).map(|key| key.name).collect();
                match nearest(key, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("a target of type `{}` can have {}", dialect.name(), listed(known)),
                }
            }
            Self::SecretInFile { example, .. } => format!("take it from the environment: {example}"),
            Self::CountsNothing(column) => format!("for example: {column} = [\"order_completed\"]"),
            Self::ReadsNothing(column) => format!("for example: {column} = \"properties_{column}\""),
            Self::NoEventColumn { column, known, .. } => match nearest(column, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "add it to [columns]; events have {}",
                    listed(known.iter().map(String::as_str))
                ),
            },
            Self::WrongFold { fold, .. } => format!("{} is of {}", fold.name(), taken_values(*fold)),
            Self::PicksNothing { .. } => "`at` stands beside `first` and `last`; `of` says which events are looked at".to_owned(),
            Self::EmptyList { key, .. } => format!("leave `{key}` out, or name at least one"),
            Self::NoTables => "leave `tables` out to write all".to_owned(),
            Self::NoTypes => "for example: types = [\"track\", \"page\"]".to_owned(),
            Self::EvidenceIsEvent { event_type } => format!(
                "events say which user a device has, too: leave `{event_type}` out of `identity.evidence`, or out of `source.types`"
            ),
            Self::EvidenceOfRows => {
                "make these calls events: add them to `source.types`; events say which user a device has, too"
                    .to_owned()
            }
            Self::NoSessionKey { asked_by } => {
                format!("leave `dedupe` out, so that duplicates are dropped, or leave `{asked_by}` out")
            }
        })
    }
}

fn unknown_key_hint(section: &str, key: &str) -> String {
    let children = sections().into_iter().filter_map(|name| match name.rsplit_once('.') {
        Some((parent, child)) if parent == section => Some(child),
        None if section.is_empty() && !name.is_empty() => Some(name),
        _ => None,
    });
    let targets = section.is_empty().then_some("targets");
    let known: Vec<&str> = keys_of(section).map(|known| known.name).chain(children).chain(targets).collect();
    if let Some(meant) = nearest(key, known.iter().copied()) {
        return format!("did you mean `{meant}`?");
    }
    let elsewhere = KEYS.iter().find(|known| known.name == key && known.name != ANY);
    match elsewhere {
        Some(Key { section: "", .. }) => format!("`{key}` stands at the top of the file, before any section"),
        Some(known) => format!("`{key}` belongs in [{}]", known.section),
        None if section.is_empty() => format!("the file can hold {}", listed(known)),
        None => format!("[{section}] can hold {}", listed(known)),
    }
}

fn values_of(values: FieldType) -> &'static str {
    match values {
        FieldType::Text => "texts",
        FieldType::Number => "numbers",
        FieldType::Truth => "truths",
        FieldType::Time => "times",
    }
}

fn taken_values(fold: Fold) -> &'static str {
    match fold {
        Fold::Min | Fold::Max => "numbers and times",
        Fold::Sum => "numbers: `{ number = ... }` in [columns] makes a column one",
        Fold::Any => "truths such as `is_bot`",
        Fold::First | Fold::Last | Fold::Count | Fold::Distinct => "every column",
    }
}
