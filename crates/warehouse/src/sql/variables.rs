//! The configuration as the variables of the dbt package. Those that say which types events have and what they carry are not
//! among them: [`carried_columns`] and the source tables stand for what dbt makes of these.

use super::package;
use super::render::Materialized;
use serde_json::{Map, Value, json};
use tracklet_config::{ColumnSource, Config};
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::registry::{CarriedSpec, CarriedType, EVENT_TYPE};
use tracklet_kernel::rules::{Duplicates, Timeout};

const MICROS_OF_UNITS: [(&str, u64); 5] =
    [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// All variables of the package.
pub(super) fn variables(config: &Config, materialize: Materialized) -> Map<String, Value> {
    let rules = &config.rules;
    let (boundary, timeout) = match rules.timeout {
        Timeout::WholeMinutes(minutes) => ("whole_minutes", json!(minutes)),
        Timeout::Exact(micros) => ("exact", json!(with_unit(micros.get()))),
    };
    let columns: Map<String, Value> = config
        .source
        .columns
        .mapped()
        .into_iter()
        .filter_map(|(canonical, own)| Some((canonical.to_owned(), json!(own?))))
        .collect();
    let counts: Map<String, Value> =
        rules.counts.iter().map(|count| (count.column.clone(), json!(count.events))).collect();
    let given = json!({
        "tracklet_columns": columns,
        "tracklet_where": config.source.filter,
        "tracklet_loaded_at": config.source.loaded_at,
        "tracklet_ignore": config.identity.ignore.entries(),
        "tracklet_timeout": timeout,
        "tracklet_boundary": boundary,
        "tracklet_dedupe": rules.duplicates == Duplicates::Drop,
        "tracklet_counts": counts,
        "tracklet_flow_length": rules.flow_length,
        "tracklet_materialize": match materialize {
            Materialized::View => "view",
            Materialized::Table => "table",
        },
    });
    with_defaults(given)
}

/// What the models' function `carried_columns` gives: the columns that events carry from the source to `tracklet_events`, as
/// `macros/columns.sql` describes them. None where there are no tables of events.
pub(super) fn carried_columns(config: &Config) -> Value {
    let column = |carried: &CarriedSpec| {
        if carried.name == EVENT_TYPE {
            return json!({ "name": EVENT_TYPE, "type": "event_type" });
        }
        let column = config.columns.iter().find(|column| column.spec.name == carried.name);
        let source =
            |source: &ColumnSource| json!({ "name": source.name, "of": source.of.map(EventType::name) });
        let sources = column.into_iter().flat_map(|column| &column.sources).map(source);
        json!({
            "name": carried.name,
            "type": match carried.carried_type {
                CarriedType::Text => "text",
                CarriedType::Number => "number",
                CarriedType::Truth => "truth",
            },
            "no_value": carried.no_value,
            "sources": sources.collect::<Vec<_>>(),
            "is_of_preset": column.is_some_and(|column| column.is_of_preset),
        })
    };
    let derived: Vec<&str> = config.derived().map(|column| column.spec.name.as_str()).collect();
    let carried = config.rules.carried.iter().filter(|carried| !derived.contains(&carried.name.as_str()));
    let with_inner = |(place, mut column): (usize, Value)| {
        column["inner"] = json!(format!("carried_{}", place + 1));
        column
    };
    carried.map(column).enumerate().map(with_inner).collect()
}

/// The package's defaults, with what is given in their place.
pub(super) fn with_defaults(given: Value) -> Map<String, Value> {
    let project: Value = serde_saphyr::from_str(package::file("dbt_project.yml").text)
        .expect("dbt_project.yml is YAML: a test reads it");
    let mut variables = project.get("vars").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Value::Object(given) = given {
        variables.extend(given);
    }
    variables
}

/// Microseconds as a whole number with the greatest unit that leaves nothing over.
fn with_unit(micros: u64) -> String {
    let (unit, size) = MICROS_OF_UNITS
        .into_iter()
        .find(|(_, size)| micros.is_multiple_of(*size))
        .expect("every number is whole microseconds");
    format!("{}{unit}", micros / size)
}

#[cfg(test)]
mod tests {
    use super::{variables, with_unit};
    use crate::sql::render::Materialized;
    use std::path::Path;
    use tracklet_config::Config;

    #[test]
    fn timeouts_have_the_greatest_unit_that_fits() {
        assert_eq!(with_unit(90_000_000), "90s");
        assert_eq!(with_unit(7_200_000_000), "2h");
        assert_eq!(with_unit(500_000), "500ms");
        assert_eq!(with_unit(1_500), "1500us");
    }

    #[test]
    fn the_default_configuration_is_the_default_of_the_package() {
        let given = serde_json::Value::Object(variables(&Config::default(), Materialized::View));
        let mut defaults = serde_json::Value::Object(super::with_defaults(serde_json::json!({})));
        // A name and a list of that name are the same.
        defaults["tracklet_ignore"] = serde_json::json!([defaults["tracklet_ignore"].as_str().unwrap()]);
        let counts = defaults["tracklet_counts"].as_object_mut().unwrap();
        for names in counts.values_mut() {
            *names = serde_json::json!([names.as_str().unwrap()]);
        }
        assert_eq!(given, defaults);
    }

    #[test]
    fn counts_keep_their_order() {
        let text = "[counts]\nzebra = \"z\"\napple = [\"a\", \"b\"]";
        let config = Config::parse(text, Path::new("tracklet.toml")).unwrap();
        let given = variables(&config, Materialized::Table);
        let names: Vec<&String> = given["tracklet_counts"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["zebra", "apple"]);
        assert_eq!(given["tracklet_materialize"], "table");
    }
}
