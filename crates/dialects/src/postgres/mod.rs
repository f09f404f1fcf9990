//! The SQL of PostgreSQL.

pub(super) mod target;

pub(super) use target::TARGET;

use super::description::{ColumnType, Description, Format, PublishLock, Publishing, Stay};
use crate::model::ModelOptions;

/// The SQL of PostgreSQL.
pub(super) struct PostgresSql;

impl Description for PostgresSql {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn product(&self) -> &'static str {
        "PostgreSQL"
    }

    fn macros(&self) -> &'static str {
        include_str!("../../../../dbt/macros/postgres.sql")
    }

    fn text(&self, text: &str) -> String {
        let doubled = text.replace('\'', "''");
        if text.contains('\\') {
            format!("E'{}'", doubled.replace('\\', "\\\\"))
        } else {
            format!("'{doubled}'")
        }
    }

    fn type_name(&self, column: ColumnType) -> &'static str {
        match column {
            ColumnType::Text => "text",
            ColumnType::Integer => "bigint",
            ColumnType::Time => "timestamp with time zone",
            ColumnType::Double => "double precision",
        }
    }

    fn micros(&self, time: &str) -> String {
        // extract gives an exact numeric; date_part's double would lose the last microsecond.
        format!("cast(extract(epoch from {time}) * 1000000 as bigint)")
    }

    fn session_in_utc(&self) -> Option<&'static str> {
        Some("set time zone 'UTC'")
    }

    fn takes_back_ddl(&self) -> bool {
        true
    }

    fn publish_lock(&self) -> PublishLock {
        PublishLock::UniqueNumber
    }

    fn publishings(&self, _: Format) -> &'static [Publishing] {
        &[Publishing::Swap, Publishing::Rows]
    }

    fn table_words(&self, options: &ModelOptions, stay: Stay) -> &'static str {
        if stay == Stay::Staging && options.unlogged { "unlogged " } else { "" }
    }

    fn has_indexes(&self) -> bool {
        true
    }

    fn answers_figures(&self) -> bool {
        true
    }

    fn takes_exports(&self) -> bool {
        true
    }
}
