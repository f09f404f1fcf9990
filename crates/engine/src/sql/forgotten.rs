//! `tracklet_forgotten`: salted hashes of the ids of people who must not come back.
//!
//! Rows of the source are compared with them wherever they are read: see the macro `canonical_rows`. No statement has an id in
//! it, for warehouses keep the texts of statements: ids are hashed here, or by the warehouse out of its own tables.

use super::Names;
use super::dialect::ColumnType;
use super::names::relation;
use crate::forget::Subject;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The table's name.
pub const FORGOTTEN: &str = "tracklet_forgotten";

/// The columns, in order. The salt is the same in all rows. `noted_after` is the number of the latest published run when the
/// hash was noted: the next to publish leaves its rows out.
const COLUMNS: [(&str, ColumnType); 3] =
    [("salt", ColumnType::Text), ("id_hash", ColumnType::Text), ("noted_after", ColumnType::Integer)];

/// What is to be forgotten, as the templates take it: literals.
#[derive(Debug, Clone, Serialize)]
pub struct Hashes {
    salt: String,
    /// Of the ids that were named.
    named: BTreeSet<String>,
    /// Those of them that are visitors', by which all ids of these are found.
    visitors: BTreeSet<String>,
}

impl Hashes {
    /// The hashes of the subjects under a salt. Without `by_mapping` a visitor is known by its own id alone: where there is
    /// no table of the ids that belong to it.
    pub fn new(names: &Names, salt: &str, subjects: &BTreeSet<Subject>, by_mapping: bool) -> Self {
        let text = |subject: &Subject| names.dialect().text(&hash_of(salt, subject));
        let is_visitor = |subject: &&Subject| by_mapping && matches!(subject, Subject::Visitor(_));
        Self {
            salt: names.dialect().text(salt),
            named: subjects.iter().map(text).collect(),
            visitors: subjects.iter().filter(is_visitor).map(text).collect(),
        }
    }
}

/// A new salt: 64 hexadecimal digits, random.
pub fn new_salt() -> String {
    let random: [u8; 32] = rand::random();
    hexadecimal(&random)
}

/// What a subject is forgotten as; the macro `forgotten_as` makes the same of a row's ids.
fn hash_of(salt: &str, subject: &Subject) -> String {
    let letter = match subject {
        Subject::Visitor(_) => "v",
        Subject::UserId(_) => "u",
        Subject::AnonymousId(_) => "a",
    };
    let hash = Sha256::new().chain_update(salt).chain_update(letter).chain_update(subject.id());
    hexadecimal(&hash.finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The statement that makes the table if it is not there.
pub fn create(names: &Names) -> String {
    let dialect = names.dialect();
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(name, column)| format!("    {} {}", dialect.own_column(name), dialect.type_name(*column)))
        .collect();
    let using = dialect.using(names.format()).unwrap_or_default();
    format!("create table if not exists {} (\n{}\n){using}", table(names), columns.join(",\n"))
}

/// A query for the salt, and for the highest `noted_after`; both are null in an empty table.
pub fn salt(names: &Names) -> String {
    format!("select\n    max(salt) as salt,\n    max(noted_after) as noted_after\nfrom {}", table(names))
}

/// The statement that notes the hashes of a query like the step `forget_hashes`, but for those that are there.
pub fn note(names: &Names, hashes: &str, noted_after: u64) -> String {
    let dialect = names.dialect();
    let columns: Vec<String> = COLUMNS.iter().map(|(name, _)| dialect.own_column(name)).collect();
    let integer = dialect.type_name(ColumnType::Integer);
    format!(
        "insert into {table} (\n    {columns}\n)\nselect\n    salt,\n    id_hash,\n    cast({noted_after} as {integer})\nfrom (\n\
         {hashes}\n) as hashes\nwhere id_hash not in (select id_hash from {table})",
        table = table(names),
        columns = columns.join(",\n    "),
        hashes = hashes.trim_end(),
    )
}

fn table(names: &Names) -> String {
    relation(names.dialect(), &names.own(FORGOTTEN))
}

#[cfg(test)]
mod tests {
    use super::{Hashes, create, hash_of, new_salt, note};
    use crate::forget::Subject;
    use crate::sql::{Dialect, Names};
    use std::collections::BTreeSet;

    fn names(dialect: Dialect) -> Names {
        Names::new(dialect, None, dialect.spelled("s"))
    }

    #[test]
    fn a_hash_is_that_of_salt_letter_and_id() {
        // printf '%s' 00vann | sha256sum
        let hash = hash_of("00", &Subject::Visitor("ann".to_owned()));
        assert_eq!(hash, "02cde75a312ec1b96532766d31ad57797ed8fe3e00c3d45957e29e25488ea00b");
        assert_ne!(hash, hash_of("00", &Subject::UserId("ann".to_owned())));
        assert_ne!(hash, hash_of("01", &Subject::Visitor("ann".to_owned())));
        assert!(new_salt().len() == 64 && new_salt() != new_salt());
    }

    #[test]
    fn statements_have_no_id_in_them() {
        let subjects =
            BTreeSet::from([Subject::Visitor("ann".to_owned()), Subject::UserId("bob".to_owned())]);
        let hashes = Hashes::new(&names(Dialect::Postgres), "5a17", &subjects, true);
        assert_eq!((hashes.named.len(), hashes.visitors.len()), (2, 1));
        let text = format!("{hashes:?}");
        assert!(!text.contains("ann") && !text.contains("bob"), "{text}");
        let alone = Hashes::new(&names(Dialect::Postgres), "5a17", &subjects, false);
        assert_eq!((alone.named.len(), alone.visitors.len()), (2, 0));
    }

    #[test]
    fn the_table_is_made_and_written_to_in_every_dialect() {
        assert_eq!(
            create(&names(Dialect::Snowflake)),
            "create table if not exists \"S\".\"TRACKLET_FORGOTTEN\" (\n    \"SALT\" varchar,\n    \"ID_HASH\" varchar,\n    \
             \"NOTED_AFTER\" bigint\n)"
        );
        assert!(create(&names(Dialect::Spark)).ends_with(")\nusing parquet"));
        let noted = note(&names(Dialect::BigQuery), "select * from `h`\n", 7);
        assert_eq!(
            noted,
            "insert into `s`.`tracklet_forgotten` (\n    `salt`,\n    `id_hash`,\n    `noted_after`\n)\nselect\n    salt,\n    id_hash,\n    \
             cast(7 as int64)\nfrom (\nselect * from `h`\n) as hashes\nwhere id_hash not in (select id_hash from `s`.`tracklet_forgotten`)"
        );
    }
}
