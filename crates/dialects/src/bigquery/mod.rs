//! `GoogleSQL`, the SQL of `BigQuery`.

mod target;

pub(super) use target::TARGET;

use super::description::{ColumnType, Description, Format, PublishLock, Publishing, Stay};
use crate::model::{ModelOptions, Partition};
use std::fmt::Write as _;

/// The SQL of `BigQuery`.
pub(super) struct BigQuerySql;

impl Description for BigQuerySql {
    fn name(&self) -> &'static str {
        "bigquery"
    }

    fn product(&self) -> &'static str {
        "BigQuery"
    }

    fn macros(&self) -> &'static str {
        include_str!("../../../../dbt/macros/bigquery.sql")
    }

    fn quoted(&self, name: &str) -> String {
        format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
    }

    fn text(&self, text: &str) -> String {
        let text = text.replace('\\', "\\\\").replace('\'', "\\'");
        format!("'{}'", text.replace('\n', "\\n").replace('\r', "\\r"))
    }

    fn type_name(&self, column: ColumnType) -> &'static str {
        match column {
            ColumnType::Text => "string",
            ColumnType::Integer => "int64",
            ColumnType::Time => "timestamp",
            ColumnType::Double => "float64",
        }
    }

    fn micros(&self, time: &str) -> String {
        format!("unix_micros({time})")
    }

    fn divided(&self, dividend: &str, divisor: i64) -> String {
        // The parentheses are for translators that make an operator of it.
        format!("div(({dividend}), {divisor})")
    }

    fn session_in_utc(&self) -> Option<&'static str> {
        None
    }

    fn transaction(&self) -> Option<(&'static str, &'static str)> {
        Some(("begin transaction", "commit transaction"))
    }

    fn publish_lock(&self) -> PublishLock {
        PublishLock::OneRow
    }

    fn publishings(&self, _: Format) -> &'static [Publishing] {
        &[Publishing::Rows, Publishing::Replace]
    }

    fn table_clauses(&self, _: Format, options: &ModelOptions, stay: Stay) -> String {
        let mut clauses = String::new();
        match &options.partition_by {
            Some(Partition::Month { month }) => {
                let column = self.own_column(month);
                let _ = write!(clauses, "\npartition by timestamp_trunc({column}, month)");
            }
            Some(Partition::Number { number, values }) => {
                let column = self.own_column(number);
                let _ =
                    write!(clauses, "\npartition by range_bucket({column}, generate_array(0, {values}, 1))");
            }
            None => {}
        }
        if !options.cluster_by.is_empty() {
            let _ = write!(clauses, "\ncluster by {}", self.own_columns(&options.cluster_by));
        }
        if stay == Stay::Staging {
            clauses.push_str(
                "\noptions (expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day))",
            );
        }
        clauses
    }

    fn answers_figures(&self) -> bool {
        true
    }
}
