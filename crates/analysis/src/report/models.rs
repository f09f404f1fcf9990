//! The tables: what is in them and which is made from which, from the very models that a warehouse runs.

use serde::{Deserialize, Serialize};
use tracklet_native::manifest::Manifest;

const SCHEMA: &str = include_str!("../../../../dbt/models/schema.yml");

macro_rules! sources {
    ($($name:literal: $path:literal),+ $(,)?) => {
        /// Every model with its SQL.
        const SOURCES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../../dbt/models/", $path)))),+];
    };
}

sources! {
    "tracklet_staged": "staging/tracklet_staged.sql",
    "tracklet_tracks": "staging/tracklet_tracks.sql",
    "tracklet_rejects": "tracklet_rejects.sql",
    "tracklet_duplicates": "tracklet_duplicates.sql",
    "tracklet_pairs": "tracklet_pairs.sql",
    "dbt_aliases_mapping": "dbt_aliases_mapping.sql",
    "tracklet_event_facts": "tracklet_event_facts.sql",
    "tracklet_session_facts": "tracklet_session_facts.sql",
    "tracklet_events": "tracklet_events.sql",
    "tracklet_sessions": "tracklet_sessions.sql",
    "dbt_mapped_tracks": "dbt_mapped_tracks.sql",
    "dbt_track_facts": "dbt_track_facts.sql",
    "dbt_tracks_flow": "dbt_tracks_flow.sql",
    "dbt_session_tracks": "dbt_session_tracks.sql",
    "dbt_session_track_facts": "dbt_session_track_facts.sql",
    "dbt_session_duration": "dbt_session_duration.sql",
    "dbt_user_session_facts": "dbt_user_session_facts.sql",
}

/// A table, or a step between tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// The model's name.
    pub name: String,
    /// The model's description in the dbt package.
    pub description: String,
    /// The model's columns.
    pub columns: Vec<ModelColumn>,
    /// The models that it is made from.
    pub from: Vec<String>,
    /// How many models there are on the longest way to it.
    pub depth: usize,
    /// The model's rows; `None` for a step that is not kept as a table.
    pub rows: Option<u64>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelColumn {
    /// The column's name.
    pub name: String,
    /// The column's description in the dbt package.
    pub description: String,
    /// The tests that it must pass, by name.
    pub tests: Vec<String>,
}

/// The models that are there only where events have types or carry columns.
const OF_EVENTS: [&str; 2] = ["tracklet_events", "tracklet_sessions"];

/// All models of the run, each after those that it is made from.
pub(crate) fn models(manifest: &Manifest) -> Vec<Model> {
    let schema: Schema = serde_saphyr::from_str(SCHEMA).expect("the package's own file, read in a test");
    let mut models: Vec<Model> = Vec::new();
    let is_there = |name: &str| !OF_EVENTS.contains(&name) || manifest.tables.contains_key(name);
    for (name, sql) in SOURCES.iter().filter(|(name, _)| is_there(name)) {
        let from = references(sql);
        let above = from.iter().filter_map(|from| models.iter().find(|model| model.name == *from));
        let depth = above.map(|model| model.depth + 1).max().unwrap_or(0);
        let described = schema.models.iter().find(|model| model.name == *name);
        models.push(Model {
            name: (*name).to_owned(),
            description: described.map_or_else(String::new, |model| model.description.trim().to_owned()),
            columns: described
                .map(|model| model.columns.iter().map(DescribedColumn::column).collect())
                .unwrap_or_default(),
            from,
            depth,
            rows: manifest.tables.get(*name).copied(),
        });
    }
    models
}

/// The models that `sql` names as `ref('...')`, each once.
fn references(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    for reference in sql.split("ref('").skip(1) {
        if let Some((name, _)) = reference.split_once('\'')
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

#[derive(Deserialize)]
struct Schema {
    models: Vec<DescribedModel>,
}

#[derive(Deserialize)]
struct DescribedModel {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    columns: Vec<DescribedColumn>,
}

#[derive(Deserialize)]
struct DescribedColumn {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    data_tests: Vec<serde_json::Value>,
}

impl DescribedColumn {
    fn column(&self) -> ModelColumn {
        // A test is its name, or a map with its name as the only key.
        let name = |test: &serde_json::Value| match test {
            serde_json::Value::String(name) => Some(name.clone()),
            serde_json::Value::Object(map) => map.keys().next().cloned(),
            _ => None,
        };
        ModelColumn {
            name: self.name.clone(),
            description: self.description.trim().to_owned(),
            tests: self.data_tests.iter().filter_map(name).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SCHEMA, SOURCES, Schema, references};
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_model_of_the_package_is_here_after_its_sources_and_described() {
        let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../dbt/models");
        let mut files = BTreeSet::new();
        for folder in [folder.clone(), folder.join("staging")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|ending| ending == "sql") {
                    files.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
                }
            }
        }
        assert_eq!(files, SOURCES.iter().map(|(name, _)| (*name).to_owned()).collect());
        let schema: Schema = serde_saphyr::from_str(SCHEMA).unwrap();
        for (place, (name, sql)) in SOURCES.iter().enumerate() {
            for from in references(sql) {
                let before = SOURCES[..place].iter().any(|(name, _)| *name == from);
                assert!(before, "{name} stands before {from}");
            }
            let model = schema.models.iter().find(|model| model.name == *name).expect(name);
            assert!(!model.description.is_empty() && !model.columns.is_empty(), "{name}");
        }
    }
}
