//! What must hold for the tables, as queries that find the rows for which it does not.

use super::schema::{AcceptedValues, ColumnTest, schema};
use super::{Dialect, Names, RenderError, Renderer, package};
use std::collections::BTreeSet;
pub use tracklet_dialects::model::MATERIALIZED;

/// A data test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTest {
    /// The name of the test, as dbt builds it.
    pub name: String,
    /// The model whose column it is about; `None` for a query of its own.
    pub of_column: Option<String>,
    /// The models that it looks at.
    pub models: BTreeSet<String>,
    /// A query whose every row is a failure.
    pub sql: String,
    /// How bad such a row is.
    pub severity: Severity,
}

/// How bad it is when a test finds a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// Failures are reported, and fail nothing.
    Warn,
    /// The test has failed.
    #[default]
    Error,
}

/// Every data test that applies under the renderer's configuration: those of columns, then those that are queries of
/// their own.
///
/// # Errors
/// [`RenderError`] of the first that can't be rendered.
pub fn data_tests(renderer: &Renderer, names: &Names) -> Result<Vec<DataTest>, RenderError> {
    let mut tests = Vec::new();
    for model in &schema().models {
        if !renderer.is_enabled(&model.name, names)? {
            continue;
        }
        for column in &model.columns {
            for test in &column.data_tests {
                tests.push(column_test(names, &model.name, &column.name, test));
            }
        }
    }
    for file in package::singular_tests() {
        let query = renderer.render(file.name(), names)?;
        if query.options.enabled != Some(false) {
            tests.push(DataTest {
                name: file.name().to_owned(),
                of_column: None,
                models: query.refs.into_iter().collect(),
                sql: query.sql,
                severity: Severity::Error,
            });
        }
    }
    Ok(tests)
}

/// The query of a test of one column.
pub fn column_test(names: &Names, model: &str, column: &str, test: &ColumnTest) -> DataTest {
    let dialect = names.dialect();
    let (from, quoted) = (names.relation(model), dialect.own_column(column));
    let mut models = BTreeSet::from([model.to_owned()]);
    let (name, sql) = match test {
        ColumnTest::NotNull => (
            format!("not_null_{model}_{column}"),
            format!("select {quoted}\nfrom {from}\nwhere {quoted} is null\n"),
        ),
        ColumnTest::Unique => (
            format!("unique_{model}_{column}"),
            format!(
                "select\n    {quoted},\n    count(*) as times\nfrom {from}\nwhere {quoted} is not null\n\
                 group by {quoted}\nhaving count(*) > 1\n"
            ),
        ),
        ColumnTest::AcceptedValues(test) => (
            format!("accepted_values_{model}_{column}"),
            format!(
                "select\n    {quoted},\n    count(*) as times\nfrom {from}\nwhere {quoted} not in ({})\n\
                 group by {quoted}\n",
                listed(dialect, &test.arguments)
            ),
        ),
        ColumnTest::Relationships(test) => {
            let (to, field) = (test.arguments.model(), &test.arguments.field);
            models.insert(to.to_owned());
            let (parent, key) = (names.relation(to), dialect.own_column(field));
            (
                format!("relationships_{model}_{column}_in_{to}"),
                format!(
                    "select child.{quoted}\nfrom {from} as child\nleft join {parent} as parent\n    \
                     on parent.{key} = child.{quoted}\nwhere child.{quoted} is not null\n    and parent.{key} is null\n"
                ),
            )
        }
    };
    DataTest { name, of_column: Some(model.to_owned()), models, sql, severity: Severity::Error }
}

fn listed(dialect: Dialect, accepted: &AcceptedValues) -> String {
    let value = |value: &serde_json::Value| match value.as_str() {
        Some(text) if accepted.quote => dialect.text(text),
        _ => value.to_string(),
    };
    accepted.values.iter().map(value).collect::<Vec<_>>().join(", ")
}

/// A query that counts the rows of another.
pub fn counting(sql: &str) -> String {
    format!("select count(*) as failures\nfrom (\n{}\n) as found", sql.trim_end())
}

#[cfg(test)]
mod tests {
    use super::data_tests;
    use crate::sql::render::{Materialized, Renderer};
    use crate::sql::{Dialect, Names};
    use std::collections::BTreeSet;
    use std::path::Path;
    use tracklet_config::Config;

    fn tests(dialect: Dialect, config: &str) -> Vec<super::DataTest> {
        let config = Config::parse(config, Path::new("tracklet.toml")).unwrap();
        let renderer = Renderer::new(dialect, &config, Materialized::View, Vec::new());
        data_tests(&renderer, &Names::new(dialect, None, "s".to_owned())).unwrap()
    }

    #[test]
    fn names_are_unique_and_each_test_looks_at_a_model() {
        let tests = tests(Dialect::Postgres, "");
        let names: BTreeSet<&str> = tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names.len(), tests.len());
        assert!(tests.iter().all(|test| !test.models.is_empty()));
        assert!(tests.len() > 60, "{}", tests.len());
    }

    #[test]
    fn tests_of_columns_quote_as_the_warehouse_spells() {
        let tests = tests(Dialect::Snowflake, "");
        let test = tests.iter().find(|test| test.name == "unique_dbt_aliases_mapping_alias").unwrap();
        assert!(
            test.sql.contains("from \"s\".\"DBT_ALIASES_MAPPING\"\nwhere \"ALIAS\" is not null"),
            "{}",
            test.sql
        );
        let fate = tests.iter().find(|test| test.name == "accepted_values_tracklet_staged_fate").unwrap();
        assert!(fate.sql.contains("not in (0, 1, 2, 4)"), "{}", fate.sql);
        let reason =
            tests.iter().find(|test| test.name == "accepted_values_tracklet_rejects_reason").unwrap();
        assert!(reason.sql.contains("not in ('invalid_text', "), "{}", reason.sql);
    }

    #[test]
    fn a_test_that_does_not_apply_is_left_out() {
        let has =
            |config| tests(Dialect::Postgres, config).iter().any(|test| test.name == "event_ids_are_unique");
        assert!(has(""));
        assert!(!has("dedupe = false"));
    }
}
