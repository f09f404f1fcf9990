//! Every key of a section `[targets.NAME]` of the configuration, by the target's type.

use crate::Dialect;

/// A key of a target.
#[derive(Debug, Clone, Copy)]
pub struct TargetKey {
    /// The key's name, which is dbt's where dbt has one.
    pub name: &'static str,
    /// The values that the key takes.
    pub value: TargetValue,
    /// A line as it could stand in a file.
    pub example: &'static str,
    /// The description of the key, with its default.
    pub about: &'static str,
}

/// The type of the value of a target's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetValue {
    /// A text.
    Text,
    /// One of these words, in lower or upper case.
    Word(&'static [&'static str]),
    /// A text that must not stand in the file itself.
    Secret,
    /// A number.
    Number,
    /// A list of texts.
    Texts,
    /// Texts under names.
    Names,
}

impl TargetValue {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text | Self::Word(_) => "a text",
            Self::Secret => "a text from the environment: `\"{{ env_var('NAME') }}\"`",
            Self::Number => "a number",
            Self::Texts => "a list of texts",
            Self::Names => "texts under names",
        }
    }
}

/// A key of a target, from its name, value, example and description.
pub(crate) const fn key(
    name: &'static str,
    value: TargetValue,
    example: &'static str,
    about: &'static str,
) -> TargetKey {
    TargetKey { name, value, example, about }
}

use TargetValue::{Number, Text};

/// The key of the schema, which targets have that do not call it otherwise.
const SCHEMA: &str = "schema";

/// The key of the format, which targets have whose tables can have several.
const FORMAT: &str = "format";

/// The keys of every target. Those of one type stand in its dialect's folder.
const COMMON: &[TargetKey] = &[
    key("type", Text, "type = \"postgres\"", "What the target is."),
    key(
        SCHEMA,
        Text,
        "schema = \"sessions\"",
        "The schema that the tables are written to. It is created if it does not exist.",
    ),
    key(
        "materialize",
        Text,
        "materialize = \"view\"",
        "How the tables over `tracklet_event_facts` and `tracklet_session_facts` are kept: as `view` (default) or `table`.",
    ),
    key(
        "publish",
        Text,
        "publish = \"rows\"",
        "How readers get the new tables. `swap` (Postgres, Redshift; default there): the new tables take the place of the \
         old ones in one transaction. `rows` (default on Snowflake and BigQuery): the rows of the old tables are deleted \
         and the new ones inserted in one transaction; grants and views of your own over the tables stay. `replace` \
         (Snowflake, BigQuery; on Spark with `format = \"delta\"`): `create or replace table`, one table after the other. \
         `rename` (on Spark with `format = \"parquet\"`): one table after the other is dropped and the new one renamed.",
    ),
    key(
        FORMAT,
        Text,
        "format = \"delta\"",
        "What the tables are: `parquet` (default), rebuilt by every run, or `delta`, where the server has Delta Lake: runs \
         are incremental then. Tables of the other format are rebuilt.",
    ),
    key(
        "connect_timeout",
        Number,
        "connect_timeout = 10",
        "Seconds until connecting is given up, with all that belongs to it: TLS, signing in, the first answer. Default: 10; for \
         Snowflake 30, for Spark 60.",
    ),
    key(
        "idle_timeout",
        Number,
        "idle_timeout = 60",
        "Seconds without an answer after which Tracklet asks, over another connection, whether the server is still there. One \
         that leaves that unanswered too, twice for `connect_timeout`, ends the command; a long statement goes on. For BigQuery: \
         seconds that a single request may take. Default: 60.",
    ),
    key("threads", Number, "threads = 4", "How many models are made side by side. Default: 4."),
];

/// The keys that a target can't be without, beside `type`.
pub fn needed(dialect: Dialect) -> &'static [&'static str] {
    dialect.target_type().needed
}

/// The keys of a target, the common ones first.
pub fn target_keys(dialect: Dialect) -> impl Iterator<Item = &'static TargetKey> {
    let target = dialect.target_type();
    let has = move |key: &&TargetKey| match key.name {
        SCHEMA => target.schema.first() == Some(&SCHEMA),
        FORMAT => !dialect.formats().is_empty(),
        _ => true,
    };
    COMMON.iter().filter(has).chain(target.keys)
}

#[cfg(test)]
mod tests {
    use super::{TargetValue, target_keys};
    use crate::Dialect;
    use std::collections::BTreeSet;

    #[test]
    fn a_type_has_each_key_once() {
        for dialect in Dialect::ALL {
            let names: Vec<&str> = target_keys(dialect).map(|key| key.name).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{dialect:?}: {names:?}");
        }
    }

    #[test]
    fn examples_show_their_key_and_no_secret() {
        for key in Dialect::ALL.into_iter().flat_map(target_keys) {
            assert!(key.example.starts_with(&format!("{} = ", key.name)), "{}", key.example);
            assert_eq!(key.value == TargetValue::Secret, key.example.contains("env_var"), "{}", key.example);
        }
    }
}
