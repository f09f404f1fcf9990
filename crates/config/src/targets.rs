//! The sections `[targets.NAME]`.

use super::document::{Entry, Section};
use super::error::{ConfigError, Problem};
use serde_json::{Map, Value};
use tracklet_dialects::Dialect;
use tracklet_dialects::target_keys::{TargetKey, TargetValue, target_keys};

/// A warehouse as the file describes it. Texts may still hold `{{ env_var('NAME') }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSection {
    /// The target's name: `NAME` of `[targets.NAME]`.
    pub name: String,
    /// The dialect that the target's `type` names.
    pub dialect: Dialect,
    /// The target's fields, `type` left out.
    pub fields: Map<String, Value>,
}

pub(super) fn targets(section: &Section<'_>) -> Vec<TargetSection> {
    let mut targets = Vec::new();
    for (named, of_target) in section.tables() {
        if let Some(target) = section.kept(target(&named, &of_target)) {
            targets.push(target);
        }
    }
    targets
}

/// A target whose type is known; what is wrong with its fields is noted.
fn target(named: &Entry<'_>, section: &Section<'_>) -> Result<TargetSection, ConfigError> {
    let name = named.key.clone();
    let Some(kind) = section.get("type") else {
        return Err(named.wrong_key(Problem::NoType { target: name }));
    };
    let word = kind.text()?;
    let Some(dialect) = Dialect::from_name(&word) else {
        return Err(kind.wrong(Problem::NotAChoice {
            key: format!("targets.{name}.type"),
            value: word,
            choices: Dialect::ALL.map(Dialect::name).to_vec(),
        }));
    };
    let mut fields = Map::new();
    for entry in section.entries().into_iter().filter(|entry| entry.key != "type") {
        let value = section.kept(field(&name, dialect, &entry));
        fields.extend(value.map(|value| (entry.key, value)));
    }
    Ok(TargetSection { name, dialect, fields })
}

fn field(target: &str, dialect: Dialect, entry: &Entry<'_>) -> Result<Value, ConfigError> {
    let Some(known) = target_keys(dialect).find(|key| key.name == entry.key) else {
        let (target, key) = (target.to_owned(), entry.key.clone());
        return Err(entry.wrong_key(Problem::UnknownTargetKey { target, dialect, key }));
    };
    let value = entry.json();
    // First: a secret of another type must not be repeated either.
    let is_open = !value.as_str().is_some_and(|text| text.contains("{{"));
    if known.value == TargetValue::Secret && is_open {
        return Err(entry.wrong_key(Problem::SecretInFile { key: known.name, example: known.example }));
    }
    if !fits(known, &value) {
        return Err(entry.wrong_type_of(known.value.words()));
    }
    Ok(value)
}

fn fits(key: &TargetKey, value: &Value) -> bool {
    // A text may come from the environment, whatever it stands for.
    let is_template = value.as_str().is_some_and(|text| text.contains("{{"));
    is_template
        || match key.value {
            TargetValue::Text | TargetValue::Word(_) | TargetValue::Secret => value.is_string(),
            TargetValue::Number => value.is_u64(),
            TargetValue::Texts => {
                value.as_array().is_some_and(|list| list.iter().all(Value::is_string)) || value.is_string()
            }
            TargetValue::Names => value.as_object().is_some_and(|names| names.values().all(Value::is_string)),
        }
}
