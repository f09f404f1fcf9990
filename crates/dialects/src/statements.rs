//! The statements around a model: how tables, views, columns and indexes are made.

use crate::description::{ColumnType, Format, Stay};
use crate::model::ModelOptions;
use crate::{Dialect, TableName};
use chrono::{DateTime, SecondsFormat, Utc};

impl Dialect {
    /// The prefixes under which a macro is looked up, in order.
    pub fn prefixes(self) -> [&'static str; 2] {
        [self.name(), "default"]
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
        format!("alter table {relation} {}", self.added_column(&column))
    }

    /// The statement that gives the table `relation` another name in its schema.
    pub fn rename(self, relation: &str, new: &TableName) -> String {
        format!("alter table {relation} rename to {}", self.new_name(new))
    }

    /// A time as a literal.
    pub fn time(self, time: DateTime<Utc>) -> String {
        let written = time.to_rfc3339_opts(SecondsFormat::Micros, true).replace('T', " ");
        let plain = written.trim_end_matches('Z');
        format!("cast('{plain}{}' as {})", self.utc_in_time(), self.type_name(ColumnType::Time))
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
        format!(
            "{}{}table {relation}{}\nas\n{}",
            stay.create(),
            self.table_words(options, stay),
            self.table_clauses(format, options, stay),
            query.trim_end()
        )
    }

    /// The statements that make the indexes of a table, where the warehouse has any.
    pub fn create_indexes(self, relation: &str, options: &ModelOptions) -> Vec<String> {
        if !self.has_indexes() {
            return Vec::new();
        }
        let indexes = options.indexes.iter();
        indexes.map(|index| format!("create index on {relation} ({})", self.own_columns(index))).collect()
    }

    /// A statement that makes the view `relation`.
    pub fn create_view(self, relation: &str, stay: Stay, query: &str) -> String {
        format!("{}view {relation}{} as\n{}", stay.create(), self.view_clauses(stay), query.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::description::{Format, Stay};
    use crate::model::{ModelOptions, Partition};

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
        assert_eq!(made(Dialect::Postgres, Stay::Staging), "create unlogged table t\nas\nselect 1");
        assert_eq!(made(Dialect::Postgres, Stay::Published), "create table t\nas\nselect 1");
        assert_eq!(
            made(Dialect::Redshift, Stay::Staging),
            "create table t\ndiststyle key distkey (\"dbt_visitor_id\")\n\
             sortkey (\"dbt_visitor_id\", \"session_start_at\")\nas\nselect 1"
        );
        assert_eq!(
            made(Dialect::Snowflake, Stay::Staging),
            "create transient table t\ncluster by (\"DBT_VISITOR_ID\")\nas\nselect 1"
        );
        assert_eq!(
            made(Dialect::BigQuery, Stay::Published),
            "create table t\npartition by timestamp_trunc(`timestamp`, month)\ncluster by `dbt_visitor_id`\nas\nselect 1"
        );
        assert!(made(Dialect::BigQuery, Stay::Staging).contains("expiration_timestamp"));
        assert_eq!(made(Dialect::Spark, Stay::Staging), "create table t\nusing parquet\nas\nselect 1");
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
