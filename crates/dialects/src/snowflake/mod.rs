//! The SQL of Snowflake.

mod target;

pub(super) use target::TARGET;

use super::description::{ColumnType, Description, Format, PublishLock, Publishing, Stay};
use crate::TableName;
use crate::model::ModelOptions;

/// The SQL of Snowflake.
pub(super) struct SnowflakeSql;

impl Description for SnowflakeSql {
    fn name(&self) -> &'static str {
        "snowflake"
    }

    fn product(&self) -> &'static str {
        "Snowflake"
    }

    fn macros(&self) -> &'static str {
        include_str!("../../../../dbt/macros/snowflake.sql")
    }

    fn text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    }

    fn unquoted(&self, name: &str) -> String {
        name.to_uppercase()
    }

    fn type_name(&self, column: ColumnType) -> &'static str {
        match column {
            ColumnType::Text => "varchar",
            ColumnType::Integer => "bigint",
            ColumnType::Time => "timestamp_tz",
            ColumnType::Double => "double precision",
        }
    }

    fn utc_in_time(&self) -> &'static str {
        " +0000"
    }

    fn micros(&self, time: &str) -> String {
        format!("date_part(epoch_microsecond, {time})")
    }

    fn divided(&self, dividend: &str, divisor: i64) -> String {
        // Division gives a rounded decimal: divide only what is divisible.
        format!("cast((({dividend}) - mod({dividend}, {divisor})) / {divisor} as bigint)")
    }

    fn session_in_utc(&self) -> Option<&'static str> {
        Some("alter session set timezone = 'UTC'")
    }

    fn publish_lock(&self) -> PublishLock {
        PublishLock::OneRow
    }

    fn publishings(&self, _: Format) -> &'static [Publishing] {
        &[Publishing::Rows, Publishing::Replace]
    }

    fn table_words(&self, _: &ModelOptions, stay: Stay) -> &'static str {
        if stay == Stay::Staging { "transient " } else { "" }
    }

    fn table_clauses(&self, _: Format, options: &ModelOptions, stay: Stay) -> String {
        let mut clauses = String::new();
        if !options.cluster_by.is_empty() {
            clauses = format!("\ncluster by ({})", self.own_columns(&options.cluster_by));
        }
        if stay == Stay::Replacing {
            clauses.push_str("\ncopy grants");
        }
        clauses
    }

    fn view_clauses(&self, stay: Stay) -> &'static str {
        if stay == Stay::Replacing { " copy grants" } else { "" }
    }

    /// The whole name: the schema of a plain one would be the session's, not the table's.
    fn new_name(&self, new: &TableName) -> String {
        self.relation(new)
    }
}
