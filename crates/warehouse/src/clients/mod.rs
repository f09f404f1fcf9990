//! The clients: one for each dialect, behind the trait [`Warehouse`](crate::connection::Warehouse).
//!
//! A client runs the SQL that it is given and writes none of its own, but for questions to its warehouse's catalog.

#[cfg(feature = "bigquery")]
pub mod bigquery;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "postgres")]
mod redshift;
#[cfg(feature = "snowflake")]
pub mod snowflake;
#[cfg(feature = "spark")]
pub mod spark;

use crate::connection::SettingsOf;
#[cfg(feature = "clients")]
use crate::connection::settings;
use tracklet_dialects::Dialect;

/// What makes the settings of a dialect's client; none where the program was built without the client.
pub(crate) fn settings_of(dialect: Dialect) -> Option<SettingsOf> {
    match dialect {
        #[cfg(feature = "bigquery")]
        Dialect::BigQuery => Some(settings::<bigquery::BigQuerySettings>),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Some(settings::<postgres::PostgresSettings>),
        #[cfg(feature = "postgres")]
        Dialect::Redshift => Some(settings::<redshift::RedshiftSettings>),
        #[cfg(feature = "snowflake")]
        Dialect::Snowflake => Some(settings::<snowflake::SnowflakeSettings>),
        #[cfg(feature = "spark")]
        Dialect::Spark => Some(settings::<spark::SparkSettings>),
        #[allow(unreachable_patterns, reason = "all may be there")]
        _ => None,
    }
}
