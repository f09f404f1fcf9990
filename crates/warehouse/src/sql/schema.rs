//! `schema.yml` of the package: what every table and column means, and the data tests on them.

use super::package;
use serde::Deserialize;
use std::sync::LazyLock;

/// The file.
#[derive(Debug, Clone, Deserialize)]
pub struct Schema {
    /// The models.
    pub models: Vec<Described>,
}

/// A model.
#[derive(Debug, Clone, Deserialize)]
pub struct Described {
    /// The name of the model.
    pub name: String,
    /// A sentence that describes the model.
    pub description: String,
    /// The columns of the model, in order.
    #[serde(default)]
    pub columns: Vec<DescribedColumn>,
}

/// A column.
#[derive(Debug, Clone, Deserialize)]
pub struct DescribedColumn {
    /// The name of the column.
    pub name: String,
    /// A sentence that describes the column.
    pub description: String,
    /// What must hold for it.
    #[serde(default)]
    pub data_tests: Vec<ColumnTest>,
}

/// What must hold for a column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnTest {
    /// The column has no null.
    NotNull,
    /// The column has no value twice.
    Unique,
    /// The column has only these values.
    AcceptedValues(WithArguments<AcceptedValues>),
    /// The values of the column are in a column of another model.
    Relationships(WithArguments<Relationships>),
}

/// Arguments stand below a key of their own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WithArguments<T> {
    /// The arguments.
    pub arguments: T,
}

/// The values that a column may have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AcceptedValues {
    /// The values.
    pub values: Vec<serde_json::Value>,
    /// Whether they are texts.
    #[serde(default = "texts")]
    pub quote: bool,
}

fn texts() -> bool {
    true
}

/// Where the values of a column must be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Relationships {
    /// The model, as `ref('name')`.
    to: String,
    /// The column of the other model.
    pub field: String,
}

impl Relationships {
    /// The model's name.
    pub fn model(&self) -> &str {
        self.to.strip_prefix("ref('").and_then(|rest| rest.strip_suffix("')")).unwrap_or(&self.to)
    }
}

/// The package's `schema.yml`.
pub fn schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
        serde_saphyr::from_str(package::file("models/schema.yml").text)
            .expect("schema.yml is as this module reads it: a test does")
    });
    &SCHEMA
}

/// What a model is, in one line.
pub fn description(model: &str) -> &'static str {
    let described = schema().models.iter().find(|described| described.name == model);
    described.map_or("", |described| described.description.trim())
}

#[cfg(test)]
mod tests {
    use super::{ColumnTest, schema};
    use crate::sql::package;
    use std::collections::BTreeSet;

    #[test]
    fn every_model_is_described() {
        let described: BTreeSet<&str> = schema().models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(described, package::models().map(package::File::name).collect());
    }

    #[test]
    fn relationships_name_a_model() {
        for column in schema().models.iter().flat_map(|model| &model.columns) {
            for test in &column.data_tests {
                if let ColumnTest::Relationships(test) = test {
                    assert!(package::query(test.arguments.model()).is_some());
                }
            }
        }
    }
}
