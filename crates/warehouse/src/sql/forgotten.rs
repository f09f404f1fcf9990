//! `tracklet_forgotten`: salted hashes of the ids of people who must not come back.
//!
//! Rows of the source are compared with them wherever they are read: see the macro `canonical_rows`. No statement has an id in
//! it, for warehouses keep the texts of statements: ids are hashed here, or by the warehouse out of its own tables.

use super::Names;
use super::names::relation;
use super::runs::CONFLICT;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write;
use tracklet_dialects::description::ColumnType;
use tracklet_kernel::subject::Subject;

/// The table's name.
pub const FORGOTTEN: &str = "tracklet_forgotten";

/// The columns, in order. The salt is the same in all rows. `noted_after` is the number of the latest published run when the
/// hash was noted. `list_digest` is the digest of the list with all hashes that were noted together with this one.
const COLUMNS: [(&str, ColumnType); 4] = [
    ("salt", ColumnType::Text),
    ("id_hash", ColumnType::Text),
    ("noted_after", ColumnType::Integer),
    // Columns of later versions come last, where `add_columns` puts them into an existing table.
    ("list_digest", ColumnType::Text),
];

/// The list under which a run publishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    /// The digest of the list, none where nothing is forgotten.
    pub digest: Option<String>,
    /// How many rows the list has, none where its table does not exist.
    pub rows: Option<u64>,
}

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

/// The statements that give a table of an earlier version the columns that it lacks; `there` are those that it has, as
/// the warehouse spells them.
pub fn add_columns(names: &Names, there: &[&str]) -> Vec<String> {
    names.dialect().add_columns(&table(names), &COLUMNS, there)
}

/// A query for all rows. `there` are the table's columns, as the warehouse spells them; those of later versions are null.
pub fn list(names: &Names, there: &[&str]) -> String {
    let dialect = names.dialect();
    let columns = COLUMNS.map(|(name, column)| {
        if there.contains(&dialect.own(name).as_str()) {
            format!("    {name}")
        } else {
            format!("    cast(null as {}) as {name}", dialect.type_name(column))
        }
    });
    format!("select\n{}\nfrom {}", columns.join(",\n"), table(names))
}

/// The statement that notes the hashes of `hashes`, a relation like the step `forget_hashes`, but for those that are there.
/// `digest` is that of the list which then results.
pub fn note(names: &Names, hashes: &str, noted_after: u64, digest: &str) -> String {
    let dialect = names.dialect();
    let columns: Vec<String> = COLUMNS.iter().map(|(name, _)| dialect.own_column(name)).collect();
    let (integer, text) = (dialect.type_name(ColumnType::Integer), dialect.type_name(ColumnType::Text));
    format!(
        "insert into {table} (\n    {columns}\n)\nselect\n    salt,\n    id_hash,\n    cast({noted_after} as {integer}),\n    \
         cast({digest} as {text})\nfrom {hashes}\nwhere id_hash not in (select id_hash from {table})",
        table = table(names),
        columns = columns.join(",\n    "),
        digest = dialect.text(digest),
    )
}

/// A query that fails, with [`CONFLICT`] in its message, unless the list has as many rows as when the run read it. It must run
/// after [`super::runs::take_turn`].
pub fn check(names: &Names, rows: u64) -> String {
    let dialect = names.dialect();
    format!(
        "select case when count(*) = {rows} then 0 else cast(concat({}, cast(count(*) as {})) as {}) end as conflicts\nfrom {}",
        dialect.text(&format!("{CONFLICT}: ids were forgotten, of which there are now ")),
        dialect.type_name(ColumnType::Text),
        dialect.type_name(ColumnType::Integer),
        table(names),
    )
}

/// A query for the hashes of the step `forget_hashes`.
pub fn hashes_in(hashes: &str) -> String {
    format!("select id_hash\nfrom {hashes}")
}

fn table(names: &Names) -> String {
    relation(names.dialect(), &names.own(FORGOTTEN))
}

#[cfg(test)]
mod tests {
    use super::{Hashes, add_columns, check, create, hash_of, list, new_salt, note};
    use crate::sql::{Dialect, Names};
    use std::collections::BTreeSet;
    use tracklet_kernel::subject::Subject;

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
             \"NOTED_AFTER\" bigint,\n    \"LIST_DIGEST\" varchar\n)"
        );
        assert!(create(&names(Dialect::Spark)).ends_with(")\nusing parquet"));
        let noted = note(&names(Dialect::BigQuery), "`h`", 7, "d1");
        assert_eq!(
            noted,
            "insert into `s`.`tracklet_forgotten` (\n    `salt`,\n    `id_hash`,\n    `noted_after`,\n    `list_digest`\n)\nselect\n    \
             salt,\n    id_hash,\n    cast(7 as int64),\n    cast('d1' as string)\nfrom `h`\n\
             where id_hash not in (select id_hash from `s`.`tracklet_forgotten`)"
        );
    }

    #[test]
    fn a_table_of_an_earlier_version_is_read_and_gets_what_it_lacks() {
        let names = names(Dialect::Snowflake);
        let earlier = ["SALT", "ID_HASH", "NOTED_AFTER"];
        assert!(
            list(&names, &earlier)
                .contains("    noted_after,\n    cast(null as varchar) as list_digest\nfrom")
        );
        assert_eq!(
            add_columns(&names, &earlier),
            ["alter table \"S\".\"TRACKLET_FORGOTTEN\" add column \"LIST_DIGEST\" varchar"]
        );
        assert!(add_columns(&names, &["SALT", "ID_HASH", "NOTED_AFTER", "LIST_DIGEST"]).is_empty());
    }

    #[test]
    fn a_list_that_has_grown_is_a_conflict() {
        assert_eq!(
            check(&names(Dialect::Postgres), 3),
            "select case when count(*) = 3 then 0 else cast(concat('another run has published: ids were forgotten, of which there \
             are now ', cast(count(*) as text)) as bigint) end as conflicts\nfrom \"s\".\"tracklet_forgotten\""
        );
    }
}
