//! What a model of the dbt package says of itself, as far as a dialect looks at it.

use serde::Deserialize;

/// The arguments of a model's `config(..)`, as dbt has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ModelOptions {
    /// Table or view.
    pub materialized: Materialized,
    /// The column by which the table is partitioned.
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
    /// The statement before the model is made; empty for none.
    pub pre_hook: String,
    /// The statement after the model is made; empty for none.
    pub post_hook: String,
    /// The tags of the model.
    pub tags: Vec<String>,
    /// Whether there is such a model or data test under the configuration; `None` is yes.
    pub enabled: Option<bool>,
    /// The severity of a data test: dbt's `warn` or `error`.
    pub severity: Option<String>,
}

/// The materialization of a model: table, view, or neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Materialized {
    /// The model is a view.
    #[default]
    View,
    /// The model is a table.
    Table,
}

/// The materializations that the configuration can name, with their names.
pub const MATERIALIZED: [(&str, Materialized); 2] =
    [("view", Materialized::View), ("table", Materialized::Table)];

/// The partitions of a table.
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
