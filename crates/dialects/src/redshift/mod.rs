//! The SQL of Amazon Redshift.

mod target;

pub(super) use target::TARGET;

use super::description::{ColumnType, Description, Format, PublishLock, Publishing, Stay};
use crate::model::ModelOptions;
use std::fmt::Write as _;

/// The SQL of Amazon Redshift.
pub(super) struct RedshiftSql;

impl Description for RedshiftSql {
    fn name(&self) -> &'static str {
        "redshift"
    }

    fn product(&self) -> &'static str {
        "Redshift"
    }

    fn macros(&self) -> &'static str {
        include_str!("../../../../dbt/macros/redshift.sql")
    }

    fn text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''").replace('\\', "' || chr(92) || '"))
    }

    fn type_name(&self, column: ColumnType) -> &'static str {
        match column {
            ColumnType::Text => "varchar(65535)",
            ColumnType::Integer => "bigint",
            ColumnType::Time => "timestamp",
            ColumnType::Double => "double precision",
        }
    }

    /// Nothing: times have no zone here, and are in UTC.
    fn utc_in_time(&self) -> &'static str {
        ""
    }

    fn micros(&self, time: &str) -> String {
        // Two times are apart by as many microseconds as there are boundaries between.
        format!("datediff(microsecond, timestamp '1970-01-01', {time})")
    }

    fn session_in_utc(&self) -> Option<&'static str> {
        Some("set timezone to 'UTC'")
    }

    fn takes_back_ddl(&self) -> bool {
        true
    }

    fn publish_lock(&self) -> PublishLock {
        PublishLock::Table
    }

    fn publishings(&self, _: Format) -> &'static [Publishing] {
        &[Publishing::Swap, Publishing::Rows]
    }

    fn table_clauses(&self, _: Format, options: &ModelOptions, _: Stay) -> String {
        let mut clauses = String::new();
        if let Some(column) = &options.dist {
            let _ = write!(clauses, "\ndiststyle key distkey ({})", self.own_column(column));
        }
        if !options.sort.is_empty() {
            let _ = write!(clauses, "\nsortkey ({})", self.own_columns(&options.sort));
        }
        clauses
    }

    fn answers_figures(&self) -> bool {
        true
    }

    fn takes_exports(&self) -> bool {
        true
    }
}
