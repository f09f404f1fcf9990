//! The JSON schema of `tracklet.toml`, with which editors complete and check it while it is written.
//!
//! It is made from the keys that the parser has. What a schema can't say the parser alone knows: that a timeout has no
//! part-minutes, that two count columns differ by more than their case.

use super::function::{FUNCTIONS, OS_NAME};
use super::keys::{ANY, Key, Takes, keys_of, sections};
use super::{
    COLUMNS_BESIDE_EVENTS, FACT_COLUMNS, LONGEST_COLUMN, TABLES_OF_EVENTS, columns_of, columns_of_sessions,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use tracklet_dialects::Dialect;
use tracklet_dialects::description::{FORMATS, PUBLISHINGS, Publishing};
use tracklet_dialects::model::MATERIALIZED;
use tracklet_dialects::target_keys::{TargetKey, TargetValue, needed, target_keys};
use tracklet_kernel::session_columns::FOLDS;

/// What stands for the environment in a text.
const TEMPLATE: &str = "\\{\\{";

/// `docs/tracklet.schema.json`: JSON Schema, draft 7, which editors know.
pub fn json_schema() -> Value {
    let mut top = section("");
    let properties = &mut top["properties"];
    let tops = sections().into_iter().filter_map(|name| name.split('.').next());
    for name in tops.filter(|name| !name.is_empty()) {
        properties[name] = section(name);
    }
    properties["targets"] = json!({
        "type": "object",
        "description": "Warehouses, each in a section [targets.NAME], for `--target NAME`.",
        "additionalProperties": {
            "oneOf": Dialect::ALL.map(|dialect| json!({ "$ref": format!("#/definitions/{}", dialect.name()) })),
        },
    });
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "tracklet.toml",
        "description": "The configuration of Tracklet.",
    });
    for (key, value) in top.as_object().into_iter().flatten() {
        schema[key] = value.clone();
    }
    let targets: Map<String, Value> =
        Dialect::ALL.into_iter().map(|dialect| (dialect.name().to_owned(), target(dialect))).collect();
    schema["definitions"] = targets.into();
    schema
}

/// A section with those below it.
fn section(name: &str) -> Value {
    let named = keys_of(name).filter(|key| key.name != ANY);
    let mut properties: Map<String, Value> = named.map(|key| (key.name.to_owned(), described(key))).collect();
    if let Some(key) = keys_of(name).find(|key| key.name == ANY) {
        let mut fixed: Vec<String> = taken_names(name).iter().map(|column| any_case(column)).collect();
        if name == "columns" {
            // Of a flow, and the preset in another case.
            fixed.extend([
                format!("{}[0-9]+", any_case("event_")),
                "(?!preset)[Pp][Rr][Ee][Ss][Ee][Tt]".to_owned(),
            ]);
        }
        let mut schema = json!({
            "type": "object",
            "description": key.about,
            "propertyNames": {
                "pattern": format!("^[A-Za-z_][A-Za-z0-9_]{{0,{}}}$", LONGEST_COLUMN - 1),
                "not": { "pattern": format!("^({})$", fixed.join("|")) },
            },
            "additionalProperties": taken(key.takes),
        });
        if !properties.is_empty() {
            schema["properties"] = properties.into();
        }
        return schema;
    }
    let below = format!("{name}.");
    for child in sections().into_iter().filter(|child| !name.is_empty() && child.starts_with(&below)) {
        properties.insert(child[below.len()..].to_owned(), section(child));
    }
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn described(key: &Key) -> Value {
    let mut schema = json!({ "description": format!("{}\n\nDefault: {}.", key.about, key.default) });
    for (word, value) in taken(key.takes).as_object().into_iter().flatten() {
        schema[word] = value.clone();
    }
    schema
}

fn taken(takes: Takes) -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    match takes {
        Takes::Truth => json!({ "type": "boolean" }),
        Takes::Text => text,
        Takes::Texts => json!({ "anyOf": [text, { "type": "array", "items": text }] }),
        Takes::AnyTexts => {
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
        }
        Takes::SomeTexts => json!({ "anyOf": [text, { "type": "array", "items": text, "minItems": 1 }] }),
        Takes::Word(words) => json!({ "enum": words }),
        Takes::WordOrTexts(words) => {
            json!({ "anyOf": [{ "enum": words }, { "type": "array", "items": text }] })
        }
        Takes::Number(least, None) => json!({ "type": "integer", "minimum": least }),
        Takes::Number(least, Some(most)) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Takes::Words(words) => {
            let word = json!({ "enum": words });
            json!({ "anyOf": [word, { "type": "array", "items": word, "minItems": 1 }] })
        }
        Takes::AnyWords(words) => {
            let word = json!({ "enum": words });
            json!({ "anyOf": [word, { "type": "array", "items": word }] })
        }
        Takes::Column => {
            let names = json!({ "anyOf": [text, { "type": "array", "items": text, "minItems": 1 }] });
            let number = json!({
                "type": "object",
                "properties": { "number": names.clone() },
                "required": ["number"],
                "additionalProperties": false,
            });
            let derived = FUNCTIONS.iter().map(|(name, function)| {
                let mut properties = json!({ *name: names });
                if function.takes_os_name() {
                    properties[OS_NAME] = names.clone();
                }
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": [name],
                    "additionalProperties": false,
                })
            });
            let any: Vec<Value> = [names.clone(), number].into_iter().chain(derived).collect();
            json!({ "anyOf": any })
        }
        Takes::Folded => {
            let names = json!({ "anyOf": [text, { "type": "array", "items": text, "minItems": 1 }] });
            let any = FOLDS.iter().map(|(function, fold)| {
                let mut properties = json!({ *function: text, "of": names });
                if fold.picks() {
                    properties["at"] = names.clone();
                }
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": [function],
                    "additionalProperties": false,
                })
            });
            json!({ "anyOf": any.collect::<Vec<Value>>() })
        }
        Takes::Duration(most) => json!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": most },
            { "type": "string", "pattern": "^(?=.*[1-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$" },
        ] }),
    }
}

/// Names of columns that are taken in a section whose names the user chooses.
fn taken_names(section: &str) -> BTreeSet<String> {
    if section == "session.columns" {
        return columns_of_sessions().map(|(column, _)| column).collect();
    }
    if section != "columns" {
        return FACT_COLUMNS.into_iter().map(str::to_owned).collect();
    }
    let beside = COLUMNS_BESIDE_EVENTS.into_iter().map(|(column, _)| column.to_owned());
    TABLES_OF_EVENTS.into_iter().flat_map(columns_of).chain(beside).collect()
}

/// A pattern of the word in any case.
fn any_case(word: &str) -> String {
    let each = |c: char| match c {
        'a'..='z' => format!("[{c}{}]", c.to_ascii_uppercase()),
        other => other.to_string(),
    };
    word.chars().map(each).collect()
}

fn target(dialect: Dialect) -> Value {
    let properties: Map<String, Value> =
        target_keys(dialect).map(|key| (key.name.to_owned(), field(dialect, key))).collect();
    let required: Vec<&str> = ["type"].into_iter().chain(needed(dialect).iter().copied()).collect();
    json!({
        "type": "object",
        "title": dialect.target_type().title,
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn field(dialect: Dialect, key: &TargetKey) -> Value {
    let about = key.about;
    if key.name == "type" {
        return json!({ "description": about, "const": dialect.name() });
    }
    let template = json!({ "type": "string", "pattern": TEMPLATE });
    let words: Option<Vec<&str>> = match key.name {
        "publish" => {
            let has = |publishing: &Publishing| {
                FORMATS.iter().any(|(_, format)| dialect.publishings(*format).contains(publishing))
            };
            Some(
                PUBLISHINGS.iter().filter(|(_, publishing)| has(publishing)).map(|(name, _)| *name).collect(),
            )
        }
        "format" => Some(FORMATS.iter().map(|(name, _)| *name).collect()),
        "materialize" => Some(MATERIALIZED.iter().map(|(name, _)| *name).collect()),
        _ => match key.value {
            TargetValue::Word(words) => Some(words.to_vec()),
            _ => None,
        },
    };
    if let Some(words) = words {
        return json!({ "description": about, "anyOf": [{ "enum": words }, template] });
    }
    match key.value {
        TargetValue::Text | TargetValue::Word(_) => json!({ "description": about, "type": "string" }),
        TargetValue::Secret => json!({ "description": about, "type": "string", "pattern": TEMPLATE }),
        TargetValue::Number => {
            json!({ "description": about, "anyOf": [{ "type": "integer", "minimum": 0 }, template] })
        }
        TargetValue::Texts => json!({
            "description": about,
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        }),
        TargetValue::Names => json!({
            "description": about,
            "anyOf": [{ "type": "object", "additionalProperties": { "type": "string" } }, template],
        }),
    }
}
