//! The models with what each needs, in an order in which they can be made.

use super::render::STAGING_TAG;
use super::{Names, RenderError, Rendered, Renderer, package};
use std::collections::{BTreeMap, BTreeSet};

/// A model of the package, rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The name of the model.
    pub name: &'static str,
    /// The SQL and the options of the model.
    pub rendered: Rendered,
}

impl Model {
    /// Whether the model is needed only while a run lasts.
    pub fn is_staging(&self) -> bool {
        self.rendered.options.tags.iter().any(|tag| tag == STAGING_TAG)
    }
}

/// All models that the configuration has, each after those that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    models: Vec<Model>,
}

impl Graph {
    /// Renders every model that the configuration has, called as `names` says.
    ///
    /// # Errors
    /// [`RenderError`] of the first that can't be rendered.
    pub fn new(renderer: &Renderer, names: &Names) -> Result<Self, RenderError> {
        let mut unordered = BTreeMap::new();
        for file in package::models() {
            let model = renderer.render(file.name(), names)?;
            if model.options.enabled != Some(false) {
                unordered.insert(file.name(), model);
            }
        }
        let mut graph = Self { models: Vec::new() };
        for name in unordered.keys().copied().collect::<Vec<_>>() {
            graph.add(name, &mut unordered);
        }
        // A view over a staging table is dropped with it.
        for place in 0..graph.models.len() {
            let needs_staging = |graph: &Self| {
                let refs = &graph.models[place].rendered.refs;
                refs.iter().any(|name| graph.get(name).is_some_and(Model::is_staging))
            };
            let is_view =
                graph.models[place].rendered.options.materialized == super::render::Materialized::View;
            if is_view && needs_staging(&graph) && !graph.models[place].is_staging() {
                graph.models[place].rendered.options.tags.push(STAGING_TAG.to_owned());
            }
        }
        Ok(graph)
    }

    fn add(&mut self, name: &'static str, unordered: &mut BTreeMap<&'static str, Rendered>) {
        let Some(rendered) = unordered.remove(name) else { return };
        for needed in &rendered.refs {
            if let Some(file) = package::query(needed) {
                self.add(file.name(), unordered);
            }
        }
        self.models.push(Model { name, rendered });
    }

    /// The models in order.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// One model.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The models that one refers to.
    pub fn parents(&self, name: &str) -> BTreeSet<&'static str> {
        let refs = self.get(name).map(|model| model.rendered.refs.as_slice()).unwrap_or_default();
        refs.iter().filter_map(|needed| self.get(needed)).map(|model| model.name).collect()
    }

    /// The models that refer to one.
    pub fn children(&self, name: &str) -> BTreeSet<&'static str> {
        let refers = |model: &&Model| model.rendered.refs.iter().any(|needed| needed == name);
        self.models.iter().filter(refers).map(|model| model.name).collect()
    }

    /// The models that must be made for `wanted`: themselves, and the staging models that they are made from.
    pub fn with_staging_names(&self, wanted: &BTreeSet<&'static str>) -> BTreeSet<&'static str> {
        let mut all = wanted.clone();
        for model in self.models.iter().rev() {
            if all.contains(model.name) {
                let staging = self.parents(model.name).into_iter();
                all.extend(staging.filter(|name| self.get(name).is_some_and(Model::is_staging)));
            }
        }
        all
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::Graph;
    use crate::sql::render::{Materialized, Renderer, SourceTable};
    use crate::sql::{Dialect, Names};
    use std::collections::BTreeSet;
    use tracklet_config::Config;

    pub(crate) fn graph() -> Graph {
        let table = SourceTable::of_tracks("tracks", "tracks", ["id", "timestamp"]);
        let renderer = Renderer::new(Dialect::Postgres, &Config::default(), Materialized::View, vec![table]);
        Graph::new(&renderer, &Names::new(Dialect::Postgres, None, "s".to_owned())).unwrap()
    }

    #[test]
    fn every_model_comes_after_what_it_needs() {
        let graph = graph();
        let mut seen = BTreeSet::new();
        for model in graph.models() {
            assert!(graph.parents(model.name).is_subset(&seen), "{}", model.name);
            seen.insert(model.name);
        }
        assert_eq!(seen.len(), 15);
    }

    #[test]
    fn staging_models_are_chosen_with_what_is_made_from_them() {
        let graph = graph();
        assert!(graph.get("tracklet_tracks").unwrap().is_staging());
        assert!(!graph.get("tracklet_staged").unwrap().is_staging());
        let made = graph.with_staging_names(&BTreeSet::from(["tracklet_pairs"]));
        assert_eq!(made, BTreeSet::from(["tracklet_pairs", "tracklet_tracks"]));
        let made = graph.with_staging_names(&BTreeSet::from(["dbt_session_tracks"]));
        assert_eq!(made, BTreeSet::from(["dbt_session_tracks"]));
    }
}
