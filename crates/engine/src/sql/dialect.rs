//! What differs between warehouses in the statements around a model: names, quoting, how a table is made.
//!
//! What differs inside a model is a macro of the package.

use super::names;
use super::render::{ModelOptions, Partition};
use crate::targets::TableName;
use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::Write;

/// The SQL of a kind of warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// Google `BigQuery`, `GoogleSQL`.
    BigQuery,
    /// Snowflake.
    Snowflake,
    /// Amazon Redshift.
    Redshift,
    /// PostgreSQL.
    Postgres,
    /// Apache Spark and Databricks.
    Spark,
}

/// How a warehouse shows new tables to its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishing {
    /// The old tables are dropped and the asides renamed, in one transaction.
    Swap,
    /// The rows of the tables are deleted and those of the asides inserted, in one transaction. Tables stay what they are,
    /// with their grants; those that are missing are made before.
    Rows,
    /// Each table is replaced by itself: `create or replace table`.
    Replace,
    /// Each table is dropped, and its aside renamed, by itself.
    Rename,
}

impl Publishing {
    /// Whether the tables change in one transaction.
    pub fn is_transaction(self) -> bool {
        matches!(self, Self::Swap | Self::Rows)
    }
}

/// Every way to publish with its name in the configuration.
pub const PUBLISHINGS: [(&str, Publishing); 4] = [
    ("swap", Publishing::Swap),
    ("rows", Publishing::Rows),
    ("replace", Publishing::Replace),
    ("rename", Publishing::Rename),
];

/// What the files of tables are, where the warehouse has a choice: on Spark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Parquet alone. The rows of a table that is there can't be changed.
    #[default]
    Parquet,
    /// Delta Lake. Every statement on a table takes effect at once, or not at all.
    Delta,
}

/// Every format with its name in the configuration, which is also Spark's.
pub const FORMATS: [(&str, Format); 2] = [("parquet", Format::Parquet), ("delta", Format::Delta)];

impl Format {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Delta => "delta",
        }
    }
}

/// The types of Tracklet's own columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Any text.
    Text,
    /// 64 bits.
    Integer,
    /// A time in UTC, with microseconds.
    Time,
    /// A double.
    Double,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Self; 5] = [Self::BigQuery, Self::Snowflake, Self::Redshift, Self::Postgres, Self::Spark];

    /// Its name: that of dbt's adapter, and the `type` of a target.
    pub fn name(self) -> &'static str {
        match self {
            Self::BigQuery => "bigquery",
            Self::Snowflake => "snowflake",
            Self::Redshift => "redshift",
            Self::Postgres => "postgres",
            Self::Spark => "spark",
        }
    }

    /// The dialect of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// The prefixes under which a macro is looked up, in order.
    pub(super) fn prefixes(self) -> [&'static str; 2] {
        [self.name(), "default"]
    }

    /// A name spelled exactly so, quoted. The macro `identifier` does the same; a test holds them together.
    pub fn quoted(self, name: &str) -> String {
        match self {
            Self::BigQuery => format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")),
            Self::Spark => format!("`{}`", name.replace('`', "``")),
            Self::Snowflake | Self::Redshift | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// A text as a literal. The macro `text_literal` does the same; a test holds them together.
    pub fn text(self, text: &str) -> String {
        match self {
            Self::BigQuery => {
                let text = text.replace('\\', "\\\\").replace('\'', "\\'");
                format!("'{}'", text.replace('\n', "\\n").replace('\r', "\\r"))
            }
            Self::Snowflake => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
            Self::Spark => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            Self::Redshift => {
                format!("'{}'", text.replace('\'', "''").replace('\\', "' || chr(92) || '"))
            }
            Self::Postgres if text.contains('\\') => {
                format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
            }
            Self::Postgres => format!("'{}'", text.replace('\'', "''")),
        }
    }

    /// How the warehouse spells one of our own names, of a table or column, so that it also works without quotes.
    pub fn own(self, name: &str) -> String {
        match self {
            Self::Snowflake => name.to_uppercase(),
            _ => name.to_owned(),
        }
    }

    /// How the warehouse spells a name that a user wrote: as dbt takes it. Snowflake reads a plain name in upper case.
    pub fn spelled(self, written: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let is_plain = written.chars().all(plain) && !written.starts_with(|c: char| c.is_ascii_digit());
        match self {
            Self::Snowflake if is_plain => written.to_uppercase(),
            _ => written.to_owned(),
        }
    }

    /// One of our own columns, quoted.
    pub fn own_column(self, name: &str) -> String {
        self.quoted(&self.own(name))
    }

    /// How tables are published when the configuration does not say.
    pub fn publishing(self, format: Format) -> Publishing {
        match (self, format) {
            (Self::Postgres | Self::Redshift, _) => Publishing::Swap,
            (Self::Snowflake | Self::BigQuery, _) => Publishing::Rows,
            (Self::Spark, Format::Parquet) => Publishing::Rename,
            (Self::Spark, Format::Delta) => Publishing::Replace,
        }
    }

    /// The ways to publish that the warehouse knows.
    pub fn publishings(self) -> &'static [Publishing] {
        match self {
            Self::Postgres | Self::Redshift => &[Publishing::Swap, Publishing::Rows],
            Self::Snowflake | Self::BigQuery => &[Publishing::Rows, Publishing::Replace],
            // Which of them is told by the format.
            Self::Spark => &[Publishing::Replace, Publishing::Rename],
        }
    }

    /// The clause of `create table` that says what the table's files are, on a line of its own; none where there is no choice.
    pub fn using(self, format: Format) -> Option<String> {
        (self == Self::Spark).then(|| format!("\nusing {}", format.name()))
    }

    /// The name of a type.
    pub fn type_name(self, column: ColumnType) -> &'static str {
        match (self, column) {
            (Self::BigQuery | Self::Spark, ColumnType::Text) => "string",
            (Self::BigQuery, ColumnType::Integer) => "int64",
            (Self::BigQuery, ColumnType::Double) => "float64",
            (Self::BigQuery | Self::Spark | Self::Redshift, ColumnType::Time) => "timestamp",
            (Self::Snowflake, ColumnType::Text) => "varchar",
            (Self::Snowflake, ColumnType::Time) => "timestamp_tz",
            (Self::Redshift, ColumnType::Text) => "varchar(65535)",
            (Self::Postgres, ColumnType::Text) => "text",
            (Self::Postgres, ColumnType::Time) => "timestamp with time zone",
            (Self::Spark, ColumnType::Double) => "double",
            (_, ColumnType::Integer) => "bigint",
            (_, ColumnType::Double) => "double precision",
        }
    }

    /// The statements that give the table `relation` those of `columns` that are not in `there`, its columns as the warehouse
    /// spells them.
    pub fn add_columns(self, relation: &str, columns: &[(&str, ColumnType)], there: &[&str]) -> Vec<String> {
        let missing = columns.iter().filter(|(name, _)| !there.contains(&self.own(name).as_str()));
        missing.map(|(name, column)| self.add_column(relation, &self.own(name), *column)).collect()
    }

    /// The statement that adds a column to the table `relation`; `name` is as the warehouse spells it.
    pub fn add_column(self, relation: &str, name: &str, column: ColumnType) -> String {
        let column = format!("{} {}", self.quoted(name), self.type_name(column));
        match self {
            Self::Spark => format!("alter table {relation} add columns ({column})"),
            _ => format!("alter table {relation} add column {column}"),
        }
    }

    /// The statement that gives the table `relation` another name in its schema.
    pub fn rename(self, relation: &str, new: &TableName) -> String {
        let new = match self {
            // They take the schema of the new name from the session, the others from the table.
            Self::Spark | Self::Snowflake => names::relation(self, new),
            _ => self.quoted(&new.table),
        };
        format!("alter table {relation} rename to {new}")
    }

    /// A time as a literal.
    pub fn time(self, time: DateTime<Utc>) -> String {
        let written = time.to_rfc3339_opts(SecondsFormat::Micros, true).replace('T', " ");
        let plain = written.trim_end_matches('Z');
        let type_name = self.type_name(ColumnType::Time);
        match self {
            Self::Redshift => format!("cast('{plain}' as {type_name})"),
            Self::Snowflake => format!("cast('{plain} +0000' as {type_name})"),
            _ => format!("cast('{plain}+00:00' as {type_name})"),
        }
    }

    /// A statement that makes the session's time zone UTC, where times could depend on it.
    pub fn session_in_utc(self) -> Option<&'static str> {
        match self {
            Self::BigQuery => None,
            Self::Snowflake => Some("alter session set timezone = 'UTC'"),
            Self::Redshift => Some("set timezone to 'UTC'"),
            Self::Postgres | Self::Spark => Some("set time zone 'UTC'"),
        }
    }

    /// The words before and after a list of statements that take effect together, where the warehouse has them.
    pub fn transaction(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::BigQuery => Some(("begin transaction", "commit transaction")),
            Self::Snowflake | Self::Redshift | Self::Postgres => Some(("begin", "commit")),
            Self::Spark => None,
        }
    }

    /// Whether a table or view that a transaction has made or dropped is as before when the transaction is taken back.
    pub fn takes_back_ddl(self) -> bool {
        matches!(self, Self::Postgres | Self::Redshift)
    }

    /// A statement that makes the table `relation` from a query. `stay` says whether it outlives the run.
    pub fn create_table_as(
        self,
        relation: &str,
        format: Format,
        options: &ModelOptions,
        stay: Stay,
        query: &str,
    ) -> String {
        let mut made = String::from(stay.create());
        match (self, stay) {
            (Self::Snowflake, Stay::Aside) => made.push_str("transient "),
            (Self::Postgres, Stay::Aside) if options.unlogged => made.push_str("unlogged "),
            _ => {}
        }
        let _ = write!(made, "table {relation}");
        let columns =
            |names: &[String]| names.iter().map(|name| self.own_column(name)).collect::<Vec<_>>().join(", ");
        match self {
            Self::Postgres => {}
            Self::Redshift => {
                if let Some(column) = &options.dist {
                    let _ = write!(made, "\ndiststyle key distkey ({})", self.own_column(column));
                }
                if !options.sort.is_empty() {
                    let _ = write!(made, "\nsortkey ({})", columns(&options.sort));
                }
            }
            Self::Snowflake => {
                if !options.cluster_by.is_empty() {
                    let _ = write!(made, "\ncluster by ({})", columns(&options.cluster_by));
                }
                if stay == Stay::Replacing {
                    made.push_str("\ncopy grants");
                }
            }
            Self::BigQuery => {
                match &options.partition_by {
                    Some(Partition::Month { month }) => {
                        let _ =
                            write!(made, "\npartition by timestamp_trunc({}, month)", self.own_column(month));
                    }
                    Some(Partition::Number { number, values }) => {
                        let column = self.own_column(number);
                        let _ = write!(
                            made,
                            "\npartition by range_bucket({column}, generate_array(0, {values}, 1))"
                        );
                    }
                    None => {}
                }
                if !options.cluster_by.is_empty() {
                    let _ = write!(made, "\ncluster by {}", columns(&options.cluster_by));
                }
                if stay == Stay::Aside {
                    made.push_str(
                        "\noptions (expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day))",
                    );
                }
            }
            Self::Spark => made.extend(self.using(format)),
        }
        let _ = write!(made, "\nas\n{}", query.trim_end());
        made
    }

    /// The statements that make the indexes of a table, where the warehouse has any.
    pub fn create_indexes(self, relation: &str, options: &ModelOptions) -> Vec<String> {
        if self != Self::Postgres {
            return Vec::new();
        }
        let columns =
            |names: &Vec<String>| names.iter().map(|name| self.own_column(name)).collect::<Vec<_>>();
        let indexes = options.indexes.iter();
        indexes.map(|index| format!("create index on {relation} ({})", columns(index).join(", "))).collect()
    }

    /// A statement that makes the view `relation`.
    pub fn create_view(self, relation: &str, stay: Stay, query: &str) -> String {
        let grants = if self == Self::Snowflake && stay == Stay::Replacing { " copy grants" } else { "" };
        format!("{}view {relation}{grants} as\n{}", stay.create(), query.trim_end())
    }
}

/// Whether a table outlives the run that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// It is made aside, and goes away or gets another name.
    Aside,
    /// It is for readers, and not there yet.
    Published,
    /// It is for readers, and takes the place of the one that is there, if any, in one step.
    Replacing,
}

impl Stay {
    /// The first words of the statement.
    fn create(self) -> &'static str {
        match self {
            Self::Aside | Self::Published => "create ",
            Self::Replacing => "create or replace ",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Format, Stay};
    use crate::sql::render::{ModelOptions, Partition};

    fn options() -> ModelOptions {
        ModelOptions {
            partition_by: Some(Partition::Month { month: "timestamp".to_owned() }),
            cluster_by: vec!["dbt_visitor_id".to_owned()],
            dist: Some("dbt_visitor_id".to_owned()),
            sort: vec!["dbt_visitor_id".to_owned(), "session_start_at".to_owned()],
            unlogged: true,
            ..ModelOptions::default()
        }
    }

    #[test]
    fn tables_are_laid_out_as_each_warehouse_can() {
        let made = |dialect: Dialect, stay| {
            dialect.create_table_as("t", Format::Parquet, &options(), stay, "select 1\n")
        };
        assert_eq!(made(Dialect::Postgres, Stay::Aside), "create unlogged table t\nas\nselect 1");
        assert_eq!(made(Dialect::Postgres, Stay::Published), "create table t\nas\nselect 1");
        assert_eq!(
            made(Dialect::Redshift, Stay::Aside),
            "create table t\ndiststyle key distkey (\"dbt_visitor_id\")\n\
             sortkey (\"dbt_visitor_id\", \"session_start_at\")\nas\nselect 1"
        );
        assert_eq!(
            made(Dialect::Snowflake, Stay::Aside),
            "create transient table t\ncluster by (\"DBT_VISITOR_ID\")\nas\nselect 1"
        );
        assert_eq!(
            made(Dialect::BigQuery, Stay::Published),
            "create table t\npartition by timestamp_trunc(`timestamp`, month)\ncluster by `dbt_visitor_id`\nas\nselect 1"
        );
        assert!(made(Dialect::BigQuery, Stay::Aside).contains("expiration_timestamp"));
        assert_eq!(made(Dialect::Spark, Stay::Aside), "create table t\nusing parquet\nas\nselect 1");
        assert_eq!(
            Dialect::Spark.create_table_as("t", Format::Delta, &options(), Stay::Replacing, "select 1"),
            "create or replace table t\nusing delta\nas\nselect 1"
        );
        assert_eq!(
            made(Dialect::Snowflake, Stay::Replacing),
            "create or replace table t\ncluster by (\"DBT_VISITOR_ID\")\ncopy grants\nas\nselect 1"
        );
    }

    #[test]
    fn a_view_that_is_replaced_keeps_its_readers() {
        let made = |dialect: Dialect| dialect.create_view("v", Stay::Replacing, "select 1\n");
        assert_eq!(made(Dialect::Snowflake), "create or replace view v copy grants as\nselect 1");
        assert_eq!(made(Dialect::BigQuery), "create or replace view v as\nselect 1");
    }

    #[test]
    fn plain_names_are_upper_case_on_snowflake_alone() {
        assert_eq!(Dialect::Snowflake.spelled("rudder"), "RUDDER");
        assert_eq!(Dialect::Snowflake.spelled("My Shop"), "My Shop");
        assert_eq!(Dialect::Postgres.spelled("rudder"), "rudder");
    }
}
