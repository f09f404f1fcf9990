//! The configuration as the variables of the dbt package. Those that say which types events have and what they carry are not
//! among them: [`carried`] and the source tables stand for what dbt makes of these.

use super::package;
use super::render::Materialized;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tracklet_config::{ColumnSource, Config, EventColumn, Function, RecordedSessionColumn};
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::registry::{CarriedSpec, CarriedType, EVENT_TYPE};
use tracklet_kernel::rules::{Duplicates, Rules, Timeout};
use tracklet_kernel::session_columns::SessionColumn;

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
        "tracklet_evidence": config.identity.evidence.iter().map(EventType::name).collect::<Vec<_>>(),
        "tracklet_timeout": timeout,
        "tracklet_boundary": boundary,
        // Rows whose ids are made of them have each another one.
        "tracklet_dedupe": rules.duplicates != Duplicates::Keep,
        "tracklet_counts": counts,
        "tracklet_session_columns": session_columns(rules),
        "tracklet_flow_length": rules.flow_length,
        "tracklet_materialize": match materialize {
            Materialized::View => "view",
            Materialized::Table => "table",
        },
    });
    with_defaults(given)
}

/// The columns of sessions, as a project of dbt writes them.
fn session_columns(rules: &Rules) -> Map<String, Value> {
    let column = |column: &SessionColumn| {
        let recorded = RecordedSessionColumn::from(column);
        let mut written = json!({ recorded.function: recorded.column.as_deref().unwrap_or("*") });
        if let Some(of) = recorded.of {
            written["of"] = json!(of);
        }
        if column.fold.picks() {
            written["at"] = json!(recorded.at);
        }
        (recorded.name, written)
    };
    rules.session_columns.iter().map(column).collect()
}

/// What the models' functions `carried_columns` and `derived_texts` give.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    /// The columns that events carry from the source to `tracklet_events`, as `macros/columns.sql` describes them. None where there
    /// are no tables of events.
    pub(super) columns: Value,
    /// The texts that columns are derived from, as `macros/derived.sql` describes them.
    pub(super) derived_texts: Value,
}

/// What events carry.
pub(super) fn carried(config: &Config) -> Carried {
    let inner = |place: usize| format!("carried_{}", place + 1);
    let carried = &config.rules.carried;
    let of_table = |name: &str| config.columns.iter().find(|column| column.spec.name == name);
    let mut texts = DerivedTexts { carried: Vec::new(), texts: Vec::new(), lowered: BTreeMap::new() };
    for (place, spec) in carried.iter().enumerate() {
        if let Some(column) = of_table(&spec.name)
            && column.derived.is_none()
            && spec.carried_type == CarriedType::Text
        {
            texts.carried.push((column, inner(place)));
        }
    }
    let column = |(place, spec): (usize, &CarriedSpec)| {
        if spec.name == EVENT_TYPE {
            return json!({ "name": EVENT_TYPE, "type": "event_type", "inner": inner(place) });
        }
        let column = of_table(&spec.name);
        let mut described = json!({
            "name": spec.name,
            "type": match spec.carried_type {
                CarriedType::Text => "text",
                CarriedType::Number => "number",
                CarriedType::Truth => "truth",
            },
            "no_value": spec.no_value,
            "sources": column.map(|column| sources(&column.sources)),
            "is_of_preset": column.is_some_and(|column| column.is_of_preset),
            "inner": inner(place),
        });
        if let Some((column, from)) = column.and_then(|column| Some((column, column.derived.as_ref()?))) {
            let is_url = from.function == Function::Host;
            described["function"] = json!(from.function.name());
            described["of"] = json!(texts.lowered(column, &from.of, &from.no_value, is_url));
            let os_name =
                (!from.os_name.is_empty()).then(|| texts.lowered(column, &from.os_name, &[], false));
            described["os_name"] = json!(os_name);
        }
        described
    };
    let columns = carried.iter().enumerate().map(column).collect();
    Carried { columns, derived_texts: Value::Array(texts.texts) }
}

/// The source's columns of one of the models' columns.
fn sources(sources: &[ColumnSource]) -> Value {
    let source = |source: &ColumnSource| json!({ "name": source.name, "of": source.of.map(EventType::name) });
    sources.iter().map(source).collect()
}

/// The texts that columns are derived from, as far as they are known.
struct DerivedTexts<'a> {
    /// Columns of texts that events carry, with what they are called on the way.
    carried: Vec<(&'a EventColumn, String)>,
    texts: Vec<Value>,
    /// The name under which a text is looked at, by the one that it has and whether it is a URL.
    lowered: BTreeMap<(String, bool), String>,
}

impl DerivedTexts<'_> {
    /// The name under which a text is looked at for a derived column. What events carry is not read twice, nor what
    /// another column is derived from.
    fn lowered(
        &mut self,
        column: &EventColumn,
        of: &[ColumnSource],
        no_value: &[String],
        is_url: bool,
    ) -> String {
        let is_it = |other: &&EventColumn| other.sources == of && other.spec.no_value == no_value;
        let carried = self.carried.iter().find(|(other, _)| is_it(other)).map(|(_, inner)| inner.clone());
        let sources = sources(of);
        let is_same = |text: &&Value| text["sources"] == sources && text["no_value"] == json!(no_value);
        let known =
            self.texts.iter().find(is_same).and_then(|text| text["inner"].as_str()).map(str::to_owned);
        let inner = carried.clone().or(known);
        let is_read = inner.is_none();
        let inner = inner.unwrap_or_else(|| format!("derived_from_{}", self.texts.len() + 1));
        if let Some(lowered) = self.lowered.get(&(inner.clone(), is_url)) {
            return lowered.clone();
        }
        let lowered = format!("lowered_{}", self.texts.len() + 1);
        self.texts.push(json!({
            "name": column.spec.name,
            "type": "text",
            "no_value": no_value,
            "sources": sources,
            "is_of_preset": column.is_of_preset,
            "inner": inner,
            "is_read": is_read,
            "is_url": is_url,
            "lowered": lowered,
        }));
        self.lowered.insert((inner, is_url), lowered.clone());
        lowered
    }
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
