//! The dialects: a folder for each, and the list of all.
//!
//! ```text
//! snowflake/mod.rs           where the SQL differs from others in the statements around a model: a Description, text alone
//! dbt/macros/snowflake.sql   where it differs inside a model
//! snowflake/target.rs        the keys of a target of that type
//! ```
//!
//! Nothing but this crate and the clients decides by a dialect's name: what differs is a function of [`Description`].

mod bigquery;
pub mod description;
pub mod model;
mod names;
mod postgres;
mod redshift;
mod snowflake;
mod spark;
mod statements;
pub mod target_keys;
mod target_type;

pub use description::Description;
pub use names::{Kind, TableName};
pub use target_type::TargetType;

use std::ops::Deref;

/// What is registered for a dialect.
struct Registered {
    sql: &'static dyn Description,
    target: &'static TargetType,
}

/// The SQL of a kind of warehouse. It stands for its [`Description`].
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

impl Dialect {
    /// Every dialect that Tracklet has SQL for.
    pub const ALL: [Self; 5] = [Self::BigQuery, Self::Snowflake, Self::Redshift, Self::Postgres, Self::Spark];

    /// The registry: what stands in the folder of each dialect.
    fn registered(self) -> Registered {
        match self {
            Self::BigQuery => Registered { sql: &bigquery::BigQuerySql, target: &bigquery::TARGET },
            Self::Snowflake => Registered { sql: &snowflake::SnowflakeSql, target: &snowflake::TARGET },
            Self::Redshift => Registered { sql: &redshift::RedshiftSql, target: &redshift::TARGET },
            Self::Postgres => Registered { sql: &postgres::PostgresSql, target: &postgres::TARGET },
            Self::Spark => Registered { sql: &spark::SparkSql, target: &spark::TARGET },
        }
    }

    /// The targets with this SQL. What renders SQL does not ask for it.
    pub fn target_type(self) -> &'static TargetType {
        self.registered().target
    }

    /// The name of the dialect: that of dbt's adapter, and the `type` of a target.
    pub fn name(self) -> &'static str {
        self.registered().sql.name()
    }

    /// The dialect of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// The dialect of an adapter of dbt.
    pub fn from_adapter(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == name || dialect.other_adapters().contains(&name))
    }

    /// The products whose dialects are like this, for messages: `A, B and C`.
    pub fn products(is_meant: impl Fn(Self) -> bool) -> String {
        // Messages begin with the one that anybody can install.
        let meant = Self::ALL.into_iter().rev().filter(|dialect| is_meant(*dialect));
        let mut products: Vec<&str> = meant.map(|dialect| dialect.product()).collect();
        let Some(last) = products.pop() else { return "none".to_owned() };
        if products.is_empty() { last.to_owned() } else { format!("{} and {last}", products.join(", ")) }
    }
}

impl Deref for Dialect {
    type Target = dyn Description;

    fn deref(&self) -> &Self::Target {
        self.registered().sql
    }
}

#[cfg(test)]
mod tests;
