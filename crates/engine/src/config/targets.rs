//! The sections `[targets.NAME]`.

use super::document::Section;
use super::error::{ConfigError, Problem};
use super::target_keys::{TYPES, TargetKey, TargetValue, target_keys};
use crate::sql::Dialect;
use serde_json::{Map, Value};

/// A warehouse as the file describes it. Texts may still hold `{{ env_var('NAME') }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSection {
    /// What the file calls it.
    pub name: String,
    /// What it is.
    pub dialect: Dialect,
    /// Its fields, `type` left out.
    pub fields: Map<String, Value>,
}

pub(super) fn targets(section: &Section<'_>) -> Result<Vec<TargetSection>, ConfigError> {
    let mut targets = Vec::new();
    for (name, of_target, place) in section.tables()? {
        let Some(kind) = of_target.get("type") else {
            return Err(place(Problem::NoType { target: name }));
        };
        let word = kind.text()?;
        let Some(dialect) = Dialect::from_name(&word) else {
            return Err(kind.wrong(Problem::NotAChoice {
                key: format!("targets.{name}.type"),
                value: word,
                choices: TYPES.iter().map(|(name, _)| *name).collect(),
            }));
        };
        let mut fields = Map::new();
        for entry in of_target.entries() {
            let known = target_keys(dialect.name()).find(|key| key.name == entry.key);
            let Some(known) = known else {
                let problem =
                    Problem::UnknownTargetKey { target: name, kind: dialect.name(), key: entry.key.clone() };
                return Err(entry.wrong_key(problem));
            };
            let value = entry.json();
            if !fits(known, &value) {
                return Err(entry.wrong_type_of(known.value.words()));
            }
            let is_open = value.as_str().is_some_and(|text| !text.contains("{{"));
            if known.value == TargetValue::Secret && is_open {
                return Err(
                    entry.wrong_key(Problem::SecretInFile { key: known.name, example: known.example })
                );
            }
            if known.name != "type" {
                fields.insert(known.name.to_owned(), value);
            }
        }
        targets.push(TargetSection { name, dialect, fields });
    }
    Ok(targets)
}

fn fits(key: &TargetKey, value: &Value) -> bool {
    // A text may come from the environment, whatever it stands for.
    let is_template = value.as_str().is_some_and(|text| text.contains("{{"));
    is_template
        || match key.value {
            TargetValue::Text | TargetValue::Secret => value.is_string(),
            TargetValue::Number => value.is_u64(),
            TargetValue::Texts => {
                value.as_array().is_some_and(|list| list.iter().all(Value::is_string)) || value.is_string()
            }
            TargetValue::Names => value.as_object().is_some_and(|names| names.values().all(Value::is_string)),
        }
}
