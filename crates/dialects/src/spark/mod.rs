//! The SQL of Apache Spark and Databricks.

mod target;

pub(super) use target::TARGET;

use super::description::{ColumnType, Description, Format, PublishLock, Publishing, RowExchange};
use crate::TableName;

/// The SQL of Apache Spark and Databricks.
pub(super) struct SparkSql;

impl Description for SparkSql {
    fn name(&self) -> &'static str {
        "spark"
    }

    fn product(&self) -> &'static str {
        "Spark"
    }

    fn other_adapters(&self) -> &'static [&'static str] {
        &["databricks"]
    }

    fn parser(&self) -> &'static str {
        "databricks"
    }

    fn macros(&self) -> &'static str {
        include_str!("../../../../dbt/macros/spark.sql")
    }

    fn quoted(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    fn text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
    }

    /// Names of schemas have one case.
    fn is_schema(&self, listed: &str, name: &str) -> bool {
        listed.eq_ignore_ascii_case(name)
    }

    fn type_name(&self, column: ColumnType) -> &'static str {
        match column {
            ColumnType::Text => "string",
            ColumnType::Integer => "bigint",
            ColumnType::Time => "timestamp",
            ColumnType::Double => "double",
        }
    }

    fn micros(&self, time: &str) -> String {
        format!("unix_micros({time})")
    }

    fn divided(&self, dividend: &str, divisor: i64) -> String {
        format!("(({dividend}) div {divisor})")
    }

    fn session_in_utc(&self) -> Option<&'static str> {
        Some("set time zone 'UTC'")
    }

    fn transaction(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    fn publish_lock(&self) -> PublishLock {
        PublishLock::None
    }

    /// One way for each format: tables of any can be renamed, but only Delta tables replaced.
    fn publishings(&self, format: Format) -> &'static [Publishing] {
        match format {
            Format::Parquet => &[Publishing::Rename],
            Format::Delta => &[Publishing::Replace],
        }
    }

    fn row_exchange(&self) -> RowExchange {
        RowExchange::TableByTable
    }

    fn fixed_rows(&self, format: Format) -> Option<&'static str> {
        (format == Format::Parquet)
            .then_some("rows of Parquet tables can't be changed: format = \"delta\" keeps tables that can")
    }

    fn formats(&self) -> &'static [Format] {
        &[Format::Parquet, Format::Delta]
    }

    fn using(&self, format: Format) -> Option<String> {
        Some(format!("\nusing {}", format.name()))
    }

    fn added_column(&self, column: &str) -> String {
        format!("add columns ({column})")
    }

    /// The whole name: the schema of a plain one would be the session's, not the table's.
    fn new_name(&self, new: &TableName) -> String {
        self.relation(new)
    }
}
