//! What a model of the dbt package says of itself, as far as a dialect looks at it.

use serde::Deserialize;

/// What `config(..)` of a model says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ModelOptions {
    /// Table or view.
    pub materialized: Materialized,
    /// How the table is cut into partitions.
    pub partition_by: Option<Partition>,
    /// The columns by which rows lie together.
    pub cluster_by: Vec<String>,
    /// The column that spreads the rows over a cluster's machines.
    pub dist: Option<String>,
    /// The columns by which rows are sorted.
    pub sort: Vec<String>,
    /// The columns of each index that it has, where the warehouse has indexes.
    pub indexes: Vec<Vec<String>>,
    /// Whether the table may be lost in a crash of the server.
    pub unlogged: bool,
    /// What runs before.
    pub pre_hook: String,
    /// What runs after.
    pub post_hook: String,
    /// What the model is marked with.
    pub tags: Vec<String>,
    /// Whether there is such a model or data test under the configuration; `None` is yes.
    pub enabled: Option<bool>,
    /// How bad a row is that a data test finds: dbt's `warn` or `error`.
    pub severity: Option<String>,
}

/// How a model is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Materialized {
    /// As a query.
    #[default]
    View,
    /// As rows.
    Table,
}

/// How the tables over the physical ones are called in the configuration.
pub const MATERIALIZED: [(&str, Materialized); 2] =
    [("view", Materialized::View), ("table", Materialized::Table)];

/// How a table is cut.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Partition {
    /// By the month of a time.
    Month {
        /// The column.
        month: String,
    },
    /// By a small number.
    Number {
        /// The column.
        number: String,
        /// How many values it has, from 0.
        values: u32,
    },
}
